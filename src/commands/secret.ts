import { randomBytes } from 'node:crypto';

/** `sallyport secret`: a fresh session secret, 32 random bytes in base64. */
export function secret(): string {
  return randomBytes(32).toString('base64');
}
