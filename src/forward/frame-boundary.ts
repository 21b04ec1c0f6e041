/**
 * Follows the frames of a WebSocket (RFC 6455 §5.2) as they pass, without holding them, to know where one
 * ends: only there can the gateway put in a frame of its own.
 */
export class FrameBoundary {
  /** Bytes of the payload that are still to come. */
  #payload = 0;
  /** The header so far, when it came in pieces. */
  #header: number[] = [];

  /** Whether the last byte that passed was the last of a frame. */
  get atBoundary(): boolean {
    return this.#payload === 0 && this.#header.length === 0;
  }

  pass(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#payload > 0) {
        const skipped = Math.min(this.#payload, chunk.length - at);
        this.#payload -= skipped;
        at += skipped;
      } else {
        this.#header.push(chunk[at] as number);
        at += 1;
        const length = payloadLength(this.#header);
        if (length !== undefined) {
          this.#payload = length;
          this.#header = [];
        }
      }
    }
  }
}

/** The length of the payload behind a header, its mask not counted; undefined while the header is not whole. */
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

/** An unmasked close frame, as servers send them (RFC 6455 §5.5.1). */
export function closeFrame(code: number, reason: string): Buffer {
  const text = Buffer.from(reason, 'utf8').subarray(0, 123);
  return Buffer.concat([Buffer.of(0x88, text.length + 2, code >> 8, code & 0xff), text]);
}
