import { test } from 'tap';
import { accessOfPlace, pass, randomOf, randomPath, randomTable } from './compositions.ts';
import { programs, type Reader, steps, through } from './readers.ts';

/** More of them: `READINGS=200000 npm test -- test/routes/reading.test.ts`. */
const paths = Number(process.env.READINGS ?? 2500);
const chainsOfEach = 12;
/** Readers to whom case is nothing. */
const isWithoutCase = (name: string) => /lowerCase|upperThenLower|iis|windows/.test(name);

/** Some of the steps, in some order. */
function randomChain(random: () => number): [name: string, reader: Reader] {
  const names = Object.keys(steps);
  const length = 1 + Math.floor(random() * 7);
  const chain = Array.from({ length }, () => names[Math.floor(random() * names.length)] as string);
  return [chain.join(' '), (path) => through(path, ...chain)];
}

interface Trial {
  settings: object;
  /** Readers that read as the settings say, or all of them. */
  readers(random: () => number): [name: string, reader: Reader][];
  ignoresCase(name: string): boolean;
}

/** The holes that were found, and how many paths passed. */
function tryReadings(seed: number, { settings, readers, ignoresCase }: Trial) {
  const random = randomOf(seed);
  const holes: string[] = [];
  let passed = 0;
  let table = randomTable(random, settings);
  for (let count = 0; count < paths; count++) {
    if (count % 40 === 39) table = randomTable(random, settings);
    const path = randomPath(random, table);
    const passage = pass(table, path);
    if (passage.kind !== 'passed') continue;
    passed++;
    for (const [name, read] of readers(random)) {
      const place = attempt(read, passage.upstream);
      if (!place?.startsWith('/')) continue;
      const found = accessOfPlace(table, passage.route, place, ignoresCase(name));
      if (found !== passage.access) holes.push(`${path} is ${place} to ${name}`);
    }
  }
  return { holes, passed };
}

const chains = (random: () => number) => Array.from({ length: chainsOfEach }, () => randomChain(random));

test(`of ${paths} composed paths, what passes is a place of one rule to every reader`, async (t) => {
  const { holes, passed } = tryReadings(20_240_229, {
    settings: {},
    readers: (random) => [...Object.entries(programs), ...chains(random)],
    ignoresCase: isWithoutCase,
  });
  t.strictSame(holes.slice(0, 10), []);
  t.ok(passed > paths / 4, `${passed} pass`);
});

test(`of ${paths} more, to every reader that reads as the configuration says`, async (t) => {
  const { holes, passed } = tryReadings(7, {
    settings: { ignoreCase: true, parameters: 'strip', encodedSlash: 'separator' },
    readers: (random) =>
      chains(random).map(([name, read]) => [
        name,
        (path) => read(through(path, 'withoutParameters').replace(/%2f/gi, '/')),
      ]),
    ignoresCase: () => true,
  });
  t.strictSame(holes.slice(0, 10), []);
  t.ok(passed > paths / 4, `${passed} pass`);
});

/** What a reader makes of a path; undefined where it refuses it. */
function attempt(read: Reader, path: string): string | undefined {
  try {
    return read(path);
  } catch {
    return undefined;
  }
}
