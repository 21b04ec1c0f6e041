import type { ClaimDesk } from '../../session/shared/shared.ts';
import { loginLifetimeSeconds } from '../browser/login-lifetime.ts';

/** Which logins have come back: each counts once, in whatever process it does. */
export interface UsedStates {
  /**
   * False when this state was claimed before. Rejects with GatewayError 503 when that cannot be told now.
   * @param state or what stands for it, of any length
   */
  claim(state: string): Promise<boolean>;
}

/** The clocks of instances may differ by this much, so that one takes a login that is over for another. */
const clockToleranceSeconds = 120;

export function createUsedStates({ claim }: ClaimDesk): UsedStates {
  const forMs = (loginLifetimeSeconds + clockToleranceSeconds) * 1000;
  return { claim: (state) => claim(`login state\0${state}`, forMs) };
}
