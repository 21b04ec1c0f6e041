import { z } from 'zod';
import { parseDuration } from '../units.ts';
import { count, fieldName, flag, parsed } from './fields.ts';
import { path } from './routes.ts';

/** What of the gateway's own a rule may be about; the last two are no places, but things that requests cause. */
const limitedEndpoints = [
  'login',
  'callback',
  'sign_out',
  'userinfo',
  'backchannel-logout',
  'bearer-failures',
  'introspection',
] as const;

const header = z.strictObject({
  header: parsed('the name of a header', (input) =>
    fieldName.test(input) ? input.toLowerCase() : undefined,
  ),
});

const by = 'client, person, or a header such as { header: X-Tenant }';

const rule = z.strictObject({
  match: z
    .strictObject({
      path: path()
        .optional()
        .meta({
          description:
            'What is at this path and below it, on every host. A request counts that some server may read as such a path.',
          examples: ['/api'],
        }),
      endpoint: z
        .enum(limitedEndpoints, { error: `one of ${limitedEndpoints.join(', ')}` })
        .optional()
        .meta({
          description:
            'What of the gateway itself: `login` is every login that is begun, wherever; `bearer-failures` are access tokens that were not accepted; `introspection` are look-ups of tokens at their issuer.',
        }),
    })
    .prefault({})
    .meta({ description: 'Which requests count; without it, all of them.' }),
  by: z
    .union([z.enum(['client', 'person'], { error: by }), header], { error: by })
    .prefault('client')
    .meta({
      description:
        'Whose requests are counted together: those of one address (of IPv6, one /64), of one person or program that is signed in, or with one value of a header. A request without that header counts for its client.',
      // The map is one of its values, and no place for further keys.
      alternatives: [],
    }),
  requests: z
    .union([z.literal('unlimited'), count('a whole number above 0, or unlimited')], {
      error: 'a whole number above 0, or unlimited',
    })
    .meta({
      description:
        'So many may come in each `per`. `unlimited` takes the limit off that an endpoint has by itself.',
      examples: [100],
    }),
  per: parsed('a duration above 0 such as 1s or 1m', (input) => parseDuration(input) || undefined)
    .prefault('1s')
    .meta({ description: 'The time in which they may come.' }),
  burst: count().optional().meta({
    description: 'So many may come at once after a pause. Without it, as many as `requests`.',
  }),
  shared: flag().prefault(true).meta({
    description: 'Workers, and instances that share a Redis, count together.',
  }),
});

export const rateLimit = z
  .array(rule, { error: 'a list of limits' })
  .max(32, { error: '32 limits at the most' })
  .prefault([])
  .meta({
    description:
      'How many requests may come in a time; what is more gets 429. See [limits](limits.md), which has the limits that are there without any.',
  });
