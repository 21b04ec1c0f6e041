import { createHash } from 'node:crypto';
import { deriveBytes } from '../hkdf.ts';

/** What a seal is for. A seal for one purpose never opens for another: each has keys of its own. */
export type Purpose = Sealed | 'stored' | 'refresh' | 'people';

/** What the secrets seal themselves. */
type Sealed = 'session' | 'login' | 'state' | 'rounds' | 'account' | 'token' | 'listed' | 'target' | 'frame';

export interface SealingKey {
  /** Four bytes that say which secret of the ring made a seal; they tell nothing about the secret. */
  id: Buffer;
  key: Buffer;
}

/** Keys of one purpose: the first seals, all of them open. */
export type Keys = readonly [SealingKey, ...SealingKey[]];

/** The keys of the configured secrets, in their order. Those of `people` seal nothing: see secret-name.ts. */
export type KeyRing = Readonly<Record<Sealed | 'people', Keys>>;

/**
 * Derives the keys of each purpose from the secrets (HKDF-SHA-256, RFC 5869).
 * @param secrets at least one secret of 32 bytes or more
 */
export function createKeyRing(secrets: readonly Uint8Array[]): KeyRing {
  const derive = (purpose: Purpose): Keys => {
    const [first, ...others] = secrets.map((secret) => deriveKey(secret, purpose));
    if (first === undefined) throw new Error('a key ring needs at least one secret');
    return [first, ...others];
  };
  return {
    session: derive('session'),
    login: derive('login'),
    state: derive('state'),
    rounds: derive('rounds'),
    account: derive('account'),
    token: derive('token'),
    listed: derive('listed'),
    target: derive('target'),
    frame: derive('frame'),
    people: derive('people'),
  };
}

/** The key of one purpose that follows from a secret. */
export function deriveKey(secret: Uint8Array, purpose: Purpose): SealingKey {
  const key = deriveBytes(secret, `sallyport/v1/${purpose}`);
  const id = createHash('sha256').update('sallyport/v1/key-id').update(key).digest().subarray(0, 4);
  return { id, key };
}

/** Tells these keys from any others, in their order, and tells nothing about them. */
export function fingerprintOf(keys: Keys): string {
  const digest = createHash('sha256').update('sallyport/v1/fingerprint');
  for (const { key } of keys) digest.update(key);
  return digest.digest('base64url');
}
