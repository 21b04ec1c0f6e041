import { createHash, timingSafeEqual } from 'node:crypto';
import { decodeProtectedHeader, type JWTPayload, type JWTVerifyOptions } from 'jose';
import { GatewayError } from '../../errors.ts';
import { ClockDiffers } from './clock-differs.ts';
import type { Tokens } from './tokens.ts';

/** What an ID token is checked against. */
export interface IdTokenChecks {
  /** Checks the signature, and what the options name. */
  verify(token: string, options: JWTVerifyOptions): Promise<{ payload: JWTPayload }>;
  issuer: string;
  clientId: string;
  /** Milliseconds since the epoch. */
  now: number;
  /** Milliseconds: a clock that is more behind would let tokens be made in advance. */
  clockTolerance: number;
}

/**
 * What OpenID Connect Core §3.1.3.7 asks of an ID token beyond what openid-client has checked when it gave the
 * answer: the signature, azp whenever it is there, iat, and at_hash. Rejects with GatewayError or an error of
 * the keys.
 */
export async function verifyIdToken(
  { idToken = '', accessToken }: Pick<Tokens, 'idToken' | 'accessToken'>,
  { verify, issuer, clientId, now, clockTolerance }: IdTokenChecks,
): Promise<void> {
  const toleranceSeconds = clockTolerance / 1000;
  const { payload } = await verify(idToken, {
    issuer,
    audience: clientId,
    clockTolerance: toleranceSeconds,
  });
  // Item 5: with one audience too, another authorized party means that the token was not made for us.
  if (payload.azp !== undefined && payload.azp !== clientId) throw refused('azp is another client');
  // Item 10: a token from the future was made in advance, or by a clock that cannot be trusted.
  const { iat } = payload;
  if (typeof iat !== 'number') throw refused('iat is missing');
  if (iat > now / 1000 + toleranceSeconds) {
    const cause = new ClockDiffers('iat is in the future', iat - now / 1000);
    throw new GatewayError('login_token_invalid', { cause });
  }
  if (payload.at_hash !== undefined && !fitsAccessToken(payload.at_hash, idToken, accessToken)) {
    throw refused('at_hash is of another access token');
  }
}

/** §3.1.3.6: the left half of the digest that belongs to the algorithm of the signature. */
function fitsAccessToken(hash: unknown, idToken: string, accessToken: string): boolean {
  const { alg = '' } = decodeProtectedHeader(idToken);
  // EdDSA, by either name, has no digest of its own to tell: with Ed25519 it is SHA-512 (RFC 8032 §5.1).
  const bits = /^[A-Z]{2}(256|384|512)$/.exec(alg)?.[1] ?? '512';
  const digest = createHash(`sha${bits}`).update(accessToken, 'ascii').digest();
  const expected = Buffer.from(digest.subarray(0, digest.length / 2).toString('base64url'));
  const given = Buffer.from(String(hash));
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function refused(reason: string): GatewayError {
  return new GatewayError('login_token_invalid', { cause: new Error(reason) });
}
