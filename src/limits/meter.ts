import type { Clock } from '../clock.ts';
import { createDebts } from '../session/shared/debts.ts';

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
  /** What one costs, and what a key may come to owe where several processes count. */
  costMs: number;
  limitMs: number;
}

/**
 * So many keys are known at once. Who has more of them than that is not one client: those that came the longest ago are
 * forgotten, and begin anew.
 */
const mostKeys = 50_000;
const mostProcesses = 64;
/** A key is a name, not a place to put things: longer ones are cut by whoever makes them. */
export const longestKey = 256;

export function createMeter(
  { requests, perMs, burst }: Rate,
  { monotonic: now }: Pick<Clock, 'monotonic'>,
): Meter {
  const costMs = perMs / requests;
  const mostMs = costMs * burst;
  // Each of many processes lets one pass before it hears of the others.
  const limitMs = mostMs + mostProcesses * costMs + 1000;
  const debts = createDebts(mostKeys);
  return {
    costMs,
    limitMs,
    waitOf(key) {
      const wait = debts.of(key, now()) + costMs - mostMs;
      // The sum of many fractions is not exact.
      return wait > costMs / 1000 ? wait : 0;
    },
    take(key) {
      const at = now();
      debts.set(key, debts.of(key, at) + costMs, at);
    },
    raise(key, debtMs) {
      const at = now();
      const debt = Math.min(limitMs, debtMs);
      if (debt > debts.of(key, at)) debts.set(key, debt, at);
    },
  };
}
