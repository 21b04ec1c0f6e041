import type { Clock } from '../../clock.ts';
import { inBatches } from './held.ts';
import type { RedisLink } from './redis-link.ts';
import type { Listings } from './shared.ts';

/** Of so many sessions of one person those stay listed that end last: a program that signs in for ever must not fill Redis. */
const mostUnder = 20_000;

/**
 * KEYS a set; ARGV end of the listing, its name, now, most. The set lasts as long as the last of what is in it. Every
 * key is asked by itself, since two may be on two nodes of a Redis Cluster.
 */
const addScript = `
redis.call('zadd', KEYS[1], ARGV[1], ARGV[2])
redis.call('zremrangebyscore', KEYS[1], '-inf', ARGV[3])
redis.call('zremrangebyrank', KEYS[1], 0, -ARGV[4] - 1)
local last = redis.call('zrange', KEYS[1], -1, -1, 'WITHSCORES')
if last[2] then redis.call('expire', KEYS[1], last[2] - ARGV[3]) end
return 1`;

/** A listing is one key, and a sorted set for what it is found by has the names of listings, by their ends. */
export function createRedisListings(
  link: RedisLink,
  keyPrefix: string,
  { now }: Pick<Clock, 'now'>,
): Listings {
  const placeOf = (name: string) => `${keyPrefix}listed:${name}`;
  const setOf = (key: string) => `${keyPrefix}person:${key}`;
  const seconds = () => Math.floor(now() / 1000);
  const namesUnder = (key: string) =>
    link.read((redis) => redis.zrangebyscore(setOf(key), `(${seconds()}`, '+inf'), 'listing');
  const get: Listings['get'] = (name) =>
    link.read(async (redis) => (await redis.get(placeOf(name))) ?? undefined, 'listing');
  const withdraw = (name: string, keys: readonly string[]) =>
    keys.map((key) => link.read((redis) => redis.zrem(setOf(key), name), 'listing'));

  return {
    async put({ name, value, ttlSeconds }, { added, gone }) {
      const end = seconds() + ttlSeconds;
      const add = (key: string) =>
        link.write(
          (redis) => redis.eval(addScript, 1, setOf(key), end, name, seconds(), mostUnder),
          'listing',
        );
      // All of it is on its way before the first is answered.
      await Promise.all([
        link.write((redis) => redis.set(placeOf(name), value, 'EX', ttlSeconds), 'listing'),
        ...added.map(add),
        ...withdraw(name, gone),
      ]);
    },
    async under(keys) {
      const names = new Set((await Promise.all(keys.map(namesUnder))).flat());
      const found: [string, string][] = [];
      await inBatches(names, async (name) => {
        const value = await get(name);
        // It ended before its time, or gave way.
        if (value !== undefined) found.push([name, value]);
      });
      return found;
    },
    get,
    async remove({ name, under }) {
      await Promise.all([
        link.read((redis) => redis.del(placeOf(name)), 'listing'),
        ...withdraw(name, under),
      ]);
    },
  };
}
