import { sessionSecretForm } from '../schema/session.ts';
import type { Check } from './check.ts';
import { providerNames, routes, type Whole } from './subjects.ts';

/** Whether anything is sealed or signed with a key of the key ring. */
const needsSecret = (whole: Whole): boolean =>
  providerNames(whole).length > 0 ||
  whole.has('assertion') ||
  routes(whole).some(({ has }) => has('assertion') || has('upstream', 'sticky'));

const redisUrl = ['session', 'redis', 'url'] as const;

export const sessionChecks: readonly Check<Whole>[] = [
  {
    key: redisUrl,
    when: ({ has, value }) => has(...redisUrl) && value.session?.store?.kind === 'memory',
    says: 'sessions are either in memory or shared: drop `session.redis.url`, or make it the `session.store`.',
  },
  {
    key: redisUrl,
    when: ({ has, value }) => has(...redisUrl) && value.session?.store?.kind === 'redis',
    says: 'the store is a Redis already; `session.redis.url` is for sessions in cookies.',
  },
  {
    key: ['session', 'secret'],
    when: (whole) => needsSecret(whole) && !whole.has('session', 'secret'),
    says: `this key is required: ${sessionSecretForm}.`,
  },
];
