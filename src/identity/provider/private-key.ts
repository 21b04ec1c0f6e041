import { createPrivateKey, type KeyObject } from 'node:crypto';
import { type CryptoKey, importJWK, type JWK } from 'jose';
import type { DecryptionKey } from 'openid-client';
import type { ProviderConfig } from '../../config/schema/index.ts';
import type { ReadFile } from '../../files.ts';
import type { Keep } from '../../holdings.ts';
import { fapi2Algorithms } from './algorithms.ts';
import { naturalKey } from './natural-key.ts';

/** The gateway's own key for a provider, ready to sign. */
export interface SigningKey {
  key: CryptoKey;
  kid: string | undefined;
  alg: string;
  /** The same for what the provider encrypts for the gateway; empty for a kind of key that opens nothing. */
  decryption: readonly DecryptionKey[];
}

interface PrivateKey {
  jwk: JWK;
  kid: string | undefined;
  alg: string;
}

const smallestRsaBits = 2048;

/**
 * Reads the private key of a provider's configuration, and checks that its algorithm fits; undefined where there
 * is none. Throws an Error with a sentence that has nothing of the key in it.
 */
export function readPrivateKey(
  { privateKey, profile }: ProviderConfig,
  readFile: ReadFile,
): PrivateKey | undefined {
  if (privateKey === undefined) return undefined;
  const { key, jwk: given } = parseKey(textOf(privateKey.key, readFile));
  const isFapi = profile === 'fapi2';
  const fitting = algorithmsOf(key);
  const alg = privateKey.alg ?? given?.alg ?? (isFapi ? fitting.find(isFapi2) : fitting[0]);
  if (alg === undefined || !fitting.includes(alg)) {
    throw new Error(`privateKey: ${alg ?? 'no algorithm'} does not fit a key of this kind`);
  }
  if (isFapi && !isFapi2(alg)) throw new Error(`privateKey: profile fapi2 does not allow ${alg}`);
  const { kty, n, e, d, p, q, dp, dq, qi, crv, x, y } = key.export({ format: 'jwk' }) as JWK;
  const jwk = JSON.parse(JSON.stringify({ kty, n, e, d, p, q, dp, dq, qi, crv, x, y })) as JWK;
  return { jwk, kid: privateKey.kid === false ? undefined : (privateKey.kid ?? given?.kid), alg };
}

/** A key that is there at once, or in a moment. */
export interface LoadedKey {
  /** Undefined while it is loaded. */
  now(): SigningKey | undefined;
  loaded: Promise<SigningKey>;
}

/** The private key of a configuration, ready to sign; undefined where there is none. Throws as `readPrivateKey` does. */
export function openSigningKey(
  config: ProviderConfig,
  { keep, read: readFile }: { keep: Keep; read: ReadFile },
): LoadedKey | undefined {
  const read = readPrivateKey(config, readFile);
  if (!read) return undefined;
  const { jwk, kid, alg } = read;
  return keep('provider signing key', naturalKey(jwk, kid, alg), () => {
    let key: SigningKey | undefined;
    const loaded = Promise.all([importJWK(jwk, alg), decryptionKeys(read)]).then(([imported, decryption]) => {
      key = { key: imported as CryptoKey, kid, alg, decryption };
      return key;
    });
    // Whoever needs it is told.
    loaded.catch(() => {});
    return { now: () => key, loaded };
  });
}

/** RFC 7518 §4.3 and §4.6: an algorithm for each digest of RSA-OAEP; of curves, the library knows P-256. */
async function decryptionKeys({ jwk, kid }: PrivateKey): Promise<DecryptionKey[]> {
  const named = kid === undefined ? {} : { kid };
  if (jwk.kty === 'RSA') {
    return Promise.all(
      ['RSA-OAEP', 'RSA-OAEP-256', 'RSA-OAEP-384', 'RSA-OAEP-512'].map(async (alg) => ({
        key: (await importJWK(jwk, alg)) as CryptoKey,
        alg,
        ...named,
      })),
    );
  }
  if (jwk.crv !== 'P-256') return [];
  return [{ key: (await importJWK(jwk, 'ECDH-ES')) as CryptoKey, ...named }];
}

const isFapi2 = (alg: string) => fapi2Algorithms.includes(alg);

/** The text itself, or that of the file that it names. */
function textOf(value: string, read: ReadFile): string {
  const text = value.trim();
  if (text.startsWith('-----BEGIN') || text.startsWith('{')) return text;
  try {
    return read(value).trim();
  } catch (error) {
    // Neither the value nor the message of the system, which repeats it: it may be a key that was cut off.
    const { code = 'unreadable' } = error as NodeJS.ErrnoException;
    throw new Error(`privateKey: it is no PEM, no JWK and no file that can be read (${code})`);
  }
}

function parseKey(text: string): { key: KeyObject; jwk: { alg?: string; kid?: string } | undefined } {
  try {
    if (!text.startsWith('{')) return { key: createPrivateKey(text), jwk: undefined };
    const jwk = JSON.parse(text) as Record<string, string>;
    return { key: createPrivateKey({ key: jwk, format: 'jwk' }), jwk };
  } catch {
    throw new Error('privateKey: it is no unencrypted private key in PEM or JWK form');
  }
}

/** The JWS algorithms that a key can sign with, the usual one first (RFC 7518 §3.1, RFC 8037). */
function algorithmsOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string[] {
  if (asymmetricKeyType === 'rsa') {
    if ((asymmetricKeyDetails?.modulusLength ?? 0) < smallestRsaBits) {
      throw new Error(`privateKey: an RSA key needs ${smallestRsaBits} bits or more`);
    }
    return ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
  }
  if (asymmetricKeyType === 'ed25519') return ['EdDSA'];
  const curves: Record<string, string> = { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' };
  const alg = curves[asymmetricKeyDetails?.namedCurve ?? ''];
  return alg === undefined ? [] : [alg];
}
