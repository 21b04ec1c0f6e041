/**
 * A value as JSON that is parsed to the very same value. JSON.stringify makes 0 of -0 and null of Infinity, which
 * JSON.parse makes of `-0` and `1e400`. A RangeError for what is nested deeper than can be written.
 */
export function writeJson(value: unknown): string {
  return hasOddNumber(value) ? exactly(value) : JSON.stringify(value);
}

const isOdd = (value: unknown) =>
  typeof value === 'number' && (Object.is(value, -0) || Math.abs(value) === Number.POSITIVE_INFINITY);

/** At any depth: without recursion, as that would end sooner than JSON.stringify does. */
function hasOddNumber(value: unknown): boolean {
  const open = [value];
  while (open.length > 0) {
    const next = open.pop();
    if (isOdd(next)) return true;
    if (next === null || typeof next !== 'object') continue;
    for (const member of Array.isArray(next) ? next : Object.values(next)) open.push(member);
  }
  return false;
}

function exactly(value: unknown): string {
  if (isOdd(value)) return Object.is(value, -0) ? '-0' : `${Number(value) < 0 ? '-' : ''}1e999`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(exactly).join(',')}]`;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${exactly(member)}`).join(',')}}`;
}
