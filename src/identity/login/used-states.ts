import type { Maybe } from '../../session/stores/store.ts';
import { loginLifetimeSeconds } from './login-state.ts';

/** Remembers which logins have come back, for as long as their cookies could: each counts once. */
export interface UsedStates {
  /**
   * False when this state was used before.
   * @param state or what stands for it, of any length
   */
  claim(state: string): Maybe<boolean>;
}

/** A flood of callbacks must not fill the memory; the provider refuses a code's second use all the same. */
const mostRemembered = 50_000;

export function createUsedStates(now: () => number = Date.now): UsedStates {
  // In the order of their use, so that the oldest stand in front.
  const usedAt = new Map<string, number>();
  return {
    claim(state) {
      for (const [old, at] of usedAt) {
        if (at + loginLifetimeSeconds * 1000 > now() && usedAt.size < mostRemembered) break;
        usedAt.delete(old);
      }
      if (usedAt.has(state)) return false;
      usedAt.set(state, now());
      return true;
    },
  };
}
