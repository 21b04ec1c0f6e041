import type { ReceivedSpan } from './collector.ts';

/**
 * Reads ExportTraceServiceRequest (opentelemetry/proto/collector/trace/v1) by the wire format of Protocol Buffers alone, and so
 * not by the code that has written it.
 */
export function decodeTraces(bytes: Buffer): ReceivedSpan[] {
  return messages(bytes, 1).flatMap((resourceSpans) => {
    const resource = attributesOf(messages(resourceSpans, 1)[0] ?? empty, 1);
    return messages(resourceSpans, 2).flatMap((scopeSpans) =>
      messages(scopeSpans, 2).map((span) => spanOf(span, resource)),
    );
  });
}

const empty = Buffer.alloc(0);

function spanOf(bytes: Buffer, resource: ReceivedSpan['resource']): ReceivedSpan {
  const fields = fieldsOf(bytes);
  const part = (number: number) => fields.find((field) => field.number === number);
  const bytesAt = (number: number) => part(number)?.bytes ?? empty;
  const numberAt = (number: number) => part(number)?.value ?? 0n;
  const status = fieldsOf(bytesAt(15)).find(({ number }) => number === 3)?.value ?? 0n;
  return {
    traceId: bytesAt(1).toString('hex'),
    spanId: bytesAt(2).toString('hex'),
    traceState: bytesAt(3).toString(),
    parentSpanId: bytesAt(4).toString('hex'),
    name: bytesAt(5).toString(),
    kind: Number(numberAt(6)),
    start: numberAt(7),
    end: numberAt(8),
    attributes: attributesOf(bytes, 9),
    status: Number(status),
    resource,
  };
}

function attributesOf(bytes: Buffer, number: number): Record<string, string | number | boolean> {
  return Object.fromEntries(
    messages(bytes, number).map((pair) => {
      const [key = empty] = messages(pair, 1);
      const [value] = fieldsOf(messages(pair, 2)[0] ?? empty);
      return [key.toString(), anyValueOf(value)];
    }),
  );
}

/** AnyValue. */
function anyValueOf(field: Field | undefined): string | number | boolean {
  switch (field?.number) {
    case 1:
      return (field.bytes ?? empty).toString();
    case 2:
      return field.value === 1n;
    case 3:
      return Number(BigInt.asIntN(64, field.value ?? 0n));
    case 4: {
      const bits = Buffer.alloc(8);
      bits.writeBigUInt64LE(field.value ?? 0n);
      return bits.readDoubleLE();
    }
    default:
      return '';
  }
}

const messages = (bytes: Buffer, number: number): Buffer[] =>
  fieldsOf(bytes).flatMap((field) => (field.number === number && field.bytes ? [field.bytes] : []));

interface Field {
  number: number;
  value?: bigint;
  bytes?: Buffer;
}

function fieldsOf(bytes: Buffer): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Error('a message ends within a number');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const number = tag >> 3;
    switch (tag & 7) {
      case 0:
        fields.push({ number, value: varint() });
        break;
      case 1:
        fields.push({ number, value: bytes.readBigUInt64LE(at) });
        at += 8;
        break;
      case 2: {
        const length = Number(varint());
        fields.push({ number, bytes: bytes.subarray(at, at + length) });
        at += length;
        break;
      }
      case 5:
        fields.push({ number, value: BigInt(bytes.readUInt32LE(at)) });
        at += 4;
        break;
      default:
        throw new Error(`a field of the wire type ${tag & 7}`);
    }
  }
  return fields;
}
