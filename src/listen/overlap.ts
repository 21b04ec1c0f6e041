import type { ListenAddress } from '../config/schema/index.ts';

/** Whether two addresses cannot be listened on at the same time. */
export function overlaps(one: ListenAddress, other: ListenAddress): boolean {
  if ('path' in one || 'path' in other) return 'path' in one && 'path' in other && one.path === other.path;
  if (one.port !== other.port || one.port === 0) return false;
  return (
    one.host === other.host ||
    [one, other].some(({ host }) => isEverywhere(host)) ||
    bothLoopback(one.host, other.host)
  );
}

const isEverywhere = (host: string) => host === '0.0.0.0' || host === '::';

const bothLoopback = (one: string, other: string) => [one, other].every((host) => loopbacks.includes(host));

/** `localhost` is both of the others. */
const loopbacks = ['localhost', '127.0.0.1', '::1'];
