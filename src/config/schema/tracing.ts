import { z } from 'zod';
import { endpointUrl, fieldName, text } from './fields.ts';
import { bareOff, numberAsText, spelled, word } from './spellings.ts';

const protocols = ['http/protobuf', 'http/json'] as const;
const shareForm = 'a number from 0 to 1, such as 0.01';
const headersForm = 'a map of header names and values';

const keys = z
  .strictObject({
    endpoint: endpointUrl()
      .optional()
      .meta({
        description:
          'Where the collector takes OTLP over HTTP. Where it has no path, spans go to `/v1/traces` there. Unset: `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, `OTEL_EXPORTER_OTLP_ENDPOINT`, or `http://localhost:4318`.',
        examples: ['http://collector:4318'],
      }),
    protocol: z
      .enum(protocols, { error: `one of ${protocols.join(', ')}` })
      .optional()
      .meta({
        description: 'How spans are written. Unset: `OTEL_EXPORTER_OTLP_PROTOCOL`, or `http/protobuf`.',
      }),
    sampling: spelled(
      [numberAsText(/^[01](\.\d+)?$/)],
      z.number({ error: shareForm }).min(0, { error: shareForm }).max(1, { error: shareForm }),
    )
      .optional()
      .meta({
        description:
          'Which share of the traces that begin here is recorded; of those that a trusted front has begun, those that it says. Unset: `OTEL_TRACES_SAMPLER`, or all.',
        examples: [0.01],
      }),
    serviceName: text('a name such as sallyport').optional().meta({
      description: 'What the gateway is called in traces. Unset: `OTEL_SERVICE_NAME`, or `sallyport`.',
    }),
    headers: z
      .record(
        z.string().regex(fieldName, { error: 'the name of a header' }),
        z
          .string({ error: 'a header value' })
          .regex(/^[\x20-\x7e]*$/, { error: 'a header value, of visible ASCII' })
          .meta({ secret: true }),
        { error: headersForm },
      )
      .optional()
      .meta({
        description:
          'Headers of the requests to the collector, such as its API key. Beside them go those of `OTEL_EXPORTER_OTLP_HEADERS`.',
      }),
  })
  .meta({ description: 'What is traced, and who is told.' });

/** Spans of requests, for a collector of OpenTelemetry. */
export const tracing = spelled(
  [bareOff, word(true, 'on')],
  z.union([z.literal('off'), z.literal('on').transform(() => keys.parse({})), keys], {
    error: 'off, on, or a map',
  }),
)
  .prefault('off')
  .meta({
    description:
      'Traces of requests, sent to a collector of OpenTelemetry; `off`, or `on` for what the `OTEL_*` variables say. See [tracing](tracing.md).',
  });
