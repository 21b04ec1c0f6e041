import { Redis } from 'ioredis';
import tap, { type Test, test } from 'tap';
import { systemClock } from '../../src/clock.ts';
import { observeInto } from '../support/observe.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { shareInRedis } from '../support/shared.ts';
import { until } from '../support/until.ts';

/** Most of the time is waiting, so the tests wait together. */
tap.jobs = 4;
/** Options of its own for each test: tap keeps the outcome of a test in them. */
const waiting = () => ({ buffered: true });

interface Line {
  msg: string;
  reason?: string;
}

function connect(t: Test, url: string, timeout = 1000) {
  const lines: Line[] = [];
  const { emit } = observeInto((line) => lines.push(JSON.parse(line) as Line));
  const { place, claim } = shareInRedis({ url, timeout, emit }, systemClock);
  t.teardown(() => place.close());
  return { shared: { ...place, claim }, lines };
}

async function tell({ port }: TestRedis, ...[name = '', ...args]: string[]): Promise<unknown> {
  const operator = new Redis({ port, host: '127.0.0.1', enableReadyCheck: false });
  operator.on('error', () => {});
  try {
    return await operator.call(name, ...args);
  } finally {
    operator.disconnect();
  }
}

const login = (redis: TestRedis, user: string) => redis.url.replace('redis://', `redis://${user}@`);

interface Case {
  args: string[];
  url?: (redis: TestRedis) => string;
  heal(redis: TestRedis): Promise<unknown>;
}

const cases: Record<string, Case> = {
  WRONGPASS: {
    args: ['--user', 'gate', 'on', '>right', '+@all', '~*', '&*'],
    url: (redis) => login(redis, 'gate:wrong'),
    heal: (redis) => tell(redis, 'acl', 'setuser', 'gate', '>wrong'),
  },
  READONLY: {
    args: ['--replicaof', '127.0.0.1 9'],
    heal: (redis) => tell(redis, 'replicaof', 'no', 'one'),
  },
  MASTERDOWN: {
    args: ['--replicaof', '127.0.0.1 9', '--replica-serve-stale-data', 'no', '--replica-read-only', 'no'],
    heal: (redis) => tell(redis, 'replicaof', 'no', 'one'),
  },
  OOM: {
    args: ['--maxmemory', '1'],
    heal: (redis) => tell(redis, 'config', 'set', 'maxmemory', '0'),
  },
  CLUSTERDOWN: {
    args: ['--cluster-enabled', 'yes', '--cluster-node-timeout', '500'],
    heal: (redis) => tell(redis, 'cluster', 'addslotsrange', '0', '16383'),
  },
};

for (const [name, { args, url, heal }] of Object.entries(cases)) {
  test(
    `${name} at the start: it has a name in the log, and ends within seconds of its cause`,
    waiting(),
    async (t) => {
      const redis = await startRedis(...args);
      t.teardown(() => redis.stop());
      const { shared, lines } = connect(t, url?.(redis) ?? redis.url);
      await until(name, () => lines.some(({ reason }) => reason?.startsWith(name)));
      t.equal(lines.filter(({ reason }) => reason?.startsWith(name)).length, 1, 'once, not at each attempt');
      await t.rejects(shared.claim('a', 1000), { code: 'store_unavailable' });
      t.ok(shared.problem());
      await heal(redis);
      await until('its end', () => shared.problem() === undefined);
      t.ok(lines.some(({ msg }) => msg === 'Redis is reachable'));
      t.equal(await shared.claim('a', 1000), true);
    },
  );
}

test('NOAUTH at the start and after a password was set', waiting(), async (t) => {
  const redis = await startRedis('--requirepass', 'secret');
  t.teardown(() => redis.stop());
  const { lines, shared } = connect(t, redis.url);
  await until('NOAUTH', () => lines.some(({ reason }) => reason?.startsWith('NOAUTH')));
  const operator = new Redis({ port: redis.port, host: '127.0.0.1', password: 'secret' });
  await operator.config('SET', 'requirepass', '');
  operator.disconnect();
  await until('its end', () => shared.problem() === undefined);
});

test('LOADING: a server that reads its data is waited for', waiting(), async (t) => {
  const slow = ['--key-load-delay', '20000', '--loading-process-events-interval-bytes', '1024'];
  const redis = await startRedis('--appendonly', 'no', '--save', '');
  t.teardown(() => redis.stop());
  for (let index = 0; index < 200; index++) await tell(redis, 'set', `key${index}`, 'x'.repeat(2000));
  await tell(redis, 'save');
  await redis.kill();
  await redis.restart(...slow);
  const { lines, shared } = connect(t, redis.url);
  await until('LOADING', () => lines.some(({ reason }) => reason?.startsWith('LOADING')));
  await until('its end', () => shared.problem() === undefined);
});

test('a server that hangs costs one time-out, not one for each command', waiting(), async (t) => {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  const { shared } = connect(t, redis.url);
  await until('Redis', () => shared.problem() === undefined);
  redis.signal('SIGSTOP');
  const begunAt = performance.now();
  for (let index = 0; index < 50; index++) {
    await t.rejects(Promise.resolve(shared.sessions.get('id')), { code: 'store_unavailable' });
  }
  const took = performance.now() - begunAt;
  t.ok(took < 15_000, `${Math.round(took)} ms for 50 commands in a row`);
  redis.signal('SIGCONT');
  await until('Redis again', () => shared.problem() === undefined);
  t.equal(await shared.sessions.get('id'), undefined);
});

test('a hang is seen, and heard of at /readyz, before a request meets it', waiting(), async (t) => {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  const { shared } = connect(t, redis.url, 300);
  await until('Redis', () => shared.problem() === undefined);
  redis.signal('SIGSTOP');
  await until('it', () => shared.problem() !== undefined);
  redis.signal('SIGCONT');
});
