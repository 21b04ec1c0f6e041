import { createBounded } from '../../bounded.ts';
import type { Clock } from '../../clock.ts';
import type { SessionTable } from './shared.ts';

/** About 400 MB of sessions with tokens; beyond that the ones that were longest unused give way. */
const mostSessions = 100_000;

/** A bounded table in this process. */
export function createSessionTable({ monotonic: now }: Pick<Clock, 'monotonic'>): SessionTable {
  const sessions = createBounded<string, { value: string; until: number }>({
    entries: mostSessions,
    ends: { at: ({ until }) => until, now },
    givesWay: 'unused',
  });
  return {
    get: (id) => sessions.get(id)?.value,
    async set(id, value, ttlSeconds) {
      sessions.set(id, { value, until: now() + ttlSeconds * 1000 });
    },
    async delete(id) {
      sessions.delete(id);
    },
  };
}
