import { createBounded } from '../../bounded.ts';
import type { Clock } from '../../clock.ts';
import type { Grant, RefreshOutcome, Renewal } from '../outcome.ts';
import type { Session } from '../session.ts';
import { turnOf } from '../turn.ts';
import type { WorkerLink } from './messages.ts';

/** Asks the providers in the primary process, for the workers. */
export interface GrantDesk {
  /** @param told the session as JSON */
  ask(worker: WorkerLink, told: string, renewal: Renewal): Promise<RefreshOutcome>;
  /** What this worker had asked for is given to another, which tells the rest of what came of it. */
  left(worker: WorkerLink): void;
  /** There is a worker to give things to. */
  joined(): void;
}

/** Answers are kept for so long, for whoever takes the turn of a worker that ended. */
const keptMs = 300_000;
/** About 12 MB with tokens of the usual size, and no more with larger ones than this; beyond that the oldest go. */
const mostKept = 2000;
const mostBytes = 32 * 1024 * 1024;
/** The session as text, as what was made of it, and as it is answered. */
const sizeOf = ({ told }: Granted) => 3 * told.length;

interface Granted {
  /** Who tells the rest of it; unset while there is nobody. */
  worker: WorkerLink | undefined;
  told: string;
  outcome: Promise<RefreshOutcome>;
  /** Without an end while the provider has not answered. */
  until: number;
}

/**
 * A worker that is killed must not take the answer of the token endpoint with it: the refresh token is used up by
 * then. So the answer is kept here, by the tokens that it was got with, and a second question gets it too.
 * @param workers those that can be told, the longest known first
 */
export function createGrantDesk(
  grant: Grant,
  workers: ReadonlySet<WorkerLink>,
  { monotonic: now }: Pick<Clock, 'monotonic'>,
): GrantDesk {
  const granted = createBounded<string, Granted>({
    entries: mostKept,
    bytes: { most: mostBytes, of: sizeOf },
    ends: { at: ({ until }) => until, now },
  });

  const handOver = (from: WorkerLink | undefined) => {
    const [next] = workers;
    for (const entry of granted.values()) {
      if (entry.worker !== from || entry.until <= now()) continue;
      // Should that one end too, it is handed on again.
      entry.worker = next;
      next?.send({ kind: 'finish', session: entry.told });
    }
  };

  return {
    ask(worker, told, renewal) {
      const session = JSON.parse(told) as Session;
      // Claims can be asked for again.
      if (renewal === 'claims') return grant(session, renewal);
      const key = turnOf('refresh', [session.refreshToken, session.accessToken]).name;
      const known = granted.get(key);
      if (known) {
        known.worker = worker;
        return known.outcome;
      }
      const entry: Granted = {
        worker,
        told,
        outcome: grant(session, renewal),
        until: Number.POSITIVE_INFINITY,
      };
      granted.set(key, entry);
      entry.outcome.then(
        (outcome) => {
          if (isLast(outcome)) entry.until = now() + keptMs;
          else granted.delete(key);
        },
        () => granted.delete(key),
      );
      return entry.outcome;
    },
    left: handOver,
    joined: () => handOver(undefined),
  };
}

/** The refresh token has been used, or will never be: nobody needs to ask again. */
function isLast(outcome: RefreshOutcome): boolean {
  return (
    outcome.kind === 'refreshed' ||
    outcome.kind === 'ended' ||
    (outcome.kind === 'parked' && outcome.isSpent === true)
  );
}
