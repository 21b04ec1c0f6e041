import { z } from 'zod';
import { fieldName, parsed, text } from './fields.ts';
import { numberAsText, spelled } from './spellings.ts';

const logLevels = ['silent', 'error', 'warn', 'info', 'debug'] as const;
const logFormats = ['auto', 'json', 'pretty', 'combined'] as const;

const statusForm = 'a status such as 200, or a class of them such as 2xx';

type AccessStatus = { exactly: number } | { class: number };

function parseStatus(input: string): AccessStatus | undefined {
  if (/^[1-5][0-9]{2}$/.test(input)) return { exactly: Number(input) };
  return /^[1-5]xx$/i.test(input) ? { class: Number(input[0]) } : undefined;
}

const skipEntry = z
  .strictObject(
    {
      path: parsed('a path that begins with /, such as /healthz', (input) =>
        /^\/[^\s?#*]*$/.test(input) ? input : undefined,
      )
        .optional()
        .meta({
          description: 'The path itself and all below it. A path that is spelt oddly is not below another.',
        }),
      status: z
        .union(
          [
            z.int({ error: statusForm }).min(100, { error: statusForm }).max(599, { error: statusForm }),
            z.string({ error: statusForm }),
          ],
          { error: statusForm },
        )
        .transform((value, context): AccessStatus => {
          const status = parseStatus(String(value));
          if (status) return status;
          context.issues.push({ code: 'custom', message: statusForm, input: value });
          return z.NEVER;
        })
        .optional()
        .meta({ description: 'The status of the answer, such as `200`, or a class of them, such as `2xx`.' }),
      userAgent: text('a user agent such as kube-probe/*').optional().meta({
        description:
          'What the client says it is; `*` stands for any text. Anybody can say it, so name a path beside it.',
      }),
    },
    { error: 'a map of path, status and userAgent' },
  )
  .refine((entry) => Object.values(entry).some((value) => value !== undefined), {
    error: 'a map with path, status or userAgent; an empty one would leave out every line',
  });

/**
 * What a name says of a header that holds a credential. In a log it would be for all to take; nobody who wants to see a
 * header needs such a one.
 */
const credential =
  /authori[sz]ation|cookie|token|secret|passw|credential|assertion|jwt|signature|api[-_]?key|(?:^|[-_])(?:auth|session(?:[-_]?id)?|otp|pwd|dpop|csrf|xsrf|(?:access|auth|private)[-_]key)(?:[-_]|$)/i;

const shareForm = 'a number from 0 to 1, such as 0.1';

export const logging = z
  .strictObject({
    level: z
      .enum(logLevels, { error: `one of ${logLevels.join(', ')}` })
      .prefault('info')
      .meta({ description: 'The least serious kind of line that is written.' }),
    format: z
      .enum(logFormats, { error: `one of ${logFormats.join(', ')}` })
      .prefault('auto')
      .meta({
        description:
          "`auto` writes for people on a terminal and JSON lines elsewhere. `combined` writes requests in Apache's combined format, and the rest as plain text.",
      }),
    access: z
      .strictObject({
        skip: z
          .array(skipEntry, { error: 'a list such as [{ path: /healthz, status: 2xx }]' })
          .prefault([])
          .meta({
            description:
              'Requests without a line: those that all keys of an entry fit. What is refused or fails has its own line all the same.',
            examples: [[{ path: '/healthz', status: '2xx' }, { userAgent: 'kube-probe/*' }]],
          }),
        sample: spelled(
          [numberAsText(/^[01](\.\d+)?$/)],
          z.number({ error: shareForm }).min(0, { error: shareForm }).max(1, { error: shareForm }),
        )
          .prefault(1)
          .meta({
            description:
              'Which share of the requests that went well has a line, by the request id; what was refused or has a status of 400 or more always has one.',
          }),
        headers: z
          .array(
            z
              .string({ error: 'the name of a header' })
              .regex(fieldName, { error: 'the name of a header' })
              .refine((name) => !credential.test(name), {
                error: 'the name of a header that holds no credential: lines are read by many',
              }),
            { error: 'a list of header names such as [X-Forwarded-Proto, Traceparent]' },
          )
          .prefault([])
          .meta({
            description: 'Request headers that are in the lines of requests, in JSON and for people.',
            examples: [['Referer', 'Traceparent']],
          }),
      })
      .prefault({})
      .meta({ description: 'The lines of requests.' }),
  })
  .prefault({})
  .meta({ description: 'What the gateway writes to standard output.' });
