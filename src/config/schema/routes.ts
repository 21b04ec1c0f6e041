import { z } from 'zod';
import { exampleRule } from '../../access/conditions/index.ts';
import { proxiedMethods } from '../../listen/methods.ts';
import { parseTemplate, type Template, TemplateSyntaxError } from '../template.ts';
import { allowRule } from './access.ts';
import { assertion } from './assertion.ts';
import {
  fieldName,
  flag,
  hostName,
  oneOrMore,
  parsed,
  proxyAddress,
  publicOrigin,
  size,
  text,
} from './fields.ts';
import { resource } from './resource.ts';
import { bareOff, flagWords, spelled, word } from './spellings.ts';
import { stepUp } from './step-up.ts';
import { token } from './token.ts';
import { timeouts, upstreams, upstreamTls } from './upstream.ts';

/** Framing and routing are the gateway's own business, whatever a file says. */
const reservedHeaders = ['host', 'content-length', 'transfer-encoding', 'connection', 'upgrade', 'cookie'];

/** What frames an answer; and cookies, of which the gateway keeps its own. */
const reservedResponseHeaders = [
  'content-length',
  'transfer-encoding',
  'connection',
  'upgrade',
  'trailer',
  'set-cookie',
  'x-sallyport-error',
];

const template = (expected: string, characters: 'ascii' | 'any' = 'ascii') =>
  z.string({ error: expected }).transform((source, context): Template => {
    try {
      return parseTemplate(source, characters);
    } catch (error) {
      if (!(error instanceof TemplateSyntaxError)) throw error;
      context.issues.push({ code: 'custom', message: `a header template: ${error.message}`, input: source });
      return z.NEVER;
    }
  });

const headerTemplate = z.union([template('a template'), z.null()], {
  error: 'a template, or null to remove the header',
});

export const headerTemplates = (reserved: readonly string[] = reservedHeaders) =>
  z
    .record(
      z
        .string()
        .regex(fieldName, { error: 'a header name' })
        .refine((name) => !reserved.includes(name.toLowerCase()), {
          error: `a header other than ${reserved.join(', ')}, which belong to the gateway`,
        }),
      headerTemplate,
      { error: 'a map of header names to templates' },
    )
    .prefault({});

/** A path as routes have it, which every reader takes for the same. */
export const path = () =>
  parsed(
    'a path such as /api, by whole segments: no regular expression, wildcard, query or dot segment',
    (input) => {
      const plain = /^\/[A-Za-z0-9\-._~!&'+,;=:@/]*$/.test(input);
      const segments = input.split('/').slice(1);
      const empty = segments.slice(0, -1).includes('');
      if (!plain || empty || segments.includes('.') || segments.includes('..')) return;
      return input === '/' ? input : input.replace(/\/$/, '');
    },
    // Requests for such a path could be read in two ways, so that none would ever be let through.
  ).refine((given) => !/;|[.+](\/|$)|\/\+/.test(given), {
    error:
      'a path without `;`, and without segments that end with a dot or have a `+` at an end: servers drop these',
  });

const method = () =>
  parsed('an HTTP method such as GET', (input) => {
    const name = input.toUpperCase();
    return proxiedMethods.includes(name) ? name : undefined;
  });

const unauthenticatedAnswers = ['auto', 'login', '401', 'pass'] as const;

export const routeSchema = z.strictObject({
  host: hostName()
    .optional()
    .meta({ description: 'The host that the request must name; none for every host.' }),
  path: path()
    .prefault('/')
    .meta({ description: '`/api` covers `/api` and everything below `/api/`, never `/apix`.' }),
  methods: z
    .array(method(), { error: 'a list of methods such as [GET, POST]' })
    .min(1, { error: 'a list of at least one method' })
    .optional()
    .meta({ description: 'The methods that this route is for; none for all of them.' }),
  upstream: upstreams(),
  allow: allowRule()
    .prefault('signed-in')
    .meta({
      description:
        'Who may pass: everybody (`public`), everybody who is signed in, or a list of alternatives. Of an alternative all conditions must hold; of the values of a condition, one.',
      examples: [exampleRule],
    }),
  unauthenticated: spelled(
    [word(401, '401')],
    z.enum(unauthenticatedAnswers, { error: `one of ${unauthenticatedAnswers.join(', ')}` }),
  )
    .prefault('auto')
    .meta({
      description:
        'What a request without a session gets: `auto` sends a browser navigation to the login and answers 401 to anything else.',
    }),
  provider: oneOrMore(text('the name of a provider'), 'the name of a provider, or a list of names')
    .optional()
    .meta({
      description:
        'The providers whose people may pass; others are sent to sign in with (the first of) these.',
    }),
  resource: resource(),
  preflight: z.enum(['check', 'pass'], { error: 'one of check, pass' }).prefault('check').meta({
    description: 'Whether CORS preflights, which never carry a session, pass to the application without one.',
  }),
  csrf: spelled([bareOff], z.enum(['off', 'header'], { error: 'one of off, header' }))
    .prefault('off')
    .meta({
      description:
        'With `header`, requests that change something and ride on the session cookie need the header `X-Requested-With`, which other sites cannot send; and their `Origin`, where they have one, has to be of `publicUrl` or `cors`.',
    }),
  cors: z
    .array(publicOrigin(), { error: 'a list of origins such as [https://spa.example.com]' })
    .optional()
    .meta({
      description:
        "The origins of other sites whose scripts may read the gateway's own 401 and 403 and get its answers to preflights. What the application answers is the application's to allow.",
      examples: [['https://spa.example.com']],
    }),
  headers: headerTemplates().meta({
    description: 'Header templates of this route, on top of the top-level `headers`; null removes one.',
  }),
  basicAuth: z
    .strictObject({
      username: template('a template such as {claims.preferred_username}', 'any').meta({
        description: 'The user name, a template.',
      }),
      password: template('a template, or ${NAME} for one password', 'any').meta({
        description: 'The password, a template.',
        secret: true,
      }),
    })
    .optional()
    .meta({
      description: 'HTTP Basic credentials (RFC 7617) in `Authorization`, for the oldest applications.',
    }),
  responseHeaders: headerTemplates(reservedResponseHeaders).meta({
    description: 'Headers of the answer to the browser: name to template; null removes the application’s.',
  }),
  sharedCache: flag().prefault(false).meta({
    description:
      'Shared caches may keep answers of this route as the application and `responseHeaders` say, although the route asks who it is: everybody sees what one person got.',
  }),
  noStore: flag().prefault(false).meta({
    description: 'Says `no-store` on all answers of this route, so that browsers keep none either.',
  }),
  assertion: assertion().meta({
    description: 'The signed identity assertion of this route, instead of the top-level one.',
  }),
  token: token().meta({
    description:
      'Gives the upstream an access token of its own: by exchange, by client credentials, or by a refresh with `resource`. It is `{token}` in header templates, and stands in `Authorization` unless the file says otherwise.',
  }),
  stepUp: stepUp().meta({
    description:
      'How people must have signed in to pass (RFC 9470); others are sent to the provider again, and programs get 401.',
  }),
  maintenance: spelled(
    flagWords,
    z.union([z.boolean(), text('true, or a text').max(1000, { error: 'a text of up to 1000 characters' })], {
      error: 'true, or a text for people',
    }),
  )
    .prefault(false)
    .meta({
      description:
        'Answers every request of this route with 503 and a page, without asking the application or who it is; a text stands on the page.',
      examples: [true, 'We are moving to new machines, until noon.'],
    }),
  stripPrefix: flag()
    .prefault(false)
    .meta({ description: 'Takes `path` off: with `/app`, `/app/x` goes upstream as `/x`.' }),
  rewrite: path()
    .optional()
    .meta({
      description:
        'Puts this path in the place of `path`: with `/app` and `/old`, `/app/x` goes as `/old/x`.',
      examples: ['/legacy/app'],
    }),
  preserveHost: flag()
    .prefault(false)
    .meta({ description: "Sends the browser's Host upstream instead of the upstream's own." }),
  timeout: timeouts().meta({ description: 'How long the upstream may take.' }),
  tls: upstreamTls(),
  proxy: proxyAddress().optional().meta({
    description:
      'The forward proxy that every connection to the upstream goes through, by CONNECT. Unset, there is none, whatever the environment says.',
    secret: true,
  }),
  http2: flag().prefault(false).meta({
    description:
      'Speaks HTTP/2 with the upstream: over TLS where it agrees, over plain http without asking. WebSockets stay HTTP/1.1.',
  }),
  maxBody: size().optional().meta({ description: 'The largest request body that is let through; else 413.' }),
});

export type RouteConfig = z.output<typeof routeSchema>;
