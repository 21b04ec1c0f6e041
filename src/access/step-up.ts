import type { StepUpConfig } from '../config/schema/index.ts';

/** The clocks of provider and gateway may differ by this much, in seconds. */
const clockToleranceSeconds = 30;

/** The claims that say how and when somebody signed in (OpenID Connect Core §2). */
export const stepUpClaims = ['acr', 'auth_time'] as const;

/**
 * What a sign-in lacks of what is asked (RFC 9470 §2): an authentication context class that is among the asked
 * ones, or an authentication that is young enough. Undefined when it lacks nothing.
 * @param claims of which `acr` and `auth_time` (OpenID Connect Core §2) are looked at
 * @param now seconds since the epoch
 */
export function unmetStepUp(
  { acr, maxAge }: StepUpConfig,
  claims: Readonly<Record<string, unknown>>,
  now: number,
): 'acr' | 'maxAge' | undefined {
  if (acr !== undefined && !(typeof claims.acr === 'string' && acr.includes(claims.acr))) return 'acr';
  if (maxAge === undefined) return undefined;
  const { auth_time: authTime } = claims;
  if (typeof authTime !== 'number') return 'maxAge';
  const age = now - authTime;
  // What lies in the future was not there when it was said.
  return age <= maxAge / 1000 + clockToleranceSeconds && age >= -clockToleranceSeconds ? undefined : 'maxAge';
}
