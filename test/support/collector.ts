import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { gunzipSync } from 'node:zlib';
import type { Teardown } from './arrange.ts';
import { listenOnLoopback } from './listening.ts';
import { decodeTraces } from './otlp-protobuf.ts';
import { until } from './until.ts';

/** A span as it was received. */
export interface ReceivedSpan {
  traceId: string;
  spanId: string;
  parentSpanId: string;
  traceState: string;
  name: string;
  /** 1 internal, 2 server, 3 client. */
  kind: number;
  attributes: Record<string, string | number | boolean>;
  /** Of OTLP: 2 is an error. */
  status: number;
  /** Nanoseconds since the epoch. */
  start: bigint;
  end: bigint;
  resource: Record<string, string | number | boolean>;
}

export interface Collector {
  url: string;
  spans: ReceivedSpan[];
  /** What came of HTTP with each message. */
  requests: { url: string; headers: IncomingHttpHeaders; bytes: Buffer }[];
  /** What it answers from now on (200). */
  status: number;
  /** Waits for a span. */
  span(found: (span: ReceivedSpan) => boolean): Promise<ReceivedSpan>;
}

/** The receiving end of OTLP over HTTP, in both of its forms. */
export async function arrangeCollector(t: Teardown): Promise<Collector> {
  const server = createServer(async (request, response) => {
    const bytes = await bodyOf(request);
    const { url = '', headers } = request;
    collector.requests.push({ url, headers, bytes });
    if (collector.status === 200) collector.spans.push(...spansOf(headers['content-type'], bytes));
    response.writeHead(collector.status, { 'content-type': headers['content-type'] ?? '' });
    response.end(headers['content-type'] === 'application/json' ? '{}' : '');
  });
  const { url, close } = await listenOnLoopback(server);
  t.teardown(close);
  const spans: ReceivedSpan[] = [];
  const collector: Collector = {
    url,
    spans,
    requests: [],
    status: 200,
    span: (found) => until('a span', () => spans.find(found)),
  };
  return collector;
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  return request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
}

function spansOf(type: string | undefined, bytes: Buffer): ReceivedSpan[] {
  if (type === 'application/x-protobuf') return decodeTraces(bytes);
  if (type === 'application/json') return spansOfJson(JSON.parse(bytes.toString()) as JsonTraces);
  throw new Error(`a message of the type ${type}`);
}

interface JsonValue {
  stringValue?: string;
  intValue?: string | number;
  doubleValue?: number;
  boolValue?: boolean;
}
interface JsonAttribute {
  key: string;
  value: JsonValue;
}

/** OTLP in JSON, as a program writes it and as a collector does. */
export interface JsonTraces {
  resourceSpans: {
    resource?: { attributes?: JsonAttribute[] };
    scopeSpans: {
      spans: {
        traceId: string;
        spanId: string;
        parentSpanId?: string;
        traceState?: string;
        name: string;
        kind: number;
        startTimeUnixNano: string;
        endTimeUnixNano: string;
        attributes?: JsonAttribute[];
        status?: { code?: number };
      }[];
    }[];
  }[];
}

/** @public scripts/traces.mjs reads the file of a collector with it */
export function spansOfJson({ resourceSpans }: JsonTraces): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId ?? '',
        traceState: span.traceState ?? '',
        name: span.name,
        kind: span.kind,
        attributes: attributesOf(span.attributes),
        status: span.status?.code ?? 0,
        start: BigInt(span.startTimeUnixNano),
        end: BigInt(span.endTimeUnixNano),
        resource: attributesOf(resource?.attributes),
      })),
    ),
  );
}

function attributesOf(list: JsonAttribute[] = []): Record<string, string | number | boolean> {
  return Object.fromEntries(
    list.map(({ key, value }) => {
      const { stringValue, intValue, doubleValue, boolValue } = value;
      return [
        key,
        stringValue ?? (intValue === undefined ? (doubleValue ?? boolValue ?? '') : Number(intValue)),
      ];
    }),
  );
}
