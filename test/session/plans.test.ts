import { test } from 'tap';
import { parseCookies } from '../../src/session/cookies.ts';
import { startRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';
import {
  begin,
  createWorld,
  headerOf,
  isSignedOut,
  newSecret,
  oldSecret,
  plan,
  sessionAt,
  standing,
} from './world.ts';

test('a refresh that is under way in the old plan is the one of the new plan, also when that has another place', async (t) => {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  for (const change of [{}, { redis: { url: redis.url } }, { idleTimeout: '2h' }]) {
    let grants = 0;
    let answer = () => {};
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const world = createWorld(async (session) => {
      grants += 1;
      await answered;
      const fresh = { accessToken: 'new', refreshToken: 'r2', refreshAt: undefined };
      return { kind: 'refreshed', session: { ...session, ...fresh, accessTokenExpiresAt: undefined } };
    });
    const first = plan(world);
    const before = plan(world);
    await first.release();
    const now = world.clock.now() / 1000;
    const due = { refreshToken: 'r1', refreshAt: now - 1, accessTokenExpiresAt: now - 1 };
    const header = await begin(before, sessionAt(world.clock, due));
    const asked = standing(before, header);
    const after = plan(world, change);
    await until('the new place', () => after.problem() === undefined);
    const second = standing(after, header);
    await new Promise((resolve) => setImmediate(resolve));
    answer();
    for (const current of await Promise.all([asked, second]))
      t.match(current, { session: { accessToken: 'new' } }, JSON.stringify(change));
    t.match(await standing(after, header), { session: { accessToken: 'new' } }, 'and for who comes later');
    t.equal(grants, 1);
    await before.release();
    t.match(await standing(after, header), { session: { accessToken: 'new' } }, 'when the old plan is gone');
    t.equal(grants, 1, 'the refresh token was sent once');
    await after.release();
  }
});

test('a cookie whose secret is gone does not stay open, and one whose secret is old is sealed anew', async (t) => {
  for (const store of ['cookie', 'memory']) {
    const world = createWorld();
    const before = plan(world, { store });
    const header = await begin(before, sessionAt(world.clock));
    t.ok(await standing(before, header));
    const rotated = plan(world, { store, secret: [newSecret, oldSecret] });
    const current = await standing(rotated, header);
    t.match(current, { session: { subject: 'ada' } }, `${store}: an old secret opens`);
    t.ok(current && 'session' in current && current.setCookies.length > 0, 'and is sealed with the new one');
    const gone = plan(world, { store, secret: newSecret });
    t.equal(await standing(gone, header), undefined, `${store}: one that is gone does not`);
    const anew = headerOf(current?.setCookies ?? []);
    t.match(await standing(gone, anew), { session: { subject: 'ada' } });
    t.equal(await gone.sessions.find(parseCookies(header)), undefined);
  }
});

test('another cookie name begins with nobody, and the old name is found again', async (t) => {
  const world = createWorld();
  const before = plan(world);
  const header = await begin(before, sessionAt(world.clock));
  t.ok(await standing(before, header));
  const renamed = plan(world, { cookie: { name: 'gate' } });
  t.equal(await standing(renamed, header), undefined);
  t.ok(await standing(plan(world), header));
});

test('sessions in memory live on over plans; a plan with another store begins empty', async (t) => {
  const world = createWorld();
  const before = plan(world, { store: 'memory' });
  const header = await begin(before, sessionAt(world.clock));
  const after = plan(world, { store: 'memory', idleTimeout: '2h' });
  await before.release();
  t.match(await standing(after, header), { session: { subject: 'ada' } });
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  const moved = plan(world, { store: redis.url });
  await until('Redis', () => moved.problem() === undefined);
  await after.release();
  t.equal(await standing(moved, header), undefined, 'in Redis');
  const back = plan(world, { store: 'memory' });
  t.equal(await standing(back, header), undefined, 'and in memory again');
  await moved.release();
});

test('sign-outs outlive plans, and a plan that is gone is not told of them any more', async (t) => {
  const world = createWorld();
  const before = plan(world);
  const header = await begin(before, sessionAt(world.clock));
  let told = 0;
  const off = before.revocations.onRevoked(() => {
    told += 1;
  });
  await before.sessions.end(parseCookies(header));
  t.equal(told, 1);
  off();
  const after = plan(world);
  await before.release();
  t.ok(await isSignedOut(after, header));
  await after.sessions.revoke({ kind: 'subject', provider: 'default', subject: 'bob' });
  t.equal(told, 1);
});

test('plans with one Redis have one connection to it, which ends with the last of them', async (t) => {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  const world = createWorld();
  const session = { store: redis.url };
  const plans = Array.from({ length: 50 }, () => plan(world, session));
  t.equal(world.holdings.count('place'), 1);
  const [first] = plans;
  await until('Redis', () => first?.problem() === undefined);
  for (const { release } of plans.slice(1)) await release();
  t.equal(first?.problem(), undefined);
  t.ok(await first?.shared.claim('name', 1000));
  await first?.release();
  for (const kind of ['place', 'held', 'flights', 'revocations', 'opened tickets', 'touches'])
    t.equal(world.holdings.count(kind), 0, kind);
});
