import { createHash } from 'node:crypto';
import type { Config } from '../config/schema/index.ts';
import { canonical } from './differences/keys.ts';

/** The configuration in force as it may be shown: plain JSON in the form of a file, secrets masked. */
export const shownConfig = (config: Pick<Config, 'shown'>): Readonly<Record<string, unknown>> => config.shown;

/**
 * A short name of what a configuration says: 12 hexadecimal digits. It is made of what may be shown, so that no guess of
 * a secret can be tried on it; two that differ in secrets alone have one name. The order of keys does not count.
 */
export function configHash(config: Pick<Config, 'shown'>): string {
  return createHash('sha256').update(canonical(config.shown)).digest('hex').slice(0, 12);
}
