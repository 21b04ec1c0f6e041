import { hash, randomUUID } from 'node:crypto';
import { calculateJwkThumbprint, EmbeddedJWK, errors, type JWK, type JWTPayload, jwtVerify } from 'jose';
import type { Shared } from '../../session/shared/shared.ts';
import { TokenRejected } from '../tokens/rejected.ts';

/** What a proof may be signed with (RFC 9449 §11.6); stated in `algs` of a challenge and in the metadata. */
export const proofAlgorithms: readonly string[] = [
  'ES256',
  'ES384',
  'ES512',
  'PS256',
  'RS256',
  'EdDSA',
  'Ed25519',
];

/** How old a proof may be; a clock that is ahead of ours is forgiven as much. */
const windowSeconds = 60;
/** A proof that was seen is remembered for longer than it could be good. */
const rememberedMs = (2 * windowSeconds + 1) * 1000;
const largestProof = 8 * 1024;
const longestJti = 256;

/** The request that a proof has to be made for. */
export interface ProvenRequest {
  method: string;
  /** The URL by which the client knows what it asks for, without query. */
  url: string;
  accessToken: string;
}

export interface ProofNeeds {
  /** Does a thing once among all processes. */
  once: Shared['once'];
  /** Milliseconds since the epoch. */
  now(): number;
}

/**
 * Checks a DPoP proof, each item of RFC 9449 §4.3, and lets it count once. Rejects with TokenRejected, or with
 * GatewayError 503 when it cannot be told whether it came before.
 * @param proof the value of the `DPoP` header; several of them come joined with a comma, and so are none
 * @param thumbprint the `jkt` that the access token is bound to
 */
export async function verifyProof(
  proof: string | undefined,
  thumbprint: string,
  request: ProvenRequest,
  { once, now }: ProofNeeds,
): Promise<void> {
  if (proof === undefined) throw refused('The DPoP proof is missing');
  if (proof.length > largestProof) throw refused('The DPoP proof is too large');
  const { payload, jwk } = await verifySignature(proof, new Date(now()));
  checkClaims(payload, request, now() / 1000);
  // RFC 7638: the key that signed the proof is the one that the token was given to.
  if ((await calculateJwkThumbprint(jwk)) !== thumbprint)
    throw refused('The DPoP proof is of another key than the token');
  const mine = randomUUID();
  const seen = hash('sha256', `${thumbprint} ${payload.jti}`, 'base64url');
  const first = await once(`dpop\0${seen}`, async () => ({ value: mine, lingerMs: rememberedMs }));
  if (first !== mine) throw refused('The DPoP proof was used before');
}

async function verifySignature(proof: string, currentDate: Date): Promise<{ payload: JWTPayload; jwk: JWK }> {
  try {
    const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, {
      typ: 'dpop+jwt',
      algorithms: [...proofAlgorithms],
      currentDate,
    });
    const { jwk } = protectedHeader;
    if (!jwk) throw new errors.JWSInvalid('no jwk');
    return { payload, jwk };
  } catch (error) {
    throw refused('The DPoP proof is malformed or its signature cannot be verified', error);
  }
}

function checkClaims({ htm, htu, iat, jti, ath }: JWTPayload, request: ProvenRequest, now: number): void {
  if (typeof jti !== 'string' || jti === '' || jti.length > longestJti)
    throw refused('The DPoP proof has no jti');
  if (htm !== request.method) throw refused('The DPoP proof is for another method');
  const url = typeof htu === 'string' ? comparableUrl(htu) : undefined;
  if (url === undefined || url !== comparableUrl(request.url))
    throw refused('The DPoP proof is for another URL');
  if (typeof iat !== 'number' || Math.abs(now - iat) > windowSeconds)
    throw refused('The DPoP proof is too old, or of a clock that is ahead');
  // RFC 9449 §4.3, item 12: so that a proof is good for this token only.
  if (ath !== hash('sha256', request.accessToken, 'base64url'))
    throw refused('The DPoP proof is for another token');
}

/** Scheme and host in one spelling, without query and fragment (RFC 9449 §4.3, item 9). */
function comparableUrl(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

function refused(description: string, cause?: unknown): TokenRejected {
  return new TokenRejected(description, { error: 'invalid_dpop_proof', cause });
}
