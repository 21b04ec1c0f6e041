const longestUtf8 = 3;
const longestVarint = 8;

/**
 * Writes bytes one behind the other, and grows as it must. What it is asked for is decoded where it is to stand, so that
 * nothing is copied twice. A class, as functions over its variables would be made anew for each session.
 */
export class ByteWriter {
  #buffer: Buffer;
  #at = 0;

  constructor(expectedBytes: number) {
    this.#buffer = Buffer.allocUnsafe(expectedBytes);
  }

  get length(): number {
    return this.#at;
  }

  #makeRoom(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(2 * (this.#at + bytes));
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
  }

  /** A whole number from 0 to 2^53 - 1, in groups of seven bits (LEB128). */
  varint(value: number): void {
    this.#makeRoom(longestVarint);
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#buffer[this.#at++] = (rest % 0x80) | 0x80;
    this.#buffer[this.#at++] = rest;
  }

  byte(value: number): void {
    this.#makeRoom(1);
    this.#buffer[this.#at++] = value;
  }

  double(value: number): void {
    this.#makeRoom(8);
    this.#at = this.#buffer.writeDoubleLE(value, this.#at);
  }

  text(value: string, encoding: 'utf8' | 'hex' | 'utf16le'): void {
    this.#makeRoom(longestUtf8 * value.length);
    this.#at += this.#buffer.write(value, this.#at, encoding);
  }

  /**
   * The bytes of a text in base64url; gives how many. Undefined, and nothing is written, where it is not the one
   * spelling that these bytes have.
   */
  base64url(value: string): number | undefined {
    this.#makeRoom(value.length);
    const end = this.#at + this.#buffer.write(value, this.#at, 'base64url');
    // The decoder forgives much: other letters, padding, bits that stand for nothing.
    if (this.#buffer.toString('base64url', this.#at, end) !== value) return undefined;
    const length = end - this.#at;
    this.#at = end;
    return length;
  }

  /** Takes everything back that was written from there on. */
  rewind(length: number): void {
    this.#at = length;
  }

  /** What was written, from there on. It stays as it is, but for what is taken back. */
  written(from = 0): Buffer {
    return this.#buffer.subarray(from, this.#at);
  }
}

/** Reads what was written. Whatever is not there is a RangeError. */
export class ByteReader {
  readonly #buffer: Buffer;
  #at = 0;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#buffer.length;
  }

  /** So many bytes. */
  take(bytes: number): Buffer {
    const end = this.#at + bytes;
    if (end > this.#buffer.length) throw new RangeError('it ends too soon');
    const taken = this.#buffer.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  byte(): number {
    const value = this.#buffer[this.#at];
    if (value === undefined) throw new RangeError('it ends too soon');
    this.#at++;
    return value;
  }

  varint(): number {
    let value = 0;
    let weight = 1;
    for (let count = 0; count < longestVarint; count++) {
      const next = this.byte();
      value += (next & 0x7f) * weight;
      if (next < 0x80) return value;
      weight *= 0x80;
    }
    throw new RangeError('a number is too long');
  }

  double(): number {
    const value = this.#buffer.readDoubleLE(this.#at);
    this.#at += 8;
    return value;
  }

  /** Up to a byte of this value, which is passed over. */
  until(value: number): Buffer {
    const end = this.#buffer.indexOf(value, this.#at);
    if (end < 0) throw new RangeError('it ends too soon');
    const taken = this.take(end - this.#at);
    this.#at++;
    return taken;
  }

  /** Up to a byte below this value, which is read next. */
  untilBelow(value: number): Buffer {
    const buffer = this.#buffer;
    let end = this.#at;
    while ((buffer[end] ?? 0) >= value) end++;
    return this.take(end - this.#at);
  }
}
