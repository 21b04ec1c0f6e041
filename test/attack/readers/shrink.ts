import { type Hole, holesOfPath } from './hunt.ts';
import type { Program } from './reader.ts';

/** The parts that a path is cut into: escapes whole, everything else by character. */
const parts = (path: string) => path.match(/%u[0-9a-f]{4}|%[0-9a-f]{2}|[\s\S]/gi) ?? [];

/** The smallest form of a hole that still is one for the same reading: fewer routes, then a shorter path. */
async function shrink(program: Program, hole: Hole): Promise<Hole> {
  let smallest = hole;
  const attempt = async (table: Hole['table'], method: string, path: string) => {
    const found = await holesOfPath(program, { table, method }, path);
    const same = found.find(({ reading }) => reading === hole.reading);
    if (same) smallest = same;
    return same !== undefined;
  };
  if (hole.method !== 'GET') await attempt(hole.table, 'GET', hole.path);
  for (let at = hole.table.length - 1; at >= 0 && smallest.table.length > 1; at--)
    await attempt(
      smallest.table.filter((_, index) => index !== at),
      smallest.method,
      smallest.path,
    );
  for (let size = Math.ceil(parts(smallest.path).length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 1; at < parts(smallest.path).length; ) {
      const rest = parts(smallest.path);
      rest.splice(at, size);
      if (!(await attempt(smallest.table, smallest.method, rest.join('')))) at++;
    }
  }
  return smallest;
}

/** The same hole in the eyes of several readings. */
export interface Finding {
  hole: Hole;
  readings: string[];
}

/** Holes in their smallest forms, each once: the shortest of each reading, and some of the others. */
export async function smallestForms(program: Program, holes: readonly Hole[], most = 20): Promise<Finding[]> {
  const sorted = [...holes].sort((a, b) => a.path.length - b.path.length);
  const firsts = sorted.filter(
    (hole, index) => sorted.findIndex(({ reading }) => reading === hole.reading) === index,
  );
  const step = Math.max(1, Math.floor(sorted.length / most));
  const others = sorted.filter((_, index) => index % step === 0).slice(0, most);
  const findings = new Map<string, Finding>();
  for (const hole of new Set([...firsts, ...others])) {
    const smallest = await shrink(program, hole);
    const key = JSON.stringify([smallest.table, smallest.method, smallest.path]);
    const known = findings.get(key);
    if (!known) findings.set(key, { hole: smallest, readings: [smallest.reading] });
    else if (!known.readings.includes(smallest.reading)) known.readings.push(smallest.reading);
  }
  return [...findings.values()];
}

/** A finding on a few lines, for people. */
export function describe({ hole, readings }: Finding): string {
  const routes = hole.table.map((route) => `    ${JSON.stringify(route)}`).join('\n');
  const upstream = hole.upstreamPath === hole.path ? '' : `, upstream ${JSON.stringify(hole.upstreamPath)}`;
  return `  ${hole.method} ${JSON.stringify(hole.path)}${upstream}
    passes under ${hole.given}; ${JSON.stringify(hole.place)} is for ${hole.asked}, and read by: ${readings.join('; ')}
${routes}`;
}
