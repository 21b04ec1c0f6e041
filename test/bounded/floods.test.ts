import { test } from 'tap';
import { createTokenCache } from '../../src/identity/upstream-token/cache.ts';
import { createRevocations, mostEntries } from '../../src/session/revocations.ts';
import { createBoard } from '../../src/session/shared/board.ts';
import { createClaims } from '../../src/session/shared/claims.ts';
import { createKnownRows } from '../../src/session/shared/known-rows.ts';
import { createOutbox } from '../../src/session/shared/redis-outbox.ts';
import { createSessionTable } from '../../src/session/shared/session-table.ts';
import { createNotedUses } from '../../src/session/stores/uses.ts';
import { createWoundClock } from '../support/clock.ts';
import { bareSession } from '../support/session.ts';

const hour = 3_600_000;

function times(count: number, work: (at: number) => void): void {
  for (let at = 0; at < count; at++) work(at);
}

test('a flood of sessions pushes out those that were unused the longest', async (t) => {
  const table = createSessionTable(createWoundClock());
  await table.set('used', 'session', 3600);
  await table.set('unused', 'session', 3600);
  times(99_998, (at) => void table.set(`${at}`, 'session', 3600));
  t.ok(table.get('used'));
  times(50_000, (at) => void table.set(`more ${at}`, 'session', 3600));
  t.ok(table.get('used'));
  t.equal(table.get('unused'), undefined);
});

test('a flood of names that are taken frees the oldest', async (t) => {
  const claims = createClaims(createWoundClock());
  times(50_000, (at) => claims.take(`${at}`, hour));
  t.notOk(claims.take('0', hour));
  claims.take('one more', hour);
  t.notOk(claims.take('1', hour));
  t.ok(claims.take('0', hour));
});

test('sign-outs that are only claimed push out none that is proven, and are forgotten', async (t) => {
  const clock = createWoundClock();
  const revocations = createRevocations(clock);
  const now = Math.floor(clock.now() / 1000);
  const add = (key: string, proven: boolean) =>
    revocations.add({ key, before: now, until: now + 3600, proven });
  add('proven', true);
  times(mostEntries.claimed + 5, (at) => add(`claimed ${at}`, false));
  const keys = [...revocations.all()].map(({ key }) => key);
  t.equal(keys.length, 1 + mostEntries.claimed);
  t.ok(keys.includes('proven'));
  t.notOk(keys.includes('claimed 4'));
  t.ok(keys.includes('claimed 5'));
  clock.wind(2 * hour);
  const later = Math.floor(clock.now() / 1000);
  revocations.add({ key: 'late', before: later, until: later + 3600, proven: false });
  t.strictSame(
    [...revocations.all()].map(({ key }) => key),
    ['proven', 'late'],
  );
});

test('outcomes on the board hold a budget of characters', async (t) => {
  const board = createBoard(createWoundClock(), 1000);
  times(20, (at) => board.post(`${at}`, { value: 'x'.repeat(100), lingerMs: hour }));
  t.equal(board.read('9'), undefined);
  t.ok(board.read('10'));
  const afterwards = { value: 'x'.repeat(450), forMs: hour };
  board.post('large', { value: 'x'.repeat(450), lingerMs: hour, afterwards });
  t.equal(board.read('18'), undefined, 'what is to be told afterwards counts too');
  t.ok(board.read('19'));
});

test('a flood of people pushes out the oldest tokens of an upstream', async (t) => {
  const clock = createWoundClock();
  const cache = createTokenCache(clock);
  const end = clock.now() / 1000 + 3600;
  times(10_001, (at) => cache.put(`${at}`, { kind: 'token', token: 'abc', renewAt: end, expiresAt: end }));
  t.equal(cache.get('0'), undefined);
  t.ok(cache.get('1'));
});

test('results that were never written do not give way to those that may be lost', async (t) => {
  const clock = createWoundClock();
  let isOut = false;
  const written: string[] = [];
  const outbox = createOutbox({
    async write(key) {
      if (isOut) throw new Error('Redis is out');
      written.push(key);
    },
    link: { wellUntil: clock.monotonic },
    board: createBoard(clock),
    emit: () => {},
    clock,
  });
  const post = (key: string) => outbox.post(key, { value: 'done', lingerMs: hour }, undefined);
  for (const key of ['a', 'b', 'c', 'd', 'e']) await post(key);
  isOut = true;
  for (let at = 0; at < 10_003; at++) await post(`${at}`);
  outbox.writeAgain();
  // All fail once more, and keep their places.
  await new Promise(setImmediate);
  written.length = 0;
  isOut = false;
  outbox.writeAgain();
  await new Promise(setImmediate);
  t.equal(written.length, 10_000);
  t.notOk(written.includes('2'), 'the oldest gave way');
  t.ok(written.includes('3'));
  t.equal(written.at(-1), '10002');
  written.length = 0;
  clock.wind(30_000);
  isOut = true;
  for (let at = 0; at < 9_998; at++) await post(`late ${at}`);
  isOut = false;
  outbox.writeAgain();
  await new Promise(setImmediate);
  t.equal(written.length, 10_000);
  t.strictSame(written.slice(-2), ['10001', '10002'], 'as many as there is room for, the last ones');
});

test('rows that are remembered of Redis hold a number and a budget of bytes', async (t) => {
  const known = createKnownRows({ entries: 100, bytes: 100_000 });
  const read = (id: string, value: string) => known.end(known.watch(id, 0), value);
  times(101, (at) => read(`${at}`, 'x'));
  t.equal(known.get('0'), undefined);
  t.ok(known.get('1'));
  read('large', 'x'.repeat(95_000));
  t.ok(known.get('large'));
  t.equal(known.get('50'), undefined, 'it takes the room of others');
  times(1000, (at) => known.end(known.watch(`unknown ${at}`, 0), undefined));
  t.ok(known.get('large'), 'what is not there takes none');
});

test('uses are noted of so many sessions, and the rest is written by requests', async (t) => {
  const clock = createWoundClock();
  const written: string[] = [];
  const write = async ({ session }: { session: { id: string } }) => written.push(session.id);
  const uses = createNotedUses(write, clock);
  const session = bareSession({});
  times(10_001, (at) =>
    uses.note({ session: { ...session, id: `${at}` }, outdatedKey: false, handle: 0 }, 1),
  );
  await uses.flush();
  t.equal(written.length, 10_000);
});
