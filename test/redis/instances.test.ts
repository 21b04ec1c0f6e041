import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { type Test, test } from 'tap';
import { systemClock } from '../../src/clock.ts';
import { startRedis } from '../support/redis.ts';
import { shareInRedis } from '../support/shared.ts';
import { until } from '../support/until.ts';

/** Two instances of the gateway, as far as Redis sees them. */
async function arrange(t: Test) {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  const instances = [0, 1].map(() => shareInRedis({ url: redis.url }, systemClock));
  for (const { place } of instances) t.teardown(() => place.close());
  await until('both are connected', () => instances.every(({ place }) => place.problem() === undefined));
  const [first, second] = instances;
  if (!first || !second) throw new Error('there are two');
  return { first, second };
}

test('who waits for another instance gets its result, never the mark that stands there afterwards', async (t) => {
  const { first, second } = await arrange(t);
  const afterwards = { value: 'used up', forMs: 60_000 };
  const seen = new Map<string, number>();
  const turns = Array.from({ length: 600 }, async (_, index) => {
    const key = randomUUID();
    const work = async () => {
      await wait(index / 2);
      return { value: 'result', lingerMs: 60_000, afterwards };
    };
    for (const value of await Promise.all([first.once(key, work), second.once(key, work)])) {
      seen.set(value, (seen.get(value) ?? 0) + 1);
    }
  });
  await Promise.all(turns);
  t.strictSame(Object.fromEntries(seen), { result: 1200 });
});

test('work is done once, its result lingers, and then the mark says that it was done', async (t) => {
  const { first, second } = await arrange(t);
  let times = 0;
  const work = async () => {
    times += 1;
    await wait(60);
    return { value: `turn ${times}`, lingerMs: 300, afterwards: { value: 'used up', forMs: 60_000 } };
  };
  const values = await Promise.all([
    first.once('key', work),
    second.once('key', work),
    first.once('key', work),
  ]);
  t.strictSame(values, ['turn 1', 'turn 1', 'turn 1']);
  t.equal(await second.once('key', work), 'turn 1', 'who comes late gets it too');
  await wait(350);
  t.strictSame(await Promise.all([first.once('key', work), second.once('key', work)]), [
    'used up',
    'used up',
  ]);
  t.equal(times, 1);
});

test('work that fails frees its lock: the next instance does it', async (t) => {
  const { first, second } = await arrange(t);
  await t.rejects(
    first.once('key', async () => {
      throw new Error('did not work');
    }),
    { message: 'did not work' },
  );
  t.equal(await second.once('key', async () => ({ value: 'worked', lingerMs: 1000 })), 'worked');
});
