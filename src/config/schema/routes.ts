import { METHODS } from 'node:http';
import { z } from 'zod';
import { parseTemplate, type Template, TemplateSyntaxError } from '../template.ts';
import { allowRule } from './access.ts';
import { duration, flag, parsed, size, upstreamUrl } from './fields.ts';

/** RFC 9110 §5.1: a field name is a token. */
const fieldName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Framing and routing are the gateway's own business, whatever a file says. */
const reservedHeaders = ['host', 'content-length', 'transfer-encoding', 'connection', 'upgrade', 'cookie'];

const headerTemplate = z
  .union([z.string(), z.null()], { error: 'a template, or null to remove the header' })
  .transform((source, context): Template | null => {
    if (source === null) return null;
    try {
      return parseTemplate(source);
    } catch (error) {
      if (!(error instanceof TemplateSyntaxError)) throw error;
      context.issues.push({ code: 'custom', message: `a header template: ${error.message}`, input: source });
      return z.NEVER;
    }
  });

export const headerTemplates = () =>
  z
    .record(
      z
        .string()
        .regex(fieldName, { error: 'a header name' })
        .refine((name) => !reservedHeaders.includes(name.toLowerCase()), {
          error: `a header other than ${reservedHeaders.join(', ')}, which belong to the gateway`,
        }),
      headerTemplate,
      { error: 'a map of header names to templates' },
    )
    .prefault({});

const host = () =>
  parsed('a host name such as app.example.com or *.example.com, without port', (input) => {
    const name = input.toLowerCase().replace(/^\*\./, '');
    return /^(\[[0-9a-f:.]+\]|[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*)$/.test(
      name,
    )
      ? input.toLowerCase()
      : undefined;
  });

const path = () =>
  parsed(
    'a path such as /api, by whole segments: no regular expression, wildcard, query or dot segment',
    (input) => {
      const plain = /^\/[A-Za-z0-9\-._~!&'+,;=:@/]*$/.test(input);
      const segments = input.split('/').slice(1);
      const empty = segments.slice(0, -1).includes('');
      if (!plain || empty || segments.includes('.') || segments.includes('..')) return;
      return input === '/' ? input : input.replace(/\/$/, '');
    },
  );

const method = () =>
  parsed('an HTTP method such as GET', (input) => {
    const name = input.toUpperCase();
    return METHODS.includes(name) && name !== 'CONNECT' && name !== 'TRACE' ? name : undefined;
  });

const unauthenticatedAnswers = ['auto', 'login', '401', 'pass'] as const;

const timeouts = () =>
  z
    .strictObject({
      response: duration()
        .prefault('60s')
        .meta({ description: 'How long the upstream may take until the headers of its answer have come.' }),
      idle: duration().prefault('0s').meta({
        description:
          'How long the upstream may stay silent in the middle of an answer; `0s` is without limit, which event streams need.',
      }),
    })
    .prefault({});

export const routeSchema = z.strictObject({
  host: host().optional().meta({ description: 'The host that the request must name; none for every host.' }),
  path: path()
    .prefault('/')
    .meta({ description: '`/api` covers `/api` and everything below `/api/`, never `/apix`.' }),
  methods: z
    .array(method(), { error: 'a list of methods such as [GET, POST]' })
    .min(1, { error: 'a list of at least one method' })
    .optional()
    .meta({ description: 'The methods that this route is for; none for all of them.' }),
  upstream: upstreamUrl().meta({
    description: 'Where the application is.',
    examples: ['http://legacy:8080'],
  }),
  allow: allowRule()
    .prefault('signed-in')
    .meta({
      description:
        'Who may pass: everybody (`public`), everybody who is signed in, or a list of alternatives. Of an alternative all conditions must hold; of the values of a condition, one.',
      examples: [[{ groups: ['admins'] }, { emailDomains: ['example.com'], networks: ['10.0.0.0/8'] }]],
    }),
  unauthenticated: z
    .preprocess(
      (value) => (value === 401 ? '401' : value),
      z.enum(unauthenticatedAnswers, { error: `one of ${unauthenticatedAnswers.join(', ')}` }),
    )
    .prefault('auto')
    .meta({
      description:
        'What a request without a session gets: `auto` sends a browser navigation to the login and answers 401 to anything else.',
    }),
  headers: headerTemplates().meta({
    description: 'Header templates of this route, on top of the top-level `headers`; null removes one.',
  }),
  preserveHost: flag()
    .prefault(false)
    .meta({ description: "Sends the browser's Host upstream instead of the upstream's own." }),
  timeout: timeouts().meta({ description: 'How long the upstream may take.' }),
  maxBody: size().optional().meta({ description: 'The largest request body that is let through; else 413.' }),
});

export type RouteConfig = z.output<typeof routeSchema>;
