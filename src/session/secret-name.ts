import { createHmac } from 'node:crypto';
import type { SealingKey } from './key-ring.ts';

/**
 * A name for something that may be kept outside this process and must tell nothing there (HMAC-SHA-256, RFC 2104). A
 * plain digest of an email address is found by trying addresses; this is not without the secret.
 * @param key one of the keys for `people`
 */
export function secretName({ key }: SealingKey, parts: readonly string[]): string {
  // As JSON, so that no two lists are one text, whatever is in their parts.
  return createHmac('sha256', key).update(JSON.stringify(parts)).digest('base64url');
}
