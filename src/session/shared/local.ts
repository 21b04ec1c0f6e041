import type { Clock } from '../../clock.ts';
import { claimsThrough, type Follower, type Held } from './held.ts';
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
  const { revocations, board } = held;
  // What another place is told of is held here too.
  const others = held.join(toldAnyway);
  const turns = createMemoryTurns(board);
  const table = createSessionTable(clock);
  return {
    turns: {
      ...turns,
      async post(key, posted, holder) {
        await turns.post(key, posted, holder);
        others.tell((other) => other.posted(key, posted));
      },
    },
    sessions: table,
    listings: table.listings,
    bus: {
      async publish(revocation) {
        revocations.add(revocation);
        others.tell((other) => other.revoked(revocation));
      },
      knowsSignOuts: () => true,
    },
    claims: claimsThrough(held, others, async () => true),
    ready: Promise.resolve(),
    problem: () => undefined,
    flush: async () => {},
    close: async () => others.leave(),
  };
}
