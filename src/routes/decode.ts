/**
 * Percent-decoding to the end. Servers decode once, twice or until nothing is left to decode, and old ones know
 * `%uXXXX` too. An escape never overlaps another one, so the order does not matter: what is left is the same for
 * everybody who goes on long enough, and one pass over the path finds it.
 */

/** What is left of a path when all escapes are decoded, one entry for each byte or code unit. */
export interface Units {
  /** A byte, or `wide` and the UTF-16 code unit that `%uXXXX` named. */
  unit: Int32Array;
  /** How it was spelt: 0 as it is, 1 escaped once, 2 in any other way. */
  depth: Uint8Array;
  /** Where its spelling begins in the path. */
  from: Int32Array;
  /** Where the last `%` up to it stands. */
  percents: Int32Array;
  count: number;
}

/** Marks a code unit of `%uXXXX`, which is no byte. */
export const wide = 0x20_0000;

const percent = 0x25;
const lowerU = 0x75;
const upperU = 0x55;

/** The value of a hexadecimal digit by its character code; 16 for anything else. */
const digitOf = Uint8Array.from({ length: 128 }, (_, code) => {
  const digit = Number.parseInt(String.fromCharCode(code), 16);
  return Number.isNaN(digit) ? 16 : digit;
});

export const hexDigit = (unit: number): number => (unit >= 0 && unit < 128 ? (digitOf[unit] as number) : 16);

// scratch: one path is read at a time, and to its end; new arrays for each, here and in tokens.ts, make a decision about
// the paths of real applications take 3.1 instead of 1.3 µs (bench/path-reading.mjs).
const units: Units = {
  unit: new Int32Array(0),
  depth: new Uint8Array(0),
  from: new Int32Array(0),
  percents: new Int32Array(0),
  count: 0,
};

/** Decodes a path to the end. The result is valid until the next call. */
export function decodeToEnd(path: string): Units {
  if (units.unit.length < path.length) {
    const size = path.length * 2;
    units.unit = new Int32Array(size);
    units.depth = new Uint8Array(size);
    units.from = new Int32Array(size);
    units.percents = new Int32Array(size);
  }
  const { unit, depth, from, percents } = units;
  let count = 0;
  let last = -1;
  for (let at = 0; at < path.length; at++) {
    const code = path.charCodeAt(at);
    unit[count] = code > 0xff ? wide | code : code;
    depth[count] = 0;
    from[count] = at;
    if (code === percent) last = count;
    percents[count] = last;
    count++;
    // A digit may complete an escape, and what that gives may be a digit that completes another.
    while (last >= 0 && isEscape(unit, last, count)) {
      const start = last;
      const value = codeOf(unit, start, count);
      depth[start] = count - start === 3 && isSpelt(depth, start, count) ? 1 : 2;
      unit[start] = value < 0x80 || count - start === 3 ? value : wide | value;
      last = value === percent ? start : start === 0 ? -1 : (percents[start - 1] as number);
      percents[start] = last;
      count = start + 1;
    }
  }
  units.count = count;
  return units;
}

/** Whether what begins with the `%` at `start` is one whole escape. */
function isEscape(unit: Int32Array, start: number, end: number): boolean {
  const length = end - start;
  if (length === 3) {
    return hexDigit(unit[start + 1] as number) < 16 && hexDigit(unit[start + 2] as number) < 16;
  }
  if (length !== 6 || (unit[start + 1] !== lowerU && unit[start + 1] !== upperU)) return false;
  for (let at = start + 2; at < end; at++) if (hexDigit(unit[at] as number) > 15) return false;
  return true;
}

function codeOf(unit: Int32Array, start: number, end: number): number {
  let value = 0;
  for (let at = end - (end - start === 3 ? 2 : 4); at < end; at++) {
    value = value * 16 + hexDigit(unit[at] as number);
  }
  return value;
}

function isSpelt(depth: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (depth[at] !== 0) return false;
  return true;
}

/** A `%` that begins no escape: some decoders keep it, some drop it, and some decode it to something. */
const broken = /%(?![0-9a-f]{2}|u[0-9a-f]{4})/i;

/** Where a path as it came has a `%` that begins no escape; -1 for nowhere. */
export function brokenEscape(path: string): number {
  return path.search(broken);
}
