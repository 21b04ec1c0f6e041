import type { ByteReader, ByteWriter } from './bytes.ts';

/** What stands before a number, or for it: from `difference` on it is how far it is from one that is known. */
const absent = 0;
const exact = 1;
const difference = 2;

/** Twice as much is still a whole number to a double. */
const farthest = 2 ** 50;

const isWhole = (value: number) => Number.isSafeInteger(value) && !Object.is(value, -0);

/**
 * Writes a number, small where it is near another one.
 * @param near a number that is known when it is read, and probably not far
 */
export function writeNumber(noise: ByteWriter, value: number | undefined, near: number): void {
  const apart = value === undefined ? 0 : value - near;
  if (value === undefined) {
    noise.varint(absent);
  } else if (isWhole(value) && Math.abs(apart) < farthest) {
    noise.varint(difference + (apart < 0 ? -2 * apart - 1 : 2 * apart));
  } else {
    noise.varint(exact);
    noise.double(value);
  }
}

/** The number that `writeNumber` wrote with the same `near`. Throws RangeError where the bytes end. */
export function readNumber(noise: ByteReader, near: number): number | undefined {
  const code = noise.varint();
  if (code === absent) return undefined;
  if (code === exact) return noise.double();
  const folded = code - difference;
  return near + (folded % 2 === 0 ? folded / 2 : -(folded + 1) / 2);
}
