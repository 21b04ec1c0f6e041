import { createBounded } from '../../bounded.ts';

/** What each of many keys owes, in milliseconds that time pays off. */
export interface Debts {
  of(key: string, now: number): number;
  /** @param debt what it owes now */
  set(key: string, debt: number, now: number): void;
}

/** @param most so many keys are known; those that were set the longest ago are forgotten */
export function createDebts(most: number): Debts {
  /** When each is paid off. */
  const paidAt = createBounded<string, number>({ entries: most });
  return {
    of: (key, now) => Math.max(0, (paidAt.peek(key) ?? now) - now),
    set: (key, debt, now) => paidAt.set(key, now + debt),
  };
}
