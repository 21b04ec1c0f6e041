// alone: it measures the heap
import { randomBytes } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { fastifyCookie } from '@fastify/cookie';
import fastify from 'fastify';
import { test } from 'tap';
import { parseCookies } from '../../src/session/cookies.ts';
import type { Found } from '../../src/session/found.ts';
import { createKeyRing } from '../../src/session/key-ring.ts';
import { createOpenedCookies, type OpenedCookies } from '../../src/session/opened-cookies.ts';
import { createRevocations } from '../../src/session/revocations.ts';
import type { Session } from '../../src/session/session.ts';
import { createHeld } from '../../src/session/shared/held.ts';
import { createLocalPlace } from '../../src/session/shared/local.ts';
import { createSessionTable } from '../../src/session/shared/session-table.ts';
import { createCookieStore } from '../../src/session/stores/cookie-store.ts';
import { createCookieWriter } from '../../src/session/stores/cookie-writer.ts';
import { createListed } from '../../src/session/stores/listed.ts';
import { createTicketStore, type KnownTicket } from '../../src/session/stores/ticket-store.ts';
import { createWoundClock } from '../support/clock.ts';
import { unobserved } from '../support/observe.ts';
import { bareSession } from '../support/session.ts';
import { headerOf } from './world.ts';

const app = fastify();
await app.register(fastifyCookie, { hook: false });
await app.ready();

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const MiB = 1024 * 1024;
const heapUsed = () => {
  collectGarbage();
  return process.memoryUsage().heapUsed;
};

const clock = createWoundClock();
const ring = createKeyRing([randomBytes(32)]);
const attributes = { secure: true, sameSite: 'lax', path: '/', domain: undefined } as const;
const writer = createCookieWriter({ name: 's', attributes, maxBytes: 64 * 1024, persistent: false }, clock);
const storeOf = (opened: OpenedCookies<Found>) => createCookieStore(writer, ring, opened, unobserved.emit);

/** A claim of so many nothings: a few hundred bytes in a cookie. */
const nothings = (count: number, nothing = '{}'): Session =>
  bareSession({ claims: { list: JSON.parse(`[${`${nothing},`.repeat(count - 1)}${nothing}]`) } });

for (const [how, nothing] of Object.entries({ objects: '{}', lists: '[]', 'lists in lists': '[[[[]]]]' })) {
  test(`cookies that are small and open to much take no more memory than all may: ${how}`, async (t) => {
    const opened = createOpenedCookies<Found>('s');
    const headers: string[] = [];
    for (let index = 0; index < 120; index++) {
      const session = nothings(32_000 / nothing.length, nothing);
      headers.push(headerOf(await storeOf(createOpenedCookies('s')).create(session, [])));
    }
    t.ok(Math.max(...headers.map(({ length }) => length)) < 2000, 'small');
    const before = heapUsed();
    for (const header of headers) await storeOf(opened).read(parseCookies(header));
    const taken = heapUsed() - before;
    t.ok(taken < 40 * MiB, `${(taken / MiB).toFixed(1)} MiB`);
    t.ok(opened.recall(headers.at(-1) ?? ''), 'the last one is known');
    t.equal(opened.recall(headers[0] ?? ''), undefined);
  });
}

test('what was written takes no more either, though nobody brings it', async (t) => {
  const opened = createOpenedCookies<Found>('s');
  const store = storeOf(opened);
  const before = heapUsed();
  for (let index = 0; index < 80; index++) await store.create(nothings(16_000), []);
  const taken = heapUsed() - before;
  t.ok(taken < 16 * MiB, `${(taken / MiB).toFixed(1)} MiB`);
  t.equal(opened.recall(''), undefined, 'it is held until here');
});

test('a cookie does not hold on to the header that it came in', async (t) => {
  const opened = createOpenedCookies<Found>('s');
  const store = storeOf(createOpenedCookies('s'));
  const before = heapUsed();
  for (let index = 0; index < 1000; index++) {
    const header = `${headerOf(await store.create(bareSession({ id: `${index}` }), []))}; pad=${'x'.repeat(50_000)}`;
    await storeOf(opened).read(parseCookies(Buffer.from(header).toString('latin1')));
  }
  const taken = heapUsed() - before;
  t.ok(taken < 16 * MiB, `${(taken / MiB).toFixed(1)} MiB`);
  t.equal(opened.recall(''), undefined, 'it is held until here');
});

const ticketsOf = (tickets: OpenedCookies<KnownTicket>) => {
  const place = createLocalPlace(createHeld(createRevocations(clock), clock), clock);
  const identify = () => ({ names: [], email: undefined, user: undefined, claims: {} });
  const listed = createListed({ place, ring, identify, clock, form: 2 });
  return createTicketStore(writer, ring, place.sessions, listed, tickets, clock, 2);
};

test('a ticket counts with the session that it opens to, also when that grows', async (t) => {
  const tickets = createOpenedCookies<KnownTicket>('s', 4 * MiB);
  const store = ticketsOf(tickets);
  const large = () => ({ accessToken: randomBytes(75_000).toString('base64url') });
  const known = async (headers: readonly string[]) => {
    let count = 0;
    for (const header of headers) if (await store.recall(header)) count++;
    return count;
  };
  const headers: string[] = [];
  for (let index = 0; index < 50; index++) {
    const session = bareSession({ id: `${index}`, expiresAt: clock.now() / 1000 + 3600 });
    const header = headerOf(await store.create(session, []));
    t.ok(await store.read(parseCookies(header)));
    headers.push(header);
  }
  t.equal(await known(headers), 50);
  for (const header of headers) {
    const found = await store.read(parseCookies(header));
    if (!found) throw new Error('it is there');
    await store.update(found, { ...found.session, ...large() }, []);
    t.ok(await store.recall(header));
  }
  const left = await known(headers);
  t.ok(left > 5 && left <= 20, `${left} of 50 are left: each takes 200 KB`);
});

test('sessions in memory are bounded by what they take, and not by their number alone', async (t) => {
  const table = createSessionTable(clock, MiB);
  for (let index = 0; index < 100; index++) await table.set(`${index}`, 'x'.repeat(50_000), 60);
  const left = Array.from({ length: 100 }, (_, index) => table.get(`${index}`)).filter(Boolean);
  t.ok(left.length > 10 && left.length <= 20, `${left.length} of 100`);
  t.ok(table.get('99'));
});
