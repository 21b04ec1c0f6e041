import { createECDH, createHash, generateKeyPairSync, randomUUID } from 'node:crypto';
import { type CryptoKey, SignJWT } from 'jose';

/**
 * A key of DPoP (RFC 9449): P-256, for ES256. It is kept as its private number in base64url, 43 characters, since
 * it travels in the session; the public half follows from it.
 */
export type DpopKey = string;

/** A new key, for one session. */
export function createDpopKey(): DpopKey {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ format: 'jwk' }).d ?? '';
}

/** The public half as a JWK; its members in the order in which RFC 7638 §3.2 hashes them. */
function publicJwk(key: DpopKey): { crv: string; kty: string; x: string; y: string } {
  const curve = createECDH('prime256v1');
  curve.setPrivateKey(key, 'base64url');
  // X9.62 uncompressed: 04, then both coordinates of 32 bytes.
  const point = curve.getPublicKey();
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((half) => half.toString('base64url'));
  return { crv: 'P-256', kty: 'EC', x: x ?? '', y: y ?? '' };
}

/** The thumbprint of the public half, for `dpop_jkt` (RFC 9449 §10). */
export function dpopThumbprint(key: DpopKey): string {
  return createHash('sha256')
    .update(JSON.stringify(publicJwk(key)))
    .digest('base64url');
}

/** What a call has to be proven for. */
export interface ProvenCall {
  method: string;
  /** Without query and fragment. */
  url: string;
  nonce: string | undefined;
  /** Seconds since the epoch. */
  now: number;
}

/** A proof of possession (RFC 9449 §4.2), for endpoints for which the library makes none. */
export async function signProof(key: DpopKey, { method, url, nonce, now }: ProvenCall): Promise<string> {
  const { privateKey } = await importDpopKey(key);
  return new SignJWT({ jti: randomUUID(), htm: method, htu: url, ...(nonce !== undefined && { nonce }) })
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: publicJwk(key) })
    .setIssuedAt(Math.floor(now))
    .sign(privateKey);
}

/** Both halves in the form that WebCrypto signs with. */
export async function importDpopKey(key: DpopKey): Promise<{ privateKey: CryptoKey; publicKey: CryptoKey }> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
  const jwk = publicJwk(key);
  const [privateKey, publicKey] = await Promise.all([
    crypto.subtle.importKey('jwk', { ...jwk, d: key }, algorithm, false, ['sign']),
    crypto.subtle.importKey('jwk', jwk, algorithm, true, ['verify']),
  ]);
  return { privateKey, publicKey };
}
