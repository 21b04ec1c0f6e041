import { Redis } from 'ioredis';
import { type Test, test } from 'tap';
import { createWoundClock } from '../support/clock.ts';
import { observeInto } from '../support/observe.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startRedisDelay } from '../support/redis-delay.ts';
import { shareInRedis } from '../support/shared.ts';
import { until } from '../support/until.ts';

interface Line {
  msg: string;
  reason?: string;
}

/** A process on this Redis, and another one that tells it of sign-outs. */
async function arrange(t: Test, url: (redis: TestRedis) => string | Promise<string> = ({ url }) => url) {
  const redis = await startRedis('--user', 'gate', 'on', '>p', '~test:*', '&test:*', '+@all');
  t.teardown(() => redis.stop());
  const operator = new Redis({ port: redis.port, host: '127.0.0.1' });
  operator.on('error', () => {});
  t.teardown(() => operator.disconnect());
  const clock = createWoundClock();
  const lines: Line[] = [];
  const { emit } = observeInto((line) => lines.push(JSON.parse(line) as Line));
  const at = shareInRedis({ url: await url(redis), emit }, clock);
  const other = shareInRedis({ url: redis.url }, clock);
  for (const { place } of [at, other]) {
    t.teardown(() => place.close());
    await place.ready;
  }
  let ended = 0;
  return {
    operator,
    clock,
    lines,
    place: at.place,
    /** Resolves when a sign-out of the other one is known. */
    async hears() {
      ended += 1;
      const key = `session.${ended}`;
      const before = clock.now() / 1000;
      await other.place.bus.publish({ key, before, until: before + 3600, proven: true });
      await until('the sign-out', () => at.revocations.has([key], before - 1));
    },
    told: (msg: string) => lines.filter((line) => line.msg === msg).length,
  };
}

const withRights = ({ url }: TestRedis) => url.replace('//', '//gate:p@');
const isDeaf = 'Redis does not pass on what instances tell each other';

for (const right of ['subscribe', 'publish']) {
  test(`a process that may not ${right} any more looks sign-outs up, says so once, and is well when it may again`, async (t) => {
    const { operator, place, hears, told, lines } = await arrange(t, withRights);
    await operator.call('acl', 'setuser', 'gate', `-${right}`);
    await operator.call('client', 'kill', 'type', 'pubsub');
    await until('its word', () => place.trouble?.()?.reason === 'store_deaf');
    await hears();
    await hears();
    t.equal(told(isDeaf), 1);
    await operator.call('acl', 'setuser', 'gate', `+${right}`);
    await until('the end', () => place.trouble?.() === undefined);
    t.equal(lines.at(-1)?.msg, 'Redis passes on what instances tell each other');
    await hears();
  });
}

test('a channel that dies without a word is found out, and what it did not carry is looked up', async (t) => {
  const delays: { deafen(): void }[] = [];
  const { place, hears, lines } = await arrange(t, async ({ port }) => {
    const delay = await startRedisDelay(port);
    t.teardown(() => delay.close());
    delays.push(delay);
    return delay.url;
  });
  delays[0]?.deafen();
  await hears();
  await until('its word', () => place.trouble?.()?.reason === 'store_deaf');
  t.ok(lines.some(({ reason }) => reason?.includes('what is published does not arrive')));
});

test('after an outage the channel is a new one: the server that was out may hold on to the old', async (t) => {
  const { operator, place, hears, told } = await arrange(t, withRights);
  const listeners = async () => {
    const list = (await operator.call('client', 'list', 'type', 'pubsub')) as string;
    return list
      .split('\n')
      .filter((line) => line.includes('user=gate'))
      .map((line) => /id=(\d+)/.exec(line)?.[1]);
  };
  const [before] = await listeners();
  t.ok(before);
  await operator.call('client', 'kill', 'type', 'normal', 'user', 'gate');
  await until('the outage', () => told('Redis is not reachable') > 0);
  await until('its end', () => place.problem() === undefined);
  await until('another channel', async () => {
    const [now] = await listeners();
    return now !== undefined && now !== before;
  });
  await hears();
  t.equal(told(isDeaf), 0);
});

test('what is no sign-out, on the channel or in the list, ends no process', async (t) => {
  const { operator, place, hears } = await arrange(t);
  for (const text of [
    '',
    '{',
    'null',
    '[]',
    '"session.a"',
    '{"key":1}',
    '{"key":"session.a","before":"x"}',
  ]) {
    await operator.publish('test:revoked', text);
    await operator.zadd('test:revocations:proven', 9e9, text);
  }
  await hears();
  await operator.call('client', 'kill', 'type', 'pubsub');
  await hears();
  t.equal(place.problem(), undefined);
});
