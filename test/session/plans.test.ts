import { randomBytes } from 'node:crypto';
import { fastifyCookie } from '@fastify/cookie';
import fastify from 'fastify';
import { test } from 'tap';
import { parseConfig } from '../../src/config/load.ts';
import { createHoldings, type Holdings } from '../../src/holdings.ts';
import { createLogger } from '../../src/observe/log.ts';
import { gatewayCookies } from '../../src/session/cookie-names.ts';
import { parseCookies } from '../../src/session/cookies.ts';
import { createKeyRing } from '../../src/session/key-ring.ts';
import { openSessions } from '../../src/session/open-sessions.ts';
import type { Grant } from '../../src/session/outcome.ts';
import type { Session } from '../../src/session/session.ts';
import { createWoundClock, type WoundClock } from '../support/clock.ts';
import { startRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';

// Cookies can be written when the plugin is ready.
const app = fastify();
await app.register(fastifyCookie, { hook: false });
await app.ready();

const oldSecret = randomBytes(32).toString('base64');
const newSecret = randomBytes(32).toString('base64');

interface World {
  holdings: Holdings;
  clock: WoundClock;
  grant: Grant;
}

const createWorld = (grant: Grant = async () => ({ kind: 'unavailable', retryAfter: 1 })): World => ({
  holdings: createHoldings(),
  clock: createWoundClock(),
  grant,
});

/** The sessions of one plan, in the process of those before. */
function plan({ holdings, clock, grant }: World, session: Record<string, unknown> = {}) {
  const { config } = parseConfig(
    JSON.stringify({
      publicUrl: 'http://127.0.0.1:1',
      provider: { issuer: 'http://127.0.0.1:2', clientId: 'gate', clientSecret: 'secret' },
      session: { secret: oldSecret, ...session },
      routes: [{ path: '/', upstream: 'http://127.0.0.1:3' }],
    }),
    { file: 'sallyport.yaml', env: {} },
  );
  const lease = holdings.lease();
  const opened = openSessions(config, {
    keep: lease.keep,
    cookies: gatewayCookies(config),
    ring: createKeyRing(config.session.secret),
    grant,
    primary: undefined,
    redisCa: undefined,
    log: createLogger({ level: 'silent', pretty: false, clock, destination: { write: () => {} } }),
    clock,
    random: () => 0,
  });
  return { ...opened, release: lease.release };
}

type Plan = ReturnType<typeof plan>;

function sessionAt(clock: WoundClock, more: Partial<Session> = {}): Session {
  const now = Math.floor(clock.now() / 1000);
  return {
    id: randomBytes(9).toString('base64url'),
    provider: 'default',
    subject: 'ada',
    providerSessionId: undefined,
    claims: {},
    fetchedClaims: [],
    claimsRefreshAt: undefined,
    accessToken: 'access',
    accessTokenExpiresAt: now + 300,
    refreshAt: undefined,
    refreshToken: undefined,
    dpopKey: undefined,
    idToken: undefined,
    createdAt: now - 10,
    seenAt: now,
    expiresAt: now + 3600,
    ...more,
  };
}

const headerOf = (lines: readonly string[]) => lines.map((line) => line.split(';')[0]).join('; ');
const begin = async ({ sessions }: Plan, session: Session) => headerOf(await sessions.begin(session, []));
const standing = async ({ sessions }: Plan, header: string) => sessions.currentOf(header);

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
  t.equal(await standing(after, header), undefined);
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
