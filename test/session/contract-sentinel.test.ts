import { Redis } from 'ioredis';
import tap, { test } from 'tap';
import { createWoundClock } from '../support/clock.ts';
import { startSentinel } from '../support/redis-topologies.ts';
import { shareInRedis } from '../support/shared.ts';
import { until } from '../support/until.ts';
import { testStore } from './contract.ts';
import { processOf } from './contract-process.ts';
import { sceneInRedis } from './contract-redis.ts';

const { url, primary, replica, untilPromoted } = await startSentinel(tap);

testStore('Redis through Sentinel', async (t) => {
  const operator = new Redis({ port: primary.port, host: '127.0.0.1' });
  await operator.flushall();
  operator.disconnect();
  return sceneInRedis(t, url, () => [primary.port]);
});

test('a fail-over to a replica that was behind loses nothing that a process was told, while that lives', async (t) => {
  const clock = createWoundClock();
  const start = async () => {
    const sharing = shareInRedis({ url, timeout: 1000 }, clock);
    t.teardown(() => sharing.place.close());
    await until('the connection', () => sharing.place.problem() === undefined, 30_000);
    return { ...processOf(sharing, async () => {}), problem: sharing.place.problem };
  };
  const [first, second] = [await start(), await start()];
  const once = { lost: 'lost', forMs: 3_600_000, heldBy: 'process' } as const;
  const never = () => Promise.reject(new Error('it must not be begun'));
  let tell = () => {};
  const told = new Promise<void>((resolve) => {
    tell = resolve;
  });
  // The replica hears nothing of what follows: nobody listens on port 9.
  const operator = new Redis({ port: replica.port, host: '127.0.0.1' });
  await operator.call('replicaof', '127.0.0.1', '9');
  operator.disconnect();
  let begun = false;
  const underWay = first.once(
    'under way',
    async () => {
      begun = true;
      await told;
      return { value: 'told late', lingerMs: 600_000 };
    },
    once,
  );
  await until('the work', () => begun);
  t.equal(await first.once('told', async () => ({ value: 'told', lingerMs: 600_000 }), once), 'told');
  const now = Date.now() / 1000;
  await first.publish({ key: 'signed out', before: now, until: Math.ceil(now) + 3600, proven: true });
  await primary.kill();
  await untilPromoted();
  for (const each of [first, second])
    await until('the new primary', () => each.problem() === undefined, 30_000);
  t.equal(await second.once('told', never, once), 'told');
  // Beyond the time in which others are let write first.
  clock.wind(2000);
  const waiting = second.once('under way', never, once);
  await second.get('any, so that it has asked');
  tell();
  t.strictSame(await Promise.all([underWay, waiting]), ['told late', 'told late']);
  const third = await start();
  await until('the sign-out', async () => (await third.revoked()).includes('signed out'));
});
