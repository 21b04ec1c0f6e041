import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
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
      // Some end at once, some later.
      for (let turns = index % 20; turns > 0; turns--) await nextTurn();
      return { value: 'result', lingerMs: 60_000, afterwards };
    };
    for (const value of await Promise.all([first.once(key, work), second.once(key, work)])) {
      seen.set(value, (seen.get(value) ?? 0) + 1);
    }
  });
  await Promise.all(turns);
  t.strictSame(Object.fromEntries(seen), { result: 1200 });
});
