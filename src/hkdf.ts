import { createHmac } from 'node:crypto';

/** RFC 5869 §2.2: without a salt, as many zero octets as the hash has. */
const noSalt = Buffer.alloc(32);

/**
 * HKDF-SHA-256 (RFC 5869) without a salt, for a key of 32 bytes: then it is two HMACs, which take less than half of the
 * time of `hkdfSync`. Logins and refreshes derive keys of their own.
 * @param info what the key is for
 */
export function deriveBytes(secret: Uint8Array, info: string): Buffer {
  const key = createHmac('sha256', noSalt).update(secret).digest();
  return createHmac('sha256', key).update(info).update('\x01').digest();
}
