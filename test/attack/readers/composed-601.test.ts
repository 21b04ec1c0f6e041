import { type Test, test } from 'tap';
import { startTestGateway } from '../../support/gateway.ts';
import { apache } from './programs/apache.ts';
import { node } from './programs/node.ts';
import { chanceOf } from './random.ts';
import { type Mouth, type Program, readTargets } from './reader.ts';
import { climbs, junk, lettersLike, slashes } from './tokens.ts';

/** So many paths, each of which at least one of the readers takes for the closed folder. */
const wanted = 601;

/** The readers, and the mouth and reading of each. */
const asked = [
  { name: 'new URL', mouth: 'own code', reading: 'own code new URL' },
  { name: 'new URL, decoded', mouth: 'own code', reading: 'own code new URL, decoded' },
  { name: 'decoded, new URL', mouth: 'own code', reading: 'own code decoded, new URL' },
  { name: 'Apache', mouth: 'AllowEncodedSlashes on', reading: 'AllowEncodedSlashes on' },
];

/** Spellings that most readers know, so that many of the paths arrive. */
const common = {
  slashes: ['/', '/', '//', '/./', '\\', '%2f', '%5c', '/%2e/', '/x/../', '/.%2e/x/'],
  climbs: ['..', '%2e%2e', '.%2e', '%2E.', '%2e%2E', '..;', '%09..', '..%0a', '%252e%252e'],
};

/** Ways from the public folder into the closed one, each with some odd places. */
function candidates(): string[] {
  const chance = chanceOf(601);
  const slash = () => chance.of(chance.is(0.15) ? slashes : common.slashes);
  const up = () => chance.of(chance.is(0.15) ? climbs : common.climbs);
  const odd = () => (chance.is(0.1) ? chance.of(junk) : '');
  const closed = () => {
    const at = chance.below(5);
    const letter = 'admin'.charAt(at);
    const spelt = chance.is(0.5) ? letter : chance.of(lettersLike(letter).slice(0, chance.of([1, 1, 8])));
    return `${'admin'.slice(0, at)}${spelt}${'admin'.slice(at + 1)}${odd()}`;
  };
  const ways = [
    () => `/pub${slash()}${up()}${slash()}${closed()}/`,
    () => `/pub/x${slash()}${up()}/${up()}/${closed()}/`,
    () => `${slash()}${closed()}/`,
    () => `//host${slash()}${closed()}/`,
    () => `/pub/a${slash()}b/${up()}/${up()}${slash()}${up()}/${closed()}/`,
  ];
  const found = new Set<string>();
  while (found.size < 4000) {
    const way = chance.of(ways)();
    if (way.startsWith('/') && !way.includes('#') && !/^\/admin/.test(way)) found.add(way);
  }
  return [...found];
}

const isClosed = (place: string | undefined) => place !== undefined && /^\/+admin(\/|$)/.test(place);

async function start(t: Test): Promise<Program> {
  const programs = [await node.start(), await apache.start()];
  t.teardown(() => Promise.all(programs.map((program) => program.stop())));
  const mouths = programs.flatMap(({ mouths }) => mouths);
  return {
    mouths: mouths.filter(({ name }) => asked.some(({ mouth }) => mouth === name)),
    stop: async () => {},
  };
}

/** How many of the paths each reader takes for the closed folder. */
async function countClosed(program: Program, paths: readonly string[]): Promise<number[]> {
  const readings = await readTargets(program, paths);
  return asked.map(({ reading }) => readings.filter((places) => isClosed(places.get(reading))).length);
}

/** A gateway in front of a reader, asked as the reader itself. */
async function through(t: Test, mouth: Mouth, routes: Record<string, unknown>[]): Promise<Mouth> {
  const upstream = `http://127.0.0.1:${mouth.port}`;
  const gateway = await startTestGateway({
    config: { routes: routes.map((route) => ({ host: 'reader.test', upstream, ...route })) },
  });
  t.teardown(() => gateway.close());
  return { ...mouth, port: Number(new URL(gateway.url).port) };
}

const closed = { unauthenticated: '401' };
const tables = {
  'a public site with a closed folder': [
    { path: '/', allow: 'public' },
    { path: '/admin', ...closed },
  ],
  'a closed site with a public folder': [
    { path: '/', ...closed },
    { path: '/pub', allow: 'public' },
  ],
};

test(`of ${wanted} paths that readers take for a closed folder, none gets there through the gateway`, async (t) => {
  const program = await start(t);
  const all = candidates();
  const paths: string[] = [];
  while (paths.length < wanted && all.length > 0) {
    const some = all.splice(0, 800);
    const readings = await readTargets(program, some);
    paths.push(
      ...some.filter((_, index) => asked.some(({ reading }) => isClosed(readings[index]?.get(reading)))),
    );
  }
  paths.splice(wanted);
  t.equal(paths.length, wanted);
  const direct = await countClosed(program, paths);
  t.ok(
    direct.every((count) => count > 50),
    `without the gateway: ${direct.join('/')}`,
  );
  for (const [name, routes] of Object.entries(tables)) {
    const mouths = await Promise.all(program.mouths.map((mouth) => through(t, mouth, routes)));
    t.strictSame(await countClosed({ ...program, mouths }, paths), [0, 0, 0, 0], name);
  }
});
