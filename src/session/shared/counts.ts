import { createHash } from 'node:crypto';
import type { Clock } from '../../clock.ts';
import { createDebts } from './debts.ts';
import type { RedisLink } from './redis-link.ts';
import type { CountDesk } from './shared.ts';

/** So many clients of all limits together are known to the primary process. */
const mostKeys = 200_000;

/** Counts for workers, in the memory of their primary process. */
export function createMemoryCounts({ monotonic }: Pick<Clock, 'monotonic'>): CountDesk {
  const debts = createDebts(mostKeys);
  return {
    async add(counts) {
      const now = monotonic();
      return counts.map(({ key, costMs, mostMs }) => {
        const debt = Math.min(mostMs, debts.of(key, now) + costMs);
        debts.set(key, debt, now);
        return debt;
      });
    },
  };
}

/**
 * KEYS a debt; ARGV what is added, the most that it may be. The debt is the life of its key: Redis pays it off and
 * forgets it, and no clock of an instance counts.
 */
const countScript = `
local debt = math.min(math.max(redis.call('pttl', KEYS[1]), 0) + tonumber(ARGV[1]), tonumber(ARGV[2]))
if debt >= 1 then redis.call('set', KEYS[1], '1', 'PX', math.floor(debt + 0.5)) end
return tostring(debt)`;

/** Counts for instances, in Redis. */
export function createRedisCounts(link: RedisLink, keyPrefix: string): CountDesk {
  // A digest, so that a dump tells nobody's address.
  const placeOf = (key: string) =>
    `${keyPrefix}limit:${createHash('sha256').update(key).digest('base64url')}`;
  return {
    add: (counts) =>
      link.write(async (redis) => {
        const sent = counts.map(({ key, costMs, mostMs }) =>
          redis.eval(countScript, 1, placeOf(key), costMs, mostMs),
        );
        return (await Promise.all(sent)).map(Number);
      }, 'count'),
  };
}
