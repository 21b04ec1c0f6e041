import type { Clock } from '../clock.ts';

/** So many may come in a time, and so many at once after a pause. */
export interface Rate {
  requests: number;
  perMs: number;
  burst: number;
}

/**
 * Counts by key with the generic cell rate algorithm (ITU-T I.371): of each key only one number is kept, its debt, which
 * time pays off. Those that are refused cost nothing more, so nobody who goes on asking is locked out for ever.
 */
export interface Meter {
  /** Milliseconds until the next one of a key may come; 0 where it may now. */
  waitOf(key: string): number;
  /** One has come. */
  take(key: string): void;
  /** Others have counted as well: the debt is this one at the least, in milliseconds. */
  raise(key: string, debtMs: number): void;
  /** What one costs, and what a key may owe at the most. */
  costMs: number;
  mostMs: number;
}

/**
 * So many keys are known at once. Who has more of them than that is not one client: those that came the longest ago are
 * forgotten, half of them at a time, and begin anew.
 */
const mostKeys = 50_000;
/** A key is a name, not a place to put things: longer ones are cut by whoever makes them. */
export const longestKey = 256;

export function createMeter(
  { requests, perMs, burst }: Rate,
  { monotonic: now }: Pick<Clock, 'monotonic'>,
): Meter {
  const costMs = perMs / requests;
  const mostMs = costMs * burst;
  // Not a map of bounded.ts: in a flood of new keys, one of this size looks for its oldest entry among the places of
  // thousands that have gone, for 30 µs each (59 s for a million); to drop half of them at once costs nothing.
  /** When the debt of each key is paid off: of those that came lately, and of those before them. */
  let paidAt = new Map<string, number>();
  let before = new Map<string, number>();
  const setPaid = (key: string, at: number) => {
    if (paidAt.size >= mostKeys / 2 && !paidAt.has(key)) {
      before = paidAt;
      paidAt = new Map();
    }
    paidAt.set(key, at);
  };
  const debtOf = (key: string, at: number) => Math.max(0, (paidAt.get(key) ?? before.get(key) ?? at) - at);
  return {
    costMs,
    mostMs,
    waitOf(key) {
      const wait = debtOf(key, now()) + costMs - mostMs;
      // The sum of many fractions is not exact.
      return wait > costMs / 1000 ? wait : 0;
    },
    take(key) {
      const at = now();
      setPaid(key, at + debtOf(key, at) + costMs);
    },
    raise(key, debtMs) {
      const at = now();
      const debt = Math.min(mostMs, debtMs);
      if (debt > debtOf(key, at)) setPaid(key, at + debt);
    },
  };
}
