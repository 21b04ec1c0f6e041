import { generateKeyPairSync, type KeyPairKeyObjectResult } from 'node:crypto';

const pairs = new Map<string, KeyPairKeyObjectResult>();

/**
 * An RSA key pair, made once in a process: that takes 170 ms, longer than a whole login. A test of keys that come and
 * go makes its own.
 * @param owner whose it is; two of them never have the same
 */
export function rsaKeyPair(owner: string): KeyPairKeyObjectResult {
  const pair = pairs.get(owner) ?? generateKeyPairSync('rsa', { modulusLength: 2048 });
  pairs.set(owner, pair);
  return pair;
}
