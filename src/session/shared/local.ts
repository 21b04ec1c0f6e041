import type { Clock } from '../../clock.ts';
import type { Revocations } from '../revocations.ts';
import type { Board } from './board.ts';
import { createClaims } from './claims.ts';
import { createMemoryTurns } from './memory-turns.ts';
import { createSessionTable } from './session-table.ts';
import type { Place } from './shared.ts';

export interface LocalNeeds {
  revocations: Revocations;
  board: Board;
  clock: Pick<Clock, 'monotonic'>;
}

/** Everything in this process. */
export function createLocalPlace({ revocations, board, clock }: LocalNeeds): Place {
  const claims = createClaims(clock);
  return {
    turns: createMemoryTurns(board),
    sessions: createSessionTable(clock),
    bus: { publish: async (revocation) => revocations.add(revocation), knowsSignOuts: () => true },
    claims: { claim: async (name, forMs) => claims.take(name, forMs) },
    problem: () => undefined,
    flush: async () => {},
    close: () => {},
  };
}
