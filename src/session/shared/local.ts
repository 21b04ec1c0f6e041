import type { Revocations } from '../revocations.ts';
import { createBoard } from './board.ts';
import { createClaims } from './claims.ts';
import type { ClaimDesk, SessionTable, Shared } from './shared.ts';
import { createSingleFlight } from './single-flight.ts';

/** About 400 MB of sessions with tokens; beyond that the ones that were longest unused give way. */
const mostSessions = 100_000;

/** A bounded table in this process. */
export function createSessionTable(now: () => number = () => performance.now()): SessionTable {
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

/** Everything in this process. */
export function createLocalShared(
  revocations: Revocations,
  now: () => number = () => performance.now(),
): Shared & ClaimDesk {
  const board = createBoard(now);
  const alone = createSingleFlight<string>();
  const claims = createClaims(now);
  return {
    sessions: createSessionTable(now),
    once(key, work) {
      const posted = board.read(key);
      if (posted !== undefined) return Promise.resolve(posted);
      return alone(key, async () => {
        const outcome = await work(board.recall(key));
        board.post(key, outcome);
        return outcome.value;
      });
    },
    settle: board.post,
    claim: async (name, forMs) => claims.take(name, forMs),
    publish: async (revocation) => revocations.add(revocation),
    knowsSignOuts: () => true,
    problem: () => undefined,
    close: (withinMs = 0) => alone.ended(withinMs),
  };
}
