/** A claim is nested no deeper: whoever reads or writes one may do so by recursion, wherever the stack stands. */
const deepest = 1000;

/**
 * A value as JSON that is parsed to the very same value. JSON.stringify makes 0 of -0 and null of Infinity, which
 * JSON.parse makes of `-0` and `1e400`. Throws RangeError for what is nested too deep.
 * @param around so many levels stand around the claims
 */
export function writeJson(value: unknown, around = 0): string {
  return hasOddNumber(value, deepest + around) ? exactly(value) : JSON.stringify(value);
}

const isOdd = (value: unknown) =>
  typeof value === 'number' && (Object.is(value, -0) || Math.abs(value) === Number.POSITIVE_INFINITY);

/** Looks at one level after the other. */
function hasOddNumber(value: unknown, mostLevels: number): boolean {
  let isFound = false;
  let level = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > mostLevels) throw new RangeError('it is nested too deep');
    const next: unknown[] = [];
    for (const each of level) {
      if (isOdd(each)) isFound = true;
      if (each === null || typeof each !== 'object') continue;
      for (const member of Array.isArray(each) ? each : Object.values(each)) next.push(member);
    }
    level = next;
  }
  return isFound;
}

function exactly(value: unknown): string {
  if (isOdd(value)) return Object.is(value, -0) ? '-0' : `${Number(value) < 0 ? '-' : ''}1e999`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(exactly).join(',')}]`;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${exactly(member)}`).join(',')}}`;
}
