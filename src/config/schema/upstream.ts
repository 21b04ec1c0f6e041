import { z } from 'zod';
import { duration, flag, text, upstreamUrl } from './fields.ts';

/** How a route reaches its application. */

/** Each has a file in src/forward/balance. */
const balanceKinds = ['round-robin', 'least-connections', 'random-two'] as const;

const weight = () =>
  z.preprocess(
    (value) => (typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value),
    z
      .int({ error: 'a number from 0 to 1000' })
      .min(0, { error: 'a number from 0 to 1000' })
      .max(1000, { error: 'a number from 0 to 1000' }),
  );

const target = z.strictObject({
  url: upstreamUrl().meta({ description: 'Where it is: a URL, or `unix:/path/to/socket`.' }),
  weight: weight().prefault(1).meta({
    description: 'Its share of the requests, beside those of the others; `0` for none.',
  }),
});

const severalTargets = 'a list of targets, such as [http://legacy-1:8080, http://legacy-2:8080]';

const targets = z
  .array(
    z
      .preprocess((value) => (typeof value === 'string' ? { url: value } : value), target)
      .meta({ short: 'url' }),
    { error: severalTargets },
  )
  .min(1, { error: severalTargets })
  .refine((given) => given.some((each) => each.weight > 0), {
    error: 'a list with a target whose weight is above 0',
  })
  .meta({ description: 'The addresses of the application; a bare string stands for `url`.' });

const spelledOut = z.strictObject({
  targets,
  balance: z
    .enum(balanceKinds, { error: `one of ${balanceKinds.join(', ')}` })
    .prefault('round-robin')
    .meta({
      description:
        'Which target a request goes to: `round-robin` in turn, `least-connections` to the one with the fewest requests under way, `random-two` to the better of two that are drawn. Weights count with each.',
    }),
});

/** What stands for a URL, and for a list of them. */
const plain = spelledOut.parse({ targets: ['http://localhost'] });

const forms =
  'the address of the application, such as http://legacy:8080, a list of addresses, or a map with `targets`';

/** One form inside, whichever it was. */
export const upstreams = () =>
  z
    .union([upstreamUrl(), z.array(upstreamUrl()).min(1, { error: forms }), spelledOut], { error: forms })
    .transform((given): z.output<typeof spelledOut> => {
      if (typeof given === 'object' && !Array.isArray(given)) return given;
      return { ...plain, targets: [given].flat().map((url) => ({ url, weight: 1 })) };
    })
    .meta({
      description:
        'Where the application is: a URL, `unix:/path/to/socket`, a list of them that take requests in turn, or `{ targets }` with more on how they share. One that refuses connections is left out for a while.',
      examples: [
        'http://legacy:8080',
        ['http://legacy-1:8080', 'http://legacy-2:8080'],
        { targets: [{ url: 'http://legacy-1:8080', weight: 2 }, 'http://legacy-2:8080'] },
      ],
    });

export type UpstreamConfig = z.output<typeof spelledOut>;
export const timeouts = () =>
  z
    .strictObject({
      connect: duration()
        .prefault('10s')
        .meta({ description: 'How long it may take to connect to the upstream.' }),
      response: duration()
        .prefault('60s')
        .meta({ description: 'How long the upstream may take until the headers of its answer have come.' }),
      idle: duration().prefault('0s').meta({
        description:
          'How long the upstream may stay silent in the middle of an answer; `0s` is without limit, which event streams need.',
      }),
    })
    .prefault({});

export const upstreamTls = () =>
  z
    .strictObject({
      ca: text('a PEM file')
        .optional()
        .meta({ description: 'A PEM file of certificate authorities to trust, instead of the usual ones.' }),
      cert: text('a PEM file')
        .optional()
        .meta({ description: 'The certificate that the gateway shows to the upstream, a PEM file.' }),
      key: text('a PEM file').optional().meta({ description: 'Its private key, a PEM file.' }),
      serverName: text('a host name')
        .optional()
        .meta({ description: 'The name that the upstream’s certificate has to be for, if not its host.' }),
      insecureSkipVerify: flag().prefault(false).meta({
        description: 'Takes any certificate. Who is on the path can then read and change everything.',
      }),
    })
    .optional()
    .meta({ description: 'TLS to the upstream.' });

export type UpstreamTls = NonNullable<z.output<ReturnType<typeof upstreamTls>>>;
