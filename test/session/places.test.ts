import { type Test, test } from 'tap';
import { within } from '../../src/clock.ts';
import type { RefreshOutcome } from '../../src/session/outcome.ts';
import type { Session } from '../../src/session/session.ts';
import type { Posted } from '../../src/session/shared/shared.ts';
import { freePort } from '../support/free-port.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';
import {
  begin,
  createWorld,
  isSignedOut,
  oldSecret,
  type Plan,
  plan,
  sessionAt,
  standing,
  type World,
} from './world.ts';

async function redisFor(t: Test): Promise<TestRedis> {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  return redis;
}

/** Each kind of change of place that leads to the second Redis, as the sessions of the plan before and after it. */
const changes = (first: TestRedis, second: TestRedis) => ({
  'from memory to Redis': [{}, { redis: { url: second.url } }],
  'to another Redis': [{ redis: { url: first.url } }, { redis: { url: second.url } }],
  'to another time-out': [{ redis: { url: second.url } }, { redis: { url: second.url, timeout: '1500ms' } }],
  'to another prefix': [{ redis: { url: second.url } }, { redis: { url: second.url, keyPrefix: 'other:' } }],
});

/** Opens the plan of before and the one of after in a world, and gives another world that has only the latter. */
async function eachChange(
  t: Test,
  create: () => World,
  check: (
    name: string,
    scene: { world: World; before: Plan; open(): Promise<Plan>; other(): Promise<Plan> },
  ) => Promise<void>,
) {
  const [first, second] = await Promise.all([redisFor(t), redisFor(t)]);
  for (const [name, [old, next]] of Object.entries(changes(first, second))) {
    const open: Plan[] = [];
    const opened = async (world: World, session: Record<string, unknown> | undefined) => {
      const one = plan(world, session);
      open.push(one);
      await one.ready;
      t.equal(one.problem(), undefined, `${name}: what is ready has no problem`);
      return one;
    };
    const world = create();
    const scene = {
      world,
      before: await opened(world, old),
      open: () => opened(world, next),
      other: () => opened(create(), next),
    };
    await check(name, scene);
    for (const one of open.reverse()) await one.release();
    t.equal(world.holdings.count('held'), 0, name);
  }
}

test('who signed out before the place changed is signed out for everybody behind it', async (t) => {
  await eachChange(t, createWorld, async (name, { world, before, open, other }) => {
    const [early, late] = [
      await begin(before, sessionAt(world.clock)),
      await begin(before, sessionAt(world.clock)),
    ];
    const signOut = async (header: string) => {
      const current = await standing(before, header);
      if (!current || !('session' in current)) throw new Error('there is no session');
      await before.sessions.revoke({ kind: 'session', id: current.session.id });
    };
    await signOut(early);
    const after = await open();
    const another = await other();
    for (const each of [after, another]) {
      t.ok(await isSignedOut(each, early), `${name}: a copy of the cookie opens nothing`);
      t.match(await standing(each, late), { session: { subject: 'ada' } });
    }
    await signOut(late);
    t.ok(await isSignedOut(after, late), `${name}: one that the old plan ends`);
    await until('the other', () => isSignedOut(another, late));
    const third = await other();
    t.ok(await isSignedOut(third, late), `${name}: and for who starts later`);
  });
});

test('many sign-outs are all told to a new place', async (t) => {
  const redis = await redisFor(t);
  const world = createWorld();
  const before = plan(world);
  const until = Math.ceil(world.clock.now() / 1000) + 3600;
  const many = 12_000;
  for (let number = 0; number < many; number++)
    before.revocations.add({ key: `key ${number}`, before: until - 3600, until, proven: true });
  const after = plan(world, { redis: { url: redis.url } });
  await after.ready;
  const other = plan(createWorld(), { redis: { url: redis.url } });
  await other.ready;
  t.equal([...other.revocations.all()].length, many);
  for (const one of [before, after, other]) await one.release();
});

/** A provider that waits, and counts how often it is asked. */
function heldGrant() {
  const asked: (string | undefined)[] = [];
  let answer = () => {};
  const answered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const grant = async (session: Session): Promise<RefreshOutcome> => {
    asked.push(session.refreshToken);
    await answered;
    const fresh = { accessToken: 'new', refreshToken: 'r2', refreshAt: undefined };
    return { kind: 'refreshed', session: { ...session, ...fresh, accessTokenExpiresAt: undefined } };
  };
  return { grant, asked, answer: () => answer() };
}

const dueAt = ({ clock }: World, refreshToken: string) => {
  const now = clock.now() / 1000;
  return sessionAt(clock, { refreshToken, refreshAt: now - 1, accessTokenExpiresAt: now - 1 });
};

for (const when of ['before', 'while'] as const)
  test(`a refresh that ended ${when} the place changed is known behind it, and its token is not sent again`, async (t) => {
    let held = heldGrant();
    await eachChange(
      t,
      () => createWorld((session) => held.grant(session)),
      async (name, { world, before, open, other }) => {
        held = heldGrant();
        const header = await begin(before, dueAt(world, name));
        const asked = standing(before, header);
        await until('the refresh', () => held.asked.length === 1);
        if (when === 'before') {
          held.answer();
          await asked;
        }
        await open();
        const another = await other();
        held.answer();
        t.match(await asked, { session: { accessToken: 'new' } });
        t.match(
          await standing(another, header),
          { session: { accessToken: 'new' } },
          `${name}: another instance`,
        );
        t.strictSame(held.asked, [name]);
      },
    );
  });

test('a refresh that is under way when the place changes is not begun behind it', async (t) => {
  const [first, second] = await Promise.all([redisFor(t), redisFor(t)]);
  for (const { url, isRefused } of [
    { url: first.url, isRefused: true },
    { url: second.url, isRefused: true },
    { url: second.url, isRefused: false },
  ]) {
    const held = heldGrant();
    const name = `${url} ${isRefused}`;
    const world = createWorld(async (session) => {
      const outcome = await held.grant(session);
      if (isRefused) throw new Error('it was not sent after all');
      return outcome;
    });
    const before = plan(world, { redis: { url: first.url } });
    await before.ready;
    const header = await begin(before, dueAt(world, name));
    const asked = standing(before, header).catch(() => 'refused');
    await until('the refresh', () => held.asked.length === 1);
    const next = { redis: { url, timeout: '1500ms' } };
    const after = plan(world, next);
    await after.ready;
    // The last request of the old plan may end before its refresh does.
    await before.release();
    const other = plan(createWorld(held.grant), next);
    await other.ready;
    await t.rejects(standing(other, header), { code: 'store_unavailable' }, 'nobody else sends the token');
    t.equal(held.asked.length, 1);
    held.answer();
    await asked;
    const seen = await until('it', () => standing(other, header).catch(() => undefined));
    t.match(seen, { session: { accessToken: 'new' } });
    t.equal(held.asked.length, isRefused ? 2 : 1);
    for (const each of [after, other]) await each.release();
  }
});

test('a name that was taken is taken behind a change of place too', async (t) => {
  await eachChange(t, createWorld, async (name, { before, open, other }) => {
    t.ok(await before.shared.claim(`early ${name}`, 60_000));
    const after = await open();
    const another = await other();
    t.ok(await before.shared.claim(`late ${name}`, 60_000));
    t.notOk(await after.shared.claim(`early ${name}`, 60_000), name);
    t.notOk(await another.shared.claim(`early ${name}`, 60_000), `${name}: another instance`);
    t.notOk(await after.shared.claim(`late ${name}`, 60_000), name);
    t.notOk(await another.shared.claim(`late ${name}`, 60_000), `${name}: another instance`);
    t.ok(await another.shared.claim(`free ${name}`, 60_000));
  });
});

test('a name whose claim could not be told is not taken', async (t) => {
  const redis = await redisFor(t);
  const world = createWorld();
  const instance = plan(world, { redis: { url: redis.url } });
  t.teardown(instance.release);
  await instance.ready;
  await redis.kill();
  await t.rejects(instance.shared.claim('name', 60_000), { code: 'store_unavailable' });
  await redis.restart();
  await until('Redis', () => instance.problem() === undefined, 10_000);
  t.ok(await instance.shared.claim('name', 60_000));
  t.notOk(await instance.shared.claim('name', 60_000));
});

test('a place is not ready while it cannot be reached, and says why', async (t) => {
  const world = createWorld();
  const nowhere = plan(world, { redis: { url: `redis://127.0.0.1:${await freePort()}` } });
  t.equal(
    await within(
      world.clock,
      300,
      nowhere.ready.then(() => 'ready'),
    ),
    undefined,
  );
  t.match(nowhere.problem(), /Redis/);
  await nowhere.release();
  for (const store of ['cookie', 'memory']) {
    const here = plan(createWorld(), { store });
    await here.ready;
    await here.release();
  }
});

test('what could not be written yet is written before a place ends', async (t) => {
  const redis = await redisFor(t);
  const session = { redis: { url: redis.url } };
  const before = plan(createWorld(), session);
  await before.ready;
  const operator = async (...args: string[]) => {
    const { Redis } = await import('ioredis');
    const client = new Redis({ port: redis.port, host: '127.0.0.1' });
    await client.call('config', ...args);
    client.disconnect();
  };
  await operator('set', 'maxmemory', '1');
  before.shared.settle('key', { value: 'told', lingerMs: 60_000 });
  await until('it to be refused', () => before.problem() !== undefined);
  const ended = before.release();
  await operator('set', 'maxmemory', '0');
  await ended;
  const other = plan(createWorld(), session);
  t.teardown(other.release);
  await other.ready;
  const never = (): Promise<Posted> => Promise.reject(new Error('it was done before'));
  t.equal(await other.shared.once('key', never), 'told');
});

test('a place that ended holds nobody up for long, also while Redis is away', async (t) => {
  const redis = await redisFor(t);
  const world = createWorld();
  const before = plan(world, { secret: oldSecret, redis: { url: redis.url } });
  await before.ready;
  await redis.kill();
  before.shared.settle('key', { value: 'told', lingerMs: 60_000 });
  const begunAt = performance.now();
  await before.release();
  t.ok(performance.now() - begunAt < 5000);
  t.equal(world.holdings.count('place'), 0);
});
