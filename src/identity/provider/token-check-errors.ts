import { errors } from 'jose';
import { ClockDiffers } from '../tokens/clock-differs.ts';
import { AlgorithmRefused } from './algorithms.ts';
import { causesOf, codeOf } from './error-causes.ts';

/** Codes of openid-client that mean that a token failed one of its checks. */
const tokenChecks: ReadonlySet<string> = new Set([
  'OAUTH_JWT_CLAIM_COMPARISON_FAILED',
  'OAUTH_JWT_TIMESTAMP_CHECK_FAILED',
  'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED',
  'OAUTH_KEY_SELECTION_FAILED',
  'OAUTH_UNSUPPORTED_OPERATION',
]);

/** Whether a token failed one of its checks. */
export function isFailedCheck(error: unknown): boolean {
  if (error instanceof errors.JOSEError) return !(error instanceof errors.JWKSInvalid);
  return tokenChecks.has(codeOf(error));
}

/** What clocks that are right may differ by, with all that happens between. */
const rightClocksSeconds = 30;

/**
 * The seconds by which the gateway's clock is behind the one that a token was issued by, where the token failed for that;
 * below 0 where the gateway's is ahead. A token that was just issued tells the time of its issuer.
 * @param now in seconds
 */
export function clockDifference(error: unknown, now: number): number | undefined {
  for (const current of causesOf(error)) {
    if (current instanceof ClockDiffers) return current.seconds;
    const issuedAt = issueTimeIn(current);
    if (issuedAt !== undefined && Math.abs(issuedAt - now) > rightClocksSeconds)
      return Math.round(issuedAt - now);
  }
  return undefined;
}

/** The algorithm of a signature that does not count, as the library or a check of the gateway found it. */
export function refusedAlgorithm(error: unknown): AlgorithmRefused | undefined {
  for (const current of causesOf(error)) {
    if (current instanceof AlgorithmRefused) return current;
    const { cause } = current;
    // The library's own check of the header of an ID token, by the list that it was given.
    if (cause === null || typeof cause !== 'object' || !('header' in cause && 'expected' in cause)) continue;
    const { header, expected } = cause as { header?: { alg?: unknown }; expected?: unknown };
    if (Array.isArray(expected)) return new AlgorithmRefused('ID token', header?.alg, expected);
  }
  return undefined;
}

/** `iat` of a token whose times did not fit. */
function issueTimeIn(error: Error): number | undefined {
  const isTimed =
    error instanceof errors.JWTExpired ||
    (error instanceof errors.JWTClaimValidationFailed && ['exp', 'iat', 'nbf'].includes(error.claim));
  const { cause } = error as { cause?: { claims?: { iat?: unknown }; claim?: unknown } };
  const claims = isTimed ? error.payload : cause instanceof Error || !cause?.claim ? undefined : cause.claims;
  return typeof claims?.iat === 'number' ? claims.iat : undefined;
}
