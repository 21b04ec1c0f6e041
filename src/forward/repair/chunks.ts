import { readField, unfold, unreadable } from './lines.ts';

/** Longer lines are not sizes. */
const longestLine = 16 * 1024;
const longestTrailers = 64 * 1024;

/** The size, blanks, and an extension (RFC 9112 §7.1), which is left out. */
const sizePattern = /^0*([0-9a-f]{1,13})[ \t]*(;.*)?$/i;

const lineFeed = 0x0a;

/** Reads chunks as old servers frame them, and writes them as the standard does. */
export class ChunkRepair {
  #state: 'size' | 'data' | 'end of data' | 'trailers' | 'over' = 'size';
  /** A line that is not whole yet, one character for each byte. */
  #line = '';
  /** Bytes of the chunk that are still to come. */
  #left = 0;
  /** The size of the chunk ended with a line feed alone. */
  #isSizeBare = false;
  #trailers: string[] = [];
  #trailerBytes = 0;
  readonly #endsLinesWithFeed: boolean;

  /** @param endsLinesWithFeed the server ended its status line with a line feed alone */
  constructor(endsLinesWithFeed: boolean) {
    this.#endsLinesWithFeed = endsLinesWithFeed;
  }

  get isOver(): boolean {
    return this.#state === 'over';
  }

  /** What goes on of the bytes that came. Throws GatewayError 502 for chunks that are none, or that end in two places. */
  feed(bytes: Buffer): Buffer[] {
    const out: Buffer[] = [];
    for (let at = 0; at < bytes.length && this.#state !== 'over'; ) {
      if (this.#state === 'data') {
        const end = Math.min(bytes.length, at + this.#left);
        out.push(bytes.subarray(at, end));
        this.#left -= end - at;
        at = end;
        if (this.#left === 0) this.#state = 'end of data';
        continue;
      }
      const feed = bytes.indexOf(lineFeed, at);
      const end = feed < 0 ? bytes.length : feed;
      this.#line += bytes.toString('latin1', at, end);
      if (this.#line.length > longestLine) throw unreadable('a line between chunks without an end');
      if (feed >= 0) this.#take(out);
      at = end + 1;
    }
    return out;
  }

  #take(out: Buffer[]): void {
    const whole = this.#line;
    const line = whole.replace(/\r$/, '');
    this.#line = '';
    if (line.includes('\r')) throw unreadable('a carriage return between chunks');
    const isBare = line === whole;
    if (this.#state === 'size') this.#takeSize(line, isBare, out);
    else if (this.#state === 'trailers') this.#takeTrailer(line, out);
    else {
      // A line feed alone where the size had more may be the half of an end, and the size wrong by one.
      const isEnd = line === '' && (!isBare || this.#isSizeBare);
      if (!isEnd) throw unreadable('a chunk that is longer or shorter than its size');
      out.push(Buffer.from('\r\n'));
      this.#state = 'size';
    }
  }

  #takeSize(line: string, isBare: boolean, out: Buffer[]): void {
    const [, digits, extension] = sizePattern.exec(line) ?? [];
    if (digits === undefined) throw unreadable('the size of a chunk');
    // Who takes only CRLF for an end reads on: to them the data is a part of the extension.
    if (extension !== undefined && isBare && !this.#endsLinesWithFeed) {
      throw unreadable('a chunk extension that ends with a line feed alone');
    }
    this.#isSizeBare = isBare;
    this.#left = Number.parseInt(digits, 16);
    this.#state = this.#left === 0 ? 'trailers' : 'data';
    if (this.#left > 0) out.push(Buffer.from(`${digits}\r\n`));
  }

  #takeTrailer(line: string, out: Buffer[]): void {
    this.#trailerBytes += line.length;
    if (this.#trailerBytes > longestTrailers) throw unreadable('trailers without an end');
    if (line !== '') {
      this.#trailers.push(line);
      return;
    }
    // RFC 9110 §6.5.1: what frames a message is no trailer.
    const fields = unfold(this.#trailers).flatMap((text) => {
      const field = readField(text);
      return field && !/^(content-length|transfer-encoding)$/i.test(field[0]) ? [field] : [];
    });
    const text = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    out.push(Buffer.from(`0\r\n${text}\r\n`, 'latin1'));
    this.#state = 'over';
  }
}
