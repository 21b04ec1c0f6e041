import { type Bounded, createBounded } from '../../bounded.ts';
import type { RedisLink } from './redis-link.ts';

/**
 * A replica that takes the place of its primary may lack what was written last, and so may a server that was started
 * anew. What was written in so many milliseconds before an outage is written again when the server is back.
 */
const recentMs = 60_000;

/** What was written last, and may be lost with the server. */
export interface Recent<Key, Value> {
  /** @param at when it was written, on the monotonic clock */
  add(key: Key, value: Value, at: number): void;
  /** Puts what may be lost behind what was never written, as far as there is room. */
  doubt(doubted: (key: Key, value: Value) => void): void;
}

/**
 * @param unwritten what was never written, with room for no more than `most`: it does not give way to what may be lost,
 * of which the last is the likeliest
 */
export function createRecent<Key, Value>(
  { wellUntil }: Pick<RedisLink, 'wellUntil'>,
  unwritten: Pick<Bounded<Key, unknown>, 'has' | 'size'>,
  most: number,
): Recent<Key, Value> {
  const recent = createBounded<Key, { value: Value; at: number }>({
    entries: most,
    ends: { at: ({ at }) => at + recentMs, now: wellUntil },
  });
  return {
    add: (key, value, at) => recent.set(key, { value, at }),
    doubt(doubted) {
      const since = wellUntil() - recentMs;
      const lost = [...recent].filter(([key, { at }]) => at > since && !unwritten.has(key));
      const room = most - unwritten.size;
      for (const [key, { value }] of lost.slice(Math.max(0, lost.length - room))) doubted(key, value);
    },
  };
}
