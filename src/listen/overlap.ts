import { isIP } from 'node:net';
import type { ListenAddress } from '../config/schema/index.ts';

/** Whether two addresses cannot be listened on at the same time. */
export function overlaps(one: ListenAddress, other: ListenAddress): boolean {
  if ('path' in one || 'path' in other) return 'path' in one && 'path' in other && one.path === other.path;
  if (one.port !== other.port || one.port === 0) return false;
  return one.host === other.host || includes(one.host, other.host) || includes(other.host, one.host);
}

/** Whether what listens at one takes what comes to the other. What a name leads to is not known here. */
function includes(one: string, other: string): boolean {
  if (one === '::') return true;
  if (one === '0.0.0.0') return isIP(other) !== 6;
  return one === 'localhost' && (other === '127.0.0.1' || other === '::1');
}
