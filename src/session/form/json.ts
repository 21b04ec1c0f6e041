/** Deeper than any claim. JSON.stringify is the judge of what is deeper. */
const deepest = 50;

/**
 * A value as JSON that is parsed to the very same value. JSON.stringify makes 0 of -0 and null of Infinity, which
 * JSON.parse makes of `-0` and `1e400`.
 */
export function writeJson(value: unknown): string {
  return hasOddNumber(value, 0) ? exactly(value) : JSON.stringify(value);
}

const isOdd = (value: unknown) =>
  typeof value === 'number' && (Object.is(value, -0) || Math.abs(value) === Number.POSITIVE_INFINITY);

function hasOddNumber(value: unknown, depth: number): boolean {
  if (value === null || typeof value !== 'object') return isOdd(value);
  if (depth > deepest) return false;
  return Object.values(value).some((member) => hasOddNumber(member, depth + 1));
}

function exactly(value: unknown, depth = 0): string {
  if (isOdd(value)) return Object.is(value, -0) ? '-0' : `${Number(value) < 0 ? '-' : ''}1e999`;
  if (value === null || typeof value !== 'object' || depth > deepest) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map((item) => exactly(item, depth + 1)).join(',')}]`;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${exactly(member, depth + 1)}`).join(',')}}`;
}
