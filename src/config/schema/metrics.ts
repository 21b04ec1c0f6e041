import { z } from 'zod';
import { parseDuration } from '../units.ts';
import { flag, parsed } from './fields.ts';
import { bareOff, spelled } from './spellings.ts';

const expected = 'up to 20 durations, the shortest first, such as [10ms, 100ms, 1s]';

const bucket = parsed(expected, (input) => parseDuration(input) || undefined);

const isRising = (durations: readonly number[]) =>
  durations.every((each, index) => index === 0 || each > (durations[index - 1] as number));

const keys = z
  .strictObject({
    buckets: z
      .array(bucket, { error: expected })
      .min(1, { error: expected })
      .max(20, { error: expected })
      .refine(isRising, { error: expected })
      .prefault(['5ms', '10ms', '25ms', '50ms', '100ms', '250ms', '500ms', '1s', '2.5s', '10s'])
      .meta({
        description:
          'Where the buckets of the histograms end that say how long requests, upstreams and providers take.',
      }),
    routeLabel: flag().prefault(true).meta({
      description:
        'Whether routes are told apart, in the label `route`. `false` is for a gateway with very many of them: each has a histogram.',
    }),
  })
  .meta({ description: 'How it counts.' });

/** What `GET /metrics` of the admin listener tells. */
export const metrics = spelled([bareOff], z.union([z.literal('off'), keys], { error: 'off, or a map' }))
  .prefault({})
  .meta({
    description:
      'What `GET /metrics` of the admin listener tells Prometheus; `off`, also as `SALLYPORT_METRICS=off`, for nothing. See [metrics](metrics.md).',
  });

export type MetricsConfig = Exclude<z.output<typeof metrics>, 'off'>;
