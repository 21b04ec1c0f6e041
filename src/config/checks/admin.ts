import { overlaps } from '../../listen/overlap.ts';
import type { ListenAddress } from '../listen-address.ts';
import type { Check } from './check.ts';
import type { Whole } from './subjects.ts';

export const adminChecks: readonly Check<Whole>[] = [
  {
    key: ['admin', 'listen'],
    when: ({ value: { listen, admin }, isValid }) =>
      isValid('listen') &&
      isValid('admin') &&
      typeof admin?.listen === 'object' &&
      (listen ?? []).some((each) => overlaps(admin.listen as ListenAddress, each?.address as ListenAddress)),
    says: 'this is where the gateway itself listens (`listen`): the admin endpoints need a port, or a socket, of their own.',
  },
];
