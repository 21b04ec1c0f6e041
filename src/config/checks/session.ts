import { localStores, sessionSecretForm } from '../schema/session.ts';
import type { Check } from './check.ts';
import { providerNames, routes, type Whole } from './subjects.ts';

/** Whether anything is sealed or signed with a key of the key ring. */
const needsSecret = (whole: Whole): boolean =>
  providerNames(whole).length > 0 ||
  whole.has('assertion') ||
  routes(whole).some(({ has }) => has('assertion') || has('upstream', 'sticky'));

const redisUrl = ['session', 'redis', 'url'] as const;

const redisBridge = ['session', 'redis', 'bridge'] as const;
const bridgeOf = ({ session }: Whole['value']) => session?.redis?.bridge ?? 0;
const isLocal = ({ session }: Whole['value']) => localStores.some((kind) => kind === session?.store?.kind);
const idleOf = ({ session }: Whole['value']) => session?.idleTimeout ?? Number.POSITIVE_INFINITY;

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
    key: redisBridge,
    when: ({ value }) => bridgeOf(value) > 0 && isLocal(value),
    says: 'it is for sessions in Redis: those in cookies go on without it, and those in memory need none.',
  },
  {
    key: redisBridge,
    when: ({ value }) => bridgeOf(value) > idleOf(value),
    says: 'it is longer than `session.idleTimeout`: while Redis is out nobody can write down that a session is used.',
  },
  {
    key: ['session', 'secret'],
    when: (whole) => needsSecret(whole) && !whole.has('session', 'secret'),
    says: `this key is required: ${sessionSecretForm}.`,
  },
];
