import { z } from 'zod';
import { parseDuration } from '../units.ts';
import { duration, fieldName, flag, parsed, text, upstreamUrl } from './fields.ts';
import { numberAsText, numberForText, spelled } from './spellings.ts';

/** How a route reaches its application. */

/** Each has a file in src/forward/balance. */
const balanceKinds = ['round-robin', 'least-connections', 'random-two'] as const;

/** A number that may come from the environment, or between quotes. */
const count = (least: number, most: number) => {
  const error = `a number from ${least} to ${most}`;
  return spelled([numberAsText(/^\d+$/)], z.int({ error }).min(least, { error }).max(most, { error }));
};

const status = spelled(
  [numberForText(200, 599)],
  parsed('a status such as 503, or 5xx for a class of them', (input) =>
    /^[2-5](\d\d|xx)$/.test(input) ? input : undefined,
  ),
);

const statuses = () => z.array(status, { error: 'a list of statuses such as [502, 503]' });

/** As a part of 1. */
const share = () =>
  parsed('a share such as 50%', (input) => {
    const percent = /^(\d{1,3})%$/.exec(input)?.[1];
    return percent !== undefined && Number(percent) <= 100 ? Number(percent) / 100 : undefined;
  });

const someTime = () =>
  parsed('a duration above 0 such as 500ms or 10s', (input) => parseDuration(input) || undefined);

const target = z.strictObject({
  url: upstreamUrl().meta({ description: 'Where it is: a URL, or `unix:/path/to/socket`.' }),
  weight: count(0, 1000).prefault(1).meta({
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
  .refine((given) => given.some((each) => each.weight !== 0), {
    error: 'a list with a target whose weight is above 0',
  })
  .meta({ description: 'The addresses of the application; a bare string stands for `url`.' });

const sticky = z
  .strictObject({
    cookie: text('the name of a cookie such as legacy-target')
      .regex(fieldName, { error: 'the name of a cookie such as legacy-target' })
      .meta({ description: 'The name of the cookie, which the gateway seals and keeps to itself.' }),
  })
  .optional()
  .meta({
    description:
      'Ties each browser to one target by a cookie, as long as that target can take its requests. For applications that keep sessions in memory.',
  });

const health = z
  .strictObject({
    path: text('a path such as /healthz')
      .regex(/^\/[\x21-\x7e]*$/, { error: 'a path such as /healthz' })
      .prefault('/')
      .meta({ description: 'What is asked for, by GET.' }),
    interval: someTime().prefault('10s').meta({ description: 'How often, a tenth more or less.' }),
    timeout: someTime().prefault('5s').meta({ description: 'How long the answer may take to begin.' }),
    healthy: count(1, 100)
      .prefault(2)
      .meta({ description: 'So many good answers in a row bring a target back.' }),
    unhealthy: count(1, 100).prefault(2).meta({ description: 'So many bad ones in a row leave it out.' }),
    expect: statuses().prefault(['2xx', '3xx']).meta({ description: 'The statuses of good answers.' }),
  })
  .optional()
  .meta({
    description:
      'Asks each target whether it is well; one that is not is left out while there are others. Without it, targets are only known by their requests.',
  });

const eject = z
  .strictObject({
    failures: count(1, 1000).prefault(3).meta({
      description:
        'How many requests in a row have to fail: the connection breaks, or `timeout.response` passes, before an answer begins. One to which no connection can be made is left out at once.',
    }),
    statuses: statuses().prefault([]).meta({
      description: 'Answers with these statuses are failures too, such as `503`, or `5xx` for all of them.',
    }),
    for: someTime().prefault('10s').meta({
      description: 'How long it is left out; twice as long each time that it fails again, up to a minute.',
    }),
    max: share().prefault('50%').meta({
      description:
        'The share of the targets that may be out for failures at a time, rounded up, and never all of them. Those that cannot be reached do not count.',
    }),
  })
  .prefault({})
  .meta({ description: 'When a target is left out for a while, as long as there are others.' });

const retryCause = spelled(
  [numberForText(200, 599)],
  parsed('connect, closed, timeout, a status such as 503, or 5xx', (input) =>
    /^(connect|closed|timeout|[2-5](\d\d|xx))$/.test(input) ? input : undefined,
  ),
);

const retry = z
  .strictObject({
    attempts: count(0, 10).prefault(1).meta({
      description:
        'How often a request that was sent may be sent again. Only idempotent ones without a body are, and none whose answer has begun.',
    }),
    on: z
      .array(retryCause, { error: 'a list such as [connect, closed, timeout, 503]' })
      .prefault(['connect', 'closed'])
      .meta({
        description:
          'Why: no connection could be made (`connect`: nothing was sent, so any request goes to the next target), the connection was `closed` before an answer began, `timeout.response` has passed (`timeout`), or the status of the answer, such as `503` or `5xx`.',
      }),
    for: duration().prefault('0s').meta({
      description:
        'How long a request waits and tries again while no connection can be made to any target, such as during a restart.',
    }),
  })
  .prefault({})
  .meta({
    description:
      'When a request is sent once more. Retries for time-outs, statuses and further attempts have a budget: a fifth of the requests of the last ten seconds.',
  });

const spelledOut = z.strictObject({
  targets,
  balance: z
    .enum(balanceKinds, { error: `one of ${balanceKinds.join(', ')}` })
    .prefault('round-robin')
    .meta({
      description:
        'Which target a request goes to: `round-robin` in turn, `least-connections` to the one with the fewest requests under way, `random-two` to the better of two that are drawn. Weights count with each.',
    }),
  sticky,
  health,
  eject,
  retry,
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
