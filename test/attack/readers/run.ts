import { type Composition, compose, countServed, findHoles, type Hole } from './hunt.ts';
import { readers } from './programs/all.ts';
import type { Program } from './reader.ts';
import { describe, smallestForms } from './shrink.ts';

/** So many paths are composed and asked about at a time, to bound the memory. */
const batch = 20_000;

/**
 * Composes paths, and asks programs that really run about those that pass.
 * @param only names of the programs in lower case; all without it
 * @param say writes a line
 * @returns the number of holes
 */
export async function hunt(
  total: number,
  seed: number,
  only: readonly string[] | undefined,
  say: (line: string) => void,
): Promise<number> {
  const chosen = readers.filter(({ name }) => !only || only.includes(name.toLowerCase()));
  const programs: { name: string; program: Program; holes: Hole[]; served: Map<string, number> }[] = [];
  try {
    for (const { name, start } of chosen)
      programs.push({ name, program: await start(seed), holes: [], served: new Map() });
    for (let done = 0; done < total; done += batch) {
      // Each batch has a seed of its own, so that it can be had again alone.
      const composed = compose(seed + done, Math.min(batch, total - done));
      const passing = composed.passing;
      say(
        `seed ${seed + done}: ${composed.total} paths over ${composed.tables} tables, ${composed.refused} refused`,
      );
      for (const entry of programs) await ask(entry, passing);
    }
    for (const { name, program, holes, served } of programs) {
      const readings = [...served].map(([reading, count]) => `${reading} ${count}`).join(', ');
      say(`${name}: ${holes.length} holes; served ${readings}`);
      for (const finding of await smallestForms(program, holes)) say(describe(finding));
    }
  } finally {
    for (const { program } of programs) await program.stop();
  }
  return programs.reduce((sum, { holes }) => sum + holes.length, 0);
}

async function ask(
  { program, holes, served }: { program: Program; holes: Hole[]; served: Map<string, number> },
  passing: readonly Composition[],
): Promise<void> {
  for (const hole of await findHoles(program, passing)) if (holes.length < 10_000) holes.push(hole);
  const sample = passing.slice(0, 500).map(({ upstreamPath }) => upstreamPath);
  for (const [reading, count] of await countServed(program, sample))
    served.set(reading, (served.get(reading) ?? 0) + count);
}
