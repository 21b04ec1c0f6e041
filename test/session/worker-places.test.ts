import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { type Test, test } from 'tap';
import { parseCookies } from '../../src/session/cookies.ts';
import type { Grant } from '../../src/session/outcome.ts';
import type { Session } from '../../src/session/session.ts';
import type { Posted } from '../../src/session/shared/shared.ts';
import { freePort } from '../support/free-port.ts';
import { startRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { arrangePrimary } from './primary-line.ts';
import { begin, createWorld, isSignedOut, plan, sessionAt, standing } from './world.ts';

const never = (): Promise<Posted> => Promise.reject(new Error('it was done before'));
const quick = (value: string) => async (): Promise<Posted> => ({ value, lingerMs: 60_000 });

async function redisOf(t: Test) {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  return { redis: { url: redis.url } };
}

test('workers that go over to Redis take along what they hold, and what is in their primary', async (t) => {
  const session = await redisOf(t);
  const { worker } = arrangePrimary();
  const [one, two] = [worker(), worker()];
  const [first, second] = [plan(one), plan(two)];
  await Promise.all([first.ready, second.ready]);
  const header = await begin(first, sessionAt(one.clock));
  await second.sessions.revoke({ kind: 'subject', provider: 'default', subject: 'ada' });
  await until('the sign-out', () => isSignedOut(first, header));
  await second.shared.once('key', quick('done by the second'));
  t.ok(await second.shared.claim('name', 60_000));
  await second.release();
  two.leaves();
  const after = plan(one, session);
  await after.ready;
  const elsewhere = plan(createWorld(), session);
  await elsewhere.ready;
  t.ok(await isSignedOut(elsewhere, header), 'who signed out stays signed out');
  t.equal(await elsewhere.shared.once('key', never), 'done by the second', 'though that worker is gone');
  t.notOk(await elsewhere.shared.claim('name', 60_000));
  for (const each of [first, after, elsewhere]) await each.release();
});

test('workers that leave Redis tell their primary what they hold', async (t) => {
  const session = await redisOf(t);
  const { worker } = arrangePrimary();
  const [one, two] = [worker(), worker()];
  const before = plan(one, session);
  await before.ready;
  const header = await begin(before, sessionAt(one.clock));
  await before.shared.once('early', quick('told'));
  t.ok(await before.shared.claim('early name', 60_000));
  const after = plan(one);
  await after.ready;
  await before.sessions.revoke({ kind: 'subject', provider: 'default', subject: 'ada' });
  await before.shared.once('late', quick('told'));
  t.ok(await before.shared.claim('late name', 60_000));
  await before.release();
  const other = plan(two);
  await other.ready;
  for (const when of ['early', 'late']) {
    t.equal(await other.shared.once(when, never), 'told', when);
    t.notOk(await other.shared.claim(`${when} name`, 60_000), when);
  }
  await until('the sign-out', () => isSignedOut(other, header));
  // What another worker has settled counts more than what this one had told.
  other.shared.settle('early', { value: 'settled', lingerMs: 60_000 });
  await until('it', async () => (await after.shared.once('early', never)) === 'settled');
  const again = plan(one, { idleTimeout: '2h' });
  t.equal(await again.shared.once('early', never), 'settled');
  for (const each of [after, other, again]) await each.release();
});

test('a provider that the primary lacks ends no session; one that the own plan lacks does', async (t) => {
  const gone = 'its provider is not configured any more';
  const ended: Grant = async () => ({ kind: 'ended', reason: gone });
  const asked: string[] = [];
  const { worker } = arrangePrimary(async ({ provider }) => {
    asked.push(provider);
    return { kind: 'unavailable', retryAfter: 1 };
  });
  const world = worker(ended);
  const instance = plan(world);
  const now = world.clock.now() / 1000;
  const due = { refreshToken: 'r', refreshAt: now - 1, accessTokenExpiresAt: now - 1 };
  const known = await begin(instance, sessionAt(world.clock, due));
  t.match(await standing(instance, known), { lapsed: 'unavailable' });
  const removed = await begin(instance, sessionAt(world.clock, { ...due, provider: 'gone' }));
  t.match(await standing(instance, removed), { lapsed: 'ended', reason: gone });
  t.strictSame(asked, ['default'], 'the primary is not asked for it');
  await instance.release();
});

test('what an ended worker had begun is finished by the plan in force, not by one that is only opened', async (t) => {
  const session = await redisOf(t);
  const { worker } = arrangePrimary();
  const world = worker();
  const first = plan(world);
  await first.ready;
  const refused = plan(world, { redis: { url: `redis://127.0.0.1:${await freePort()}` } });
  const told = (id: string) => JSON.stringify(sessionAt(world.clock, { id, refreshToken: id }));
  const finish = (id: string) => world.link.send({ kind: 'finish', session: told(id) });
  finish('one');
  await until('the first plan to finish it', () => world.posted.length === 1);
  await refused.release();
  const next = plan(world, session);
  await next.ready;
  next.inForce();
  await first.release();
  finish('two');
  await new Promise((resolve) => setTimeout(resolve, 100));
  t.equal(world.posted.length, 1, 'the plan in force has its own place');
  await next.release();
});

test('whatever goes wrong in the primary for one person, it goes on, and the worker is told at once', async (t) => {
  const grants: Record<string, Grant> = {
    throws: () => {
      throw new Error('this should not happen');
    },
    rejects: async () => {
      throw new Error('this should not happen');
    },
    deep: async (session) => ({ kind: 'refreshed', session: { ...session, claims: deepClaims() } }),
  };
  const { worker } = arrangePrimary((session, renewal) =>
    (grants[session.subject] ?? endedByProvider)(session, renewal),
  );
  const world = worker();
  const instance = plan(world);
  const now = world.clock.now() / 1000;
  const due = { refreshAt: now - 1, accessTokenExpiresAt: now - 1 };
  for (const [subject, lapsed] of [
    ['throws', 'unavailable'],
    ['rejects', 'unavailable'],
    ['deep', 'ended'],
    ['somebody else', 'ended'],
  ] as const) {
    const header = await begin(instance, sessionAt(world.clock, { ...due, subject, refreshToken: subject }));
    t.match(await standing(instance, header), { lapsed }, subject);
  }
  await instance.release();
});

const endedByProvider: Grant = async () => ({ kind: 'ended', reason: 'by the provider' });
const deepClaims = () => JSON.parse(`{"deep":${'['.repeat(50_000)}${']'.repeat(50_000)}}`);

test('a worker gets a session from its primary as the provider said it, numbers that JSON loses among it', async (t) => {
  const odd = '{"zero":-0,"list":[1e400,-1e400],"text":"\\ud800","__proto__":{"n":1}}';
  const asked: Session[] = [];
  const { worker } = arrangePrimary(async (session) => {
    asked.push(session);
    const claims = JSON.parse(odd);
    return { kind: 'refreshed', session: { ...session, accessToken: 'new', refreshAt: undefined, claims } };
  });
  const world = worker();
  const instance = plan(world);
  const due = { refreshToken: 'r', refreshAt: world.clock.now() / 1000 - 1, claims: JSON.parse(odd) };
  const header = await begin(instance, sessionAt(world.clock, due));
  // The second reads what the first posted.
  for (const whose of ['who asked', 'who came later']) {
    const found = await standing(instance, header);
    t.ok(found && 'session' in found && isDeepStrictEqual(found.session.claims, JSON.parse(odd)), whose);
  }
  t.ok(isDeepStrictEqual(asked[0]?.claims, JSON.parse(odd)), 'the primary was asked with the same');
  t.equal(asked.length, 1);
  await instance.release();
});

test('a worker that ended while it used a refresh token leaves word of it: nobody sends the token again', async (t) => {
  let grants = 0;
  const { worker } = arrangePrimary(async () => {
    grants++;
    return { kind: 'unavailable', retryAfter: 1 };
  });
  const [one, two] = [worker(), worker()];
  const secret = randomBytes(32).toString('base64');
  const [first, second] = [plan(one, { secret }), plan(two, { secret })];
  const header = await begin(first, sessionAt(one.clock, { refreshToken: 'r' }));
  const found = await standing(first, header);
  if (!found || !('session' in found)) throw new Error('there is a session');
  let begun = () => {};
  const hasBegun = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const spending = first.sessions.spend(found, parseCookies(header), () => {
    begun();
    return new Promise(() => {});
  });
  spending.catch(() => {});
  await hasBegun;
  one.leaves();
  two.clock.wind(300_000);
  const due = { ...found.session, refreshAt: two.clock.now() / 1000 - 1, accessTokenExpiresAt: 1 };
  const late = await begin(second, due);
  t.match(await standing(second, late), { lapsed: 'parked' });
  t.equal(grants, 0);
  await first.release();
  await second.release();
});
