import { z } from 'zod';
import { duration, oneOrMore, parsed, text } from './fields.ts';

const headerName = parsed('a header name such as X-Sallyport-Assertion', (input) =>
  /^[A-Za-z0-9-]+$/.test(input) ? input : undefined,
);

/** The signed identity assertion, with which an upstream can verify that the gateway spoke. */
export const assertion = () =>
  z
    .strictObject({
      header: headerName
        .prefault('X-Sallyport-Assertion')
        .meta({ description: 'The header that carries the assertion.' }),
      audience: oneOrMore(text(), 'an audience such as https://grafana.example.com, or a list of them').meta({
        description: 'Who the assertion is for: its `aud`, which the application has to check.',
        examples: ['https://grafana.example.com'],
      }),
      ttl: duration().prefault('60s').meta({ description: 'How long an assertion is valid.' }),
      rotation: duration()
        .prefault('7d')
        .meta({ description: 'How long one key signs. The keys before and after it are published too.' }),
    })
    .optional();

export type AssertionConfig = NonNullable<z.output<ReturnType<typeof assertion>>>;
