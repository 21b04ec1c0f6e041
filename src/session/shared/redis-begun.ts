import { randomBytes } from 'node:crypto';
import type { RedisLink } from './redis-link.ts';
import type { Unrepeatable } from './shared.ts';

/** Whether work may be begun: `waiting` where whoever began it may still tell what came of it. */
export type Fate = 'begun' | 'waiting' | 'lost';

/** What was begun and must not be begun again, as far as nobody has told what came of it. */
export interface Begun {
  /** Writes down that it is begun here, unless somebody did. To be called by the holder of the lock. */
  begin(key: string, unrepeatable: Unrepeatable): Promise<Fate>;
  /** It is told. */
  forget(key: string): Promise<unknown>;
  /** The server is back: what it may have read wrongly is taken back, and what it has forgotten is written again. */
  mend(hasForgotten: boolean): Promise<void>;
}

/** What was begun and not told of is waited for so long, since its holder may only be cut off from Redis. */
const underWayMs = 65_000;
/** Attempts to begin that failed, at the most. */
const mostUnsure = 10_000;

/** Deletes a key only where it has this value. */
export const deleteOwnScript =
  "if redis.call('get',KEYS[1])==ARGV[1] then return redis.call('del',KEYS[1]) end return 0";

/** @param gateway the process that keeps the answers of its workers: what one of them began, another may go on with */
export function createBegun(
  link: RedisLink,
  keyOf: (kind: string, name: string) => string,
  gateway: string | undefined,
): Begun {
  const me = randomBytes(12).toString('base64url');
  const running = new Map<string, { mine: string; forMs: number }>();
  /**
   * What was to be begun here when Redis went away. It was not: yet Redis may read so when it comes back, and others
   * would wait for an answer that nobody has.
   */
  const unsure = new Map<string, string>();

  const put = (key: string, mine: string, forMs: number) =>
    link.write(async (redis) => {
      // Whoever sees the second without the first takes it for lost.
      await redis.set(keyOf('underway', key), mine, 'PX', underWayMs);
      await redis.set(keyOf('sent', key), mine, 'PX', Math.ceil(forMs));
    });

  return {
    async begin(key, { forMs, heldBy }) {
      const resumable = heldBy === 'gateway' ? gateway : undefined;
      const by = await link.read((redis) => redis.get(keyOf('sent', key)));
      if (by !== null && by !== unsure.get(key) && by.split(' ')[0] !== resumable) {
        return (await link.read((redis) => redis.get(keyOf('underway', key)))) === null ? 'lost' : 'waiting';
      }
      const mine = `${resumable ?? me} ${randomBytes(12).toString('base64url')}`;
      try {
        await put(key, mine, forMs);
      } catch (error) {
        if (unsure.size < mostUnsure) unsure.set(key, mine);
        throw error;
      }
      unsure.delete(key);
      running.set(key, { mine, forMs });
      return 'begun';
    },
    async forget(key) {
      running.delete(key);
      await link.read((redis) => redis.del(keyOf('sent', key)));
      await link.read((redis) => redis.del(keyOf('underway', key)));
    },
    async mend(hasForgotten) {
      const attempts = [...unsure];
      unsure.clear();
      for (const [key, mine] of attempts) {
        await link.read((redis) => redis.eval(deleteOwnScript, 1, keyOf('sent', key), mine));
      }
      if (!hasForgotten) return;
      for (const [key, { mine, forMs }] of running) await put(key, mine, forMs);
    },
  };
}
