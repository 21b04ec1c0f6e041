/** What each of many keys owes, in milliseconds that time pays off. */
export interface Debts {
  of(key: string, now: number): number;
  /** @param debt what it owes now */
  set(key: string, debt: number, now: number): void;
}

/**
 * Not a map of bounded.ts: in a flood of new keys, one of this size looks for its oldest entry among the places of
 * thousands that have gone, for 30 µs each (59 s for a million). To drop the older half at once costs nothing.
 * @param most so many keys are known; those that were set the longest ago are forgotten
 */
export function createDebts(most: number): Debts {
  /** When each is paid off: of those that were set lately, and of those before them. */
  let paidAt = new Map<string, number>();
  let before = new Map<string, number>();
  return {
    of: (key, now) => Math.max(0, (paidAt.get(key) ?? before.get(key) ?? now) - now),
    set(key, debt, now) {
      if (paidAt.size >= most / 2 && !paidAt.has(key)) {
        before = paidAt;
        paidAt = new Map();
      }
      paidAt.set(key, now + debt);
    },
  };
}
