/**
 * Writes bytes one behind the other, and grows as it must. What it is asked for is decoded where it is to stand, so that
 * nothing is copied twice.
 */
export interface ByteWriter {
  /** A whole number from 0 to 2^53 - 1, in groups of seven bits (LEB128). */
  varint(value: number): void;
  byte(value: number): void;
  double(value: number): void;
  text(value: string, encoding: 'utf8' | 'hex' | 'utf16le'): void;
  /**
   * The bytes of a text in base64url; gives how many. Undefined, and nothing is written, where it is not the one
   * spelling that these bytes have.
   */
  base64url(value: string): number | undefined;
  /** Takes everything back that was written from there on. */
  rewind(length: number): void;
  /** What was written, from there on. It stays as it is, but for what is taken back. */
  written(from?: number): Buffer;
  length(): number;
}

const longestUtf8 = 3;
const longestVarint = 8;

export function createByteWriter(expectedBytes: number): ByteWriter {
  let buffer = Buffer.allocUnsafe(expectedBytes);
  let at = 0;
  const makeRoom = (bytes: number) => {
    if (at + bytes <= buffer.length) return;
    const larger = Buffer.allocUnsafe(2 * (at + bytes));
    buffer.copy(larger, 0, 0, at);
    buffer = larger;
  };
  return {
    varint(value) {
      makeRoom(longestVarint);
      let rest = value;
      for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) buffer[at++] = (rest % 0x80) | 0x80;
      buffer[at++] = rest;
    },
    byte(value) {
      makeRoom(1);
      buffer[at++] = value;
    },
    double(value) {
      makeRoom(8);
      at = buffer.writeDoubleLE(value, at);
    },
    text(value, encoding) {
      makeRoom(longestUtf8 * value.length);
      at += buffer.write(value, at, encoding);
    },
    base64url(value) {
      makeRoom(value.length);
      const end = at + buffer.write(value, at, 'base64url');
      // The decoder forgives much: other letters, padding, bits that stand for nothing.
      if (buffer.toString('base64url', at, end) !== value) return undefined;
      const length = end - at;
      at = end;
      return length;
    },
    rewind(length) {
      at = length;
    },
    written: (from = 0) => buffer.subarray(from, at),
    length: () => at,
  };
}

/** Reads what was written. Whatever is not there is a RangeError. */
export interface ByteReader {
  varint(): number;
  byte(): number;
  double(): number;
  /** So many bytes. */
  take(bytes: number): Buffer;
  /** Up to a byte of this value, which is passed over. */
  until(value: number): Buffer;
  /** Up to a byte below this value, which is read next. */
  untilBelow(value: number): Buffer;
  isAtEnd(): boolean;
}

export function createByteReader(buffer: Buffer): ByteReader {
  let at = 0;
  const take = (bytes: number) => {
    const end = at + bytes;
    if (end > buffer.length) throw new RangeError('it ends too soon');
    const taken = buffer.subarray(at, end);
    at = end;
    return taken;
  };
  const byte = () => {
    const value = buffer[at];
    if (value === undefined) throw new RangeError('it ends too soon');
    at++;
    return value;
  };
  return {
    byte,
    take,
    varint() {
      let value = 0;
      let weight = 1;
      for (let count = 0; count < longestVarint; count++) {
        const next = byte();
        value += (next & 0x7f) * weight;
        if (next < 0x80) return value;
        weight *= 0x80;
      }
      throw new RangeError('a number is too long');
    },
    double() {
      const value = buffer.readDoubleLE(at);
      at += 8;
      return value;
    },
    until(value) {
      const end = buffer.indexOf(value, at);
      if (end < 0) throw new RangeError('it ends too soon');
      const taken = take(end - at);
      at++;
      return taken;
    },
    untilBelow(value) {
      let end = at;
      while ((buffer[end] ?? 0) >= value) end++;
      return take(end - at);
    },
    isAtEnd: () => at === buffer.length,
  };
}
