import { createBounded } from '../../bounded.ts';
import type { Clock } from '../../clock.ts';

/** Names that are taken once, each for a while. */
export interface Claims {
  /** Takes a name; false when it is taken already. */
  take(name: string, forMs: number): boolean;
}

/**
 * A flood must not fill the memory: beyond this the oldest names are free again. They are not on the board of
 * outcomes, so that whoever makes many pushes out nothing but others of their kind.
 */
const mostClaims = 50_000;

export function createClaims({ monotonic: now }: Pick<Clock, 'monotonic'>): Claims {
  /** In the order of their taking: what is over stands in front, where all are taken for equally long. */
  const takenUntil = createBounded<string, number>({
    entries: mostClaims,
    ends: { at: (until) => until, now },
  });
  return {
    take(name, forMs) {
      if (takenUntil.has(name)) return false;
      takenUntil.set(name, now() + forMs);
      return true;
    },
  };
}
