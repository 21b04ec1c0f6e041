import type { Clock } from '../../clock.ts';
import type { Revocation, Revocations } from '../revocations.ts';
import { type Board, createBoard } from './board.ts';
import { type Claims, createClaims } from './claims.ts';
import type { ClaimDesk, Posted } from './shared.ts';

/**
 * What this process knows of what is shared, whatever the place. A place may be replaced while the process runs: the
 * new one is told all of it when it comes up, and until the old one has ended each is told what the other does.
 */
export interface Held {
  revocations: Revocations;
  /** What came of work that was done here. */
  board: Board;
  /** Names that were taken here. */
  claims: Claims;
  /** Unrepeatable work that was begun here, by its key, and not told of. */
  begun: Map<string, Begun>;
  /** A place is open from now on. */
  join(place: Follower): Following;
}

export interface Begun {
  /** Whose turn it is, by a name that no other process gives. */
  holder: string;
  /** Milliseconds for which it must not be begun again. */
  forMs: number;
}

/** A place that is told what this process does through another one. None of it may fail. */
export interface Follower {
  revoked(revocation: Revocation): void;
  begun(key: string, begun: Begun): void;
  /** @param holder whose turn ends with it, where that was told of */
  posted(key: string, posted: Posted, holder?: string): void;
  released(key: string, holder: string): void;
  claimed(name: string, forMs: number): void;
}

export interface Following {
  /** Tells the other places; also when this one has left. */
  tell(say: (other: Follower) => void): void;
  leave(): void;
}

export function createHeld(revocations: Revocations, clock: Pick<Clock, 'monotonic'>): Held {
  const open = new Set<Follower>();
  return {
    revocations,
    board: createBoard(clock),
    claims: createClaims(clock),
    begun: new Map(),
    join(place) {
      open.add(place);
      return {
        tell(say) {
          for (const other of open) if (other !== place) say(other);
        },
        leave: () => void open.delete(place),
      };
    },
  };
}

/** Names that are taken here first, and then in a place, as `ask` does. */
export function claimsThrough({ claims }: Held, { tell }: Following, ask: ClaimDesk['claim']): ClaimDesk {
  return {
    async claim(name, forMs) {
      const isFirst = await claims.takeAlso(name, forMs, () => ask(name, forMs));
      if (isFirst) tell((other) => other.claimed(name, forMs));
      return isFirst;
    },
  };
}

/** So much is written at a time: others wait behind it. */
const batch = 200;

/** Does something for each, some at a time. */
export async function inBatches<T>(all: Iterable<T>, each: (one: T) => Promise<unknown>): Promise<void> {
  const list = [...all];
  for (let start = 0; start < list.length; start += batch)
    await Promise.all(list.slice(start, start + batch).map(each));
}
