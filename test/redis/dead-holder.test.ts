import { randomBytes } from 'node:crypto';
import tap, { type Test, test } from 'tap';
import { arrangeUpstream } from '../support/arrange.ts';
import { childrenOf } from '../support/children.ts';
import { createClient } from '../support/client.ts';
import { logIn } from '../support/log-in.ts';
import { startProvider } from '../support/provider.ts';
import { startRedis } from '../support/redis.ts';
import { spawnGateway } from '../support/spawned-gateway.ts';
import { until } from '../support/until.ts';

/** Most of the time is waiting, so the tests wait together. */
tap.jobs = 3;
/** Options of its own for each test: tap keeps the outcome of a test in them. */
const waiting = () => ({ buffered: true });

/** Processes start slowly on a busy machine. */
const patience = 30_000;

interface Options {
  /** Of the first instance. */
  workers: number;
  redis: boolean;
}

/** Somebody whose refresh is at the provider, which holds it. */
async function arrange(t: Test, { workers, redis: withRedis }: Options) {
  const redis = withRedis ? await startRedis() : undefined;
  t.teardown(() => redis?.stop());
  const provider = await startProvider({ rotateRefreshTokens: true });
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  const secret = randomBytes(32).toString('base64');
  const session = { secret, ...(redis && { redis: { url: redis.url } }) };
  const spawn = async (workers: number) => {
    const gateway = await spawnGateway({ provider, upstream, config: { session, workers }, ownGroup: true });
    t.teardown(() => gateway.stop());
    const listening = () => gateway.log.lines.filter(({ msg }) => msg === 'listening').length;
    await until('all workers', () => listening() >= workers, patience);
    return gateway;
  };
  const gateway = await spawn(workers);
  const sent: string[] = [];
  let isHeld = false;
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  provider.tamper(async (hit) => {
    if (hit.path !== '/token') return hit.pass();
    const form = new URLSearchParams(await hit.body());
    const token = form.get('refresh_token');
    const original = await hit.original();
    if (!isHeld) {
      // It is over as soon as it was given.
      const tokens = { ...(JSON.parse(original.body) as object), expires_in: 1 };
      return hit.send({ ...original, body: JSON.stringify(tokens) });
    }
    if (token !== null && !token.startsWith('probe-')) {
      sent.push(token);
      await held;
    }
    return hit.send(original);
  });
  const client = createClient();
  t.teardown(() => client.close());
  await logIn(client, gateway.url, 'ada');
  isHeld = true;
  const cookie = client.cookies.headerFor(gateway.url) ?? '';
  /** Over a connection of its own, since its other end may have been killed. */
  const ask = async (url: string) => {
    const browser = createClient();
    try {
      return (await browser.get(`${url}/x`, { cookie })).status;
    } finally {
      browser.close();
    }
  };
  let asking = 0;
  const askOn = async () => {
    asking++;
    await ask(gateway.url).catch(() => {});
    asking--;
  };
  await until(
    'a refresh at the provider',
    () => {
      if (asking === 0) void askOn();
      return sent.length > 0;
    },
    patience,
  );
  return { gateway, sent, release, ask, spawn };
}

for (const redis of [false, true]) {
  test(
    `a refresh outlives the workers that began it: ${redis ? 'with' : 'without'} Redis`,
    waiting(),
    async (t) => {
      const { gateway, sent, release, ask } = await arrange(t, { workers: 2, redis });
      const before = childrenOf(gateway.pid);
      for (const pid of before) process.kill(pid, 'SIGKILL');
      release();
      const seen = new Set<number>();
      await until(
        'the session to go on',
        async () => {
          const status = await ask(gateway.url).catch(() => 0);
          seen.add(status);
          return status === 200;
        },
        patience,
      );
      t.equal(sent.length, 1, 'the refresh token was sent once');
      t.notOk(seen.has(401), 'and nobody was signed out on the way');
    },
  );
}

test('a worker that is killed tells other instances all the same', waiting(), async (t) => {
  const { gateway, sent, release, ask, spawn } = await arrange(t, { workers: 2, redis: true });
  const other = await spawn(1);
  for (const pid of childrenOf(gateway.pid)) process.kill(pid, 'SIGKILL');
  release();
  const seen = new Set<number>();
  // Nobody asks the first one any more: one of its new workers tells of it unasked.
  await until(
    'the session at the other instance',
    async () => {
      const status = await ask(other.url);
      seen.add(status);
      return status === 200;
    },
    patience,
  );
  t.equal(sent.length, 1);
  t.notOk(seen.has(401));
});

test(
  'an instance that is killed holds nobody up, and its refresh token is not sent again',
  waiting(),
  async (t) => {
    const { gateway, sent, release, ask, spawn } = await arrange(t, { workers: 1, redis: true });
    const other = await spawn(1);
    process.kill(-gateway.pid, 'SIGKILL');
    await gateway.exited;
    release();
    const asked = performance.now();
    t.equal(await ask(other.url), 503, 'nobody knows what came of it');
    t.ok(performance.now() - asked < 15_000, 'and it is said soon');
    t.equal(sent.length, 1);
  },
);

test(
  'an instance that is asked to stop waits for its refreshes, though nobody waits for them there',
  waiting(),
  async (t) => {
    const { gateway, sent, release, ask, spawn } = await arrange(t, { workers: 1, redis: true });
    const other = await spawn(1);
    gateway.process.kill('SIGTERM');
    await gateway.log.line(({ msg }) => msg === 'stopping');
    release();
    t.equal((await gateway.exited).code, 0);
    t.equal(await ask(other.url), 200);
    t.equal(sent.length, 1);
  },
);
