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

/** Ways from the public folder into the closed one, each with one to three odd places. */
function candidates(): string[] {
  const chance = chanceOf(601);
  const found = new Set<string>();
  while (found.size < 4000) {
    const slash = () => (chance.is(0.2) ? chance.of(slashes) : '/');
    const odd = () => (chance.is(0.08) ? chance.of(junk) : '');
    const letter = chance.is(0.2) ? chance.of(lettersLike('a')) : 'a';
    const up = () => (chance.is(0.4) ? chance.of(climbs) : '..');
    const way = chance.of([
      () => `/pub${slash()}${up()}${slash()}${letter}dmin${odd()}/`,
      () => `/pub/x${slash()}${up()}${slash()}${up()}/${letter}dmin/`,
      () => `/${odd()}${slash()}${letter}dmin${odd()}/`,
      () => `${slash()}${letter}dmin${slash()}`,
      () => `/pub/a${slash()}b/${up()}/${up()}${slash()}${up()}/${letter}dmin${odd()}/`,
    ])();
    if (way.startsWith('/') && !way.includes('#') && !way.startsWith('/admin/')) found.add(way);
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
  const readings = await readTargets(program, all);
  const paths = all
    .filter((_, index) => asked.some(({ reading }) => isClosed(readings[index]?.get(reading))))
    .slice(0, wanted);
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
