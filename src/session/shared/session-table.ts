import type { Clock } from '../../clock.ts';
import type { SessionTable } from './shared.ts';

/** About 400 MB of sessions with tokens; beyond that the ones that were longest unused give way. */
const mostSessions = 100_000;

/** A bounded table in this process. */
export function createSessionTable({ monotonic: now }: Pick<Clock, 'monotonic'>): SessionTable {
  const sessions = new Map<string, { value: string; until: number }>();
  return {
    get(id) {
      const entry = sessions.get(id);
      if (!entry) return undefined;
      sessions.delete(id);
      if (entry.until <= now()) return undefined;
      sessions.set(id, entry);
      return entry.value;
    },
    async set(id, value, ttlSeconds) {
      sessions.delete(id);
      sessions.set(id, { value, until: now() + ttlSeconds * 1000 });
      for (const oldest of sessions.keys()) {
        if (sessions.size <= mostSessions) break;
        sessions.delete(oldest);
      }
    },
    async delete(id) {
      sessions.delete(id);
    },
  };
}
