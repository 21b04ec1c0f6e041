import type { Clock } from '../../clock.ts';
import type { Follower, Held } from './held.ts';
import { createMemoryTurns } from './memory-turns.ts';
import { createSessionTable } from './session-table.ts';
import type { Place } from './shared.ts';

const toldAnyway: Follower = {
  revoked: () => {},
  begun: () => {},
  posted: () => {},
  released: () => {},
  claimed: () => {},
};

/** Everything in this process. */
export function createLocalPlace(held: Held, clock: Pick<Clock, 'monotonic'>): Place {
  const { revocations, board, claims } = held;
  // What another place is told of is held here too.
  const { tell, leave } = held.join(toldAnyway);
  const turns = createMemoryTurns(board);
  return {
    turns: {
      ...turns,
      async post(key, posted, holder) {
        await turns.post(key, posted, holder);
        tell((other) => other.posted(key, posted));
      },
    },
    sessions: createSessionTable(clock),
    bus: {
      async publish(revocation) {
        revocations.add(revocation);
        tell((other) => other.revoked(revocation));
      },
      knowsSignOuts: () => true,
    },
    claims: {
      async claim(name, forMs) {
        const isFirst = claims.take(name, forMs);
        if (isFirst) tell((other) => other.claimed(name, forMs));
        return isFirst;
      },
    },
    ready: Promise.resolve(),
    problem: () => undefined,
    flush: async () => {},
    close: async () => leave(),
  };
}
