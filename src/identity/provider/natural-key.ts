import { hash } from 'node:crypto';

/**
 * The key of a thing that outlives a configuration: a digest of the settings that change what is asked or answered.
 * A digest, since secrets may be among them.
 */
export function naturalKey(...settings: readonly unknown[]): string {
  return hash('sha256', JSON.stringify(settings), 'base64url');
}
