import { createBounded } from '../../bounded.ts';
import type { Clock } from '../../clock.ts';

/** Names that are taken once, each for a while. */
export interface Claims {
  /** Takes a name; false when it is taken already. */
  take(name: string, forMs: number): boolean;
  /** Takes it here and then elsewhere, as `ask` does: what cannot be told there is not taken here either. */
  takeAlso(name: string, forMs: number, ask: () => Promise<boolean>): Promise<boolean>;
  /** What is certain to be taken, and for how many milliseconds more. */
  all(): Iterable<[string, number]>;
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
  /** Being asked for elsewhere. */
  const uncertain = new Set<string>();
  const claims: Claims = {
    take(name, forMs) {
      if (takenUntil.has(name)) return false;
      takenUntil.set(name, now() + forMs);
      return true;
    },
    async takeAlso(name, forMs, ask) {
      if (!claims.take(name, forMs)) return false;
      uncertain.add(name);
      try {
        return await ask();
      } catch (error) {
        takenUntil.delete(name);
        throw error;
      } finally {
        uncertain.delete(name);
      }
    },
    *all() {
      for (const [name, until] of takenUntil)
        if (until > now() && !uncertain.has(name)) yield [name, until - now()];
    },
  };
  return claims;
}
