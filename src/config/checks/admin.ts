import type { ListenAddress } from '../listen-address.ts';
import type { Check } from './check.ts';
import type { Whole } from './subjects.ts';

const everywhere: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

/** Whether one of them takes what comes to the other. */
function clash(one: ListenAddress, other: ListenAddress): boolean {
  if ('path' in one || 'path' in other) return 'path' in one && 'path' in other && one.path === other.path;
  if (one.port !== other.port || one.port === 0) return false;
  return one.host === other.host || everywhere.has(one.host) || everywhere.has(other.host);
}

export const adminChecks: readonly Check<Whole>[] = [
  {
    key: ['admin', 'listen'],
    when: ({ value: { listen, admin }, isValid }) =>
      isValid('listen') &&
      isValid('admin') &&
      typeof admin?.listen === 'object' &&
      (listen ?? []).some((each) => clash(admin.listen as ListenAddress, each?.address as ListenAddress)),
    says: 'this is where the gateway itself listens (`listen`): the admin endpoints need a port, or a socket, of their own.',
  },
];
