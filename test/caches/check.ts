import { setTimeout as wait } from 'node:timers/promises';
import type { Test } from 'tap';
import type { Application } from '../support/applications/application.ts';
import { createClient, type HttpAnswer } from '../support/client.ts';
import { type Age, ages, applicationSays, arrangeCacheScene, routeKinds, routeSays } from './scene.ts';

/** One address, and the session of the person who asks for it first. */
interface Cell {
  name: string;
  /** Path and query, of this cell alone. */
  target: string;
  age: Age;
  method: string;
  headers: Record<string, string>;
}

/** So many at once. */
const width = 24;

/** Requests of people: each with the cookies that it names, and none that came before. */
type Ask = (cell: Cell, cookie: string | undefined) => Promise<HttpAnswer>;

/**
 * Sends a person and then a stranger through a cache to every kind of answer. What the stranger gets has no cookie
 * of the gateway, and nothing of the person.
 * @param start starts a cache in front of the gateway, by its host and port
 */
export async function checkCache(t: Test, start: (gateway: string) => Promise<Application>): Promise<void> {
  const scene = await arrangeCacheScene(t);
  const cache = await start(new URL(scene.gateway.url).host);
  t.teardown(() => cache.stop());
  const client = createClient();
  t.teardown(() => client.close());
  const ask: Ask = async ({ target, method, headers }, cookie) => {
    client.cookies.clear();
    const named = cookie === undefined ? {} : { cookie };
    return client.request(cache.url + target, { method, headers: { ...headers, ...named } });
  };
  const person = (cell: Cell) => ask(cell, scene.cookieOf(cell.age));
  const stranger = (cell: Cell) => ask({ ...cell, method: 'GET', headers: {} }, undefined);

  const cells = cellsOf(scene.path);
  await t.test('the cache keeps what is for everybody, cookies of others included', async (t) => {
    const [cell] = cells;
    if (!cell) throw new Error('no cells');
    const target = `${scene.path('assets', 'nothing')}?says=public&own`;
    await ask({ ...cell, target }, undefined);
    const { length } = scene.upstream.requests;
    const second = await ask({ ...cell, target }, undefined);
    t.equal(scene.upstream.requests.length, length, 'the application is not asked again');
    t.ok(second.text.startsWith('This is the page of nobody'));
    const personal = await person({ ...cell, target: `${scene.path('closed', 'nothing')}?says=nothing` });
    t.equal(personal.text, 'This is the page of ada.', 'and the person is known');
  });

  await t.test(`a person before a stranger: ${cells.length} pairs`, async (t) => {
    const leaks: string[] = [];
    let sessions = 0;
    await each(cells, async (cell) => {
      const first = await person(cell);
      if (hasSession(first)) sessions++;
      leaks.push(...leaksOf(cell, await stranger(cell)));
    });
    t.strictSame(leaks, [], 'nothing of the person reaches the stranger');
    t.ok(sessions > cells.length / 4, `${sessions} answers brought a session`);
  });

  await t.test('an answer that is kept is asked for again by a person', async (t) => {
    const asked = revalidations(scene.path);
    await each(asked, stranger);
    // The clock of another program cannot be wound.
    await wait(2100);
    const leaks: string[] = [];
    let sessions = 0;
    await each(asked, async (cell) => {
      if (hasSession(await person(cell))) sessions++;
      leaks.push(...leaksOf(cell, await stranger(cell)));
    });
    t.strictSame(leaks, [], 'nothing of the person reaches the stranger');
    t.ok(sessions > 0, `${sessions} answers brought a session`);
    const again = scene.upstream.requests.filter(({ rawHeaders }) => rawHeaders.includes('"1"'));
    t.ok(again.length > 0, 'and the cache asked by ETag');
  });
}

/** The ages of sessions that make a difference: where the page may be anybody's, a fresh one brings nothing. */
function agesOf(kind: string): Age[] {
  const isAnybodys = kind === 'assets' || kind === 'shared';
  return [isAnybodys ? 'last use to be noted' : 'fresh', 'refresh due'];
}

function cellsOf(path: (kind: string, says: string) => string): Cell[] {
  const cells: Cell[] = [];
  const add = (kind: string, route: string, says: string, age: Age, more: Partial<Cell> = {}) => {
    const name = [
      kind,
      `route: ${route}`,
      `application: ${says}`,
      age,
      more.method,
      ...Object.keys(more.headers ?? {}),
    ];
    const target = `${path(kind, route)}?says=${encodeURIComponent(says)}&cell=${cells.length}`;
    cells.push({ target, age, method: 'GET', headers: {}, ...more, name: name.filter(Boolean).join(', ') });
  };
  for (const kind of Object.keys(routeKinds)) {
    for (const age of agesOf(kind)) {
      for (const route of Object.keys(routeSays)) {
        for (const says of Object.keys(applicationSays)) add(kind, route, says, age);
      }
      add(kind, 'a year', 'public', age, { method: 'HEAD' });
      add(kind, 'a year', 'public', age, { headers: { range: 'bytes=0-3' } });
      add(kind, 'a year', 'public', age, { headers: { 'if-none-match': '"1"' } });
      add(kind, 'a year', 'public', age, { method: 'POST' });
    }
  }
  return cells;
}

/** Addresses that a cache keeps for a second, so that the next request makes it ask with `If-None-Match`. */
function revalidations(path: (kind: string, says: string) => string): Cell[] {
  return Object.keys(routeKinds).flatMap((kind) =>
    ['nothing', 'CDN-Cache-Control', 'Surrogate-Control'].flatMap((route) =>
      ages.map((age) => ({
        name: `${kind}, route: ${route}, ${age}, kept before`,
        target: `${path(kind, route)}?age=1&session=${age.length}`,
        age,
        method: 'GET',
        headers: {},
      })),
    ),
  );
}

const hasSession = ({ setCookies }: HttpAnswer) => setCookies.some((line) => line.startsWith('sallyport'));

function leaksOf({ name }: Cell, answer: HttpAnswer): string[] {
  const leaks: string[] = [];
  if (hasSession(answer)) leaks.push(`cookie: ${name}`);
  if (/\bada\b/.test(answer.text)) leaks.push(`page: ${name}`);
  return leaks;
}

async function each(cells: readonly Cell[], work: (cell: Cell) => Promise<unknown>): Promise<void> {
  const left = [...cells];
  const worker = async () => {
    for (let cell = left.pop(); cell; cell = left.pop()) await work(cell);
  };
  await Promise.all(Array.from({ length: width }, worker));
}
