import { type Check, each, type Subject } from './check.ts';
import type { Whole } from './subjects.ts';

interface Rule extends Subject {
  path: string | undefined;
  endpoint: string | undefined;
  by: unknown;
  requests: unknown;
}

function rules({ value }: Whole): Rule[] {
  return (value.rateLimit ?? []).map((rule, index) => ({
    at: ['rateLimit', index],
    path: rule?.match?.path,
    endpoint: rule?.match?.endpoint,
    by: rule?.by,
    requests: rule?.requests,
  }));
}

/** They happen while it is found out who asks. */
const beforeAnybody = ['bearer-failures', 'introspection'];

export const rateLimitChecks: readonly Check<Whole>[] = [
  each(rules, [
    {
      key: 'match',
      when: ({ path, endpoint }) => path !== undefined && endpoint !== undefined,
      says: 'path and endpoint are two ways to say what counts: leave one of them out.',
    },
    {
      key: 'by',
      when: ({ endpoint, by }) => by === 'person' && endpoint !== undefined,
      says: "nobody is known yet where the gateway's own endpoints are limited: count by client or header.",
    },
    {
      key: 'by',
      when: ({ endpoint = '', by }) =>
        by !== undefined && by !== 'client' && beforeAnybody.includes(endpoint),
      says: 'what is looked up for requests is counted by client.',
    },
    {
      key: 'requests',
      when: ({ endpoint, requests }) => requests === 'unlimited' && endpoint === undefined,
      says: 'only an endpoint has a limit by itself that can be taken off: name one in match.endpoint.',
    },
  ]),
];
