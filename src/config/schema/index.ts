import { availableParallelism } from 'node:os';
import { z } from 'zod';
import type { EgressRules } from '../../egress/rules.ts';
import type { Template } from '../template.ts';
import { admin } from './admin.ts';
import { assertion } from './assertion.ts';
import { audit } from './audit.ts';
import { type BearerConfig, bearerSchemas } from './bearer.ts';
import { flag, oneOrMore, parsed, publicOrigin, upstreamUrl } from './fields.ts';
import { idleLimit, limits } from './limits.ts';
import { listen } from './listen.ts';
import { logging } from './logging.ts';
import { metrics } from './metrics.ts';
import { paths } from './paths.ts';
import { type ProviderConfig, providerSchema, providersSchema } from './provider.ts';
import { rateLimit } from './rate-limit.ts';
import { headerTemplates, routeSchema } from './routes.ts';
import { type SessionConfig, sessionSchema } from './session.ts';
import { shutdown } from './shutdown.ts';
import { bareOff, numberAsText, spelled } from './spellings.ts';
import { tracing } from './tracing.ts';
import { trustedProxy } from './trusted-proxy.ts';

/**
 * The one source of the configuration: its types, defaults, JSON Schema, reference page, environment
 * variables and error messages all come from here.
 */

const prefix = parsed('a path such as /oauth2', (input) =>
  /^(\/[A-Za-z0-9_-]+)+$/.test(input) ? input : undefined,
);

export const configSchema = z
  .strictObject({
    publicUrl: oneOrMore(publicOrigin(), 'an origin such as https://app.example.com, or a list of them').meta(
      {
        description:
          'The origin that browsers see, or a list of them. Redirect URIs, cookie security and origin checks come from it.',
        examples: ['https://app.example.com'],
      },
    ),
    upstream: upstreamUrl()
      .optional()
      .meta({
        description: 'The application, as short for one route with the path `/`.',
        examples: ['http://legacy:8080'],
      }),
    provider: providerSchema
      .optional()
      .meta({ description: 'The one provider that people sign in with; short for `providers.default`.' }),
    providers: providersSchema.meta({
      description:
        'Several providers by name; people choose on the sign-in page. Each takes the keys of `provider`.',
    }),
    bearer: bearerSchemas,
    session: sessionSchema,
    routes: z.array(routeSchema, { error: 'a list of routes' }).prefault([]).meta({
      description:
        'Which requests go to which application. The most specific route wins; their order does not matter.',
    }),
    paths,
    headers: headerTemplates().meta({
      description: 'Header templates for every route, on top of the defaults; null removes one.',
    }),
    assertion: assertion().meta({
      description:
        'A JWT (ES256) in a header of every request of somebody signed in, with which an application can verify that the gateway spoke; its keys are at `/oauth2/jwks`.',
    }),
    listen,
    admin,
    metrics,
    tracing,
    workers: spelled(
      [
        {
          form: { const: 'auto' },
          means: (value) => (value === 'auto' ? availableParallelism() : undefined),
        },
        numberAsText(/^\d+$/),
      ],
      z
        .int({ error: 'a number from 1 to 64, or auto' })
        .min(1, { error: 'a number from 1 to 64, or auto' })
        .max(64, { error: 'a number from 1 to 64, or auto' }),
    )
      .prefault(1)
      .meta({
        description: 'The processes that share the port; `auto` is one for each core.',
        alternatives: ['auto'],
      }),
    reload: spelled([bareOff], z.enum(['signal', 'watch', 'off'], { error: 'one of signal, watch, off' }))
      .prefault('signal')
      .meta({
        description:
          'When the configuration is read again: `signal` at SIGHUP, `sallyport reload` and `POST /reload`; `watch` also when the file, or a file that it names, has changed; `off` never.',
      }),
    limits,
    rateLimit,
    shutdown,
    websocket: z
      .strictObject({
        onExpiry: z.enum(['keep', 'close'], { error: 'one of keep, close' }).prefault('keep').meta({
          description:
            'What happens to an open WebSocket or event stream when the access token that opened it expires. The end of the session always closes it.',
        }),
        idle: idleLimit(),
      })
      .prefault({})
      .meta({ description: 'WebSockets that are open.' }),
    signOut: z
      .strictObject({
        requirePost: flag()
          .prefault(false)
          .meta({ description: 'Ends sessions by POST only; a GET shows a page with a button.' }),
      })
      .prefault({})
      .meta({ description: 'The sign-out endpoint.' }),
    trustedProxies: z
      .array(trustedProxy, { error: 'a list of networks such as [10.0.0.0/8]' })
      .prefault([])
      .meta({
        description:
          'The fronts whose `X-Forwarded-*` and `X-Request-Id` are believed: networks, or `unix` for one that comes over the Unix socket of `listen`. `{ network, headers }` names further headers that a front sets itself.',
        examples: [['10.0.0.0/8', { network: '192.0.2.7', headers: ['Ssl-Client-Verify'] }]],
      }),
    endpoints: z
      .strictObject({
        prefix: prefix
          .prefault('/oauth2')
          .meta({ description: "The path below which the gateway's own endpoints live." }),
      })
      .prefault({})
      .meta({ description: "The gateway's own endpoints." }),
    logging,
    audit,
  })
  .meta({ title: 'Sallyport configuration' });

/** A valid configuration, defaults filled in. */
export interface Config
  extends Omit<z.output<typeof configSchema>, 'provider' | 'providers' | 'session' | 'bearer'> {
  session: SessionConfig & { secret: Buffer<ArrayBuffer>[] };
  /** Every provider by its name, in the order of the file. */
  providers: Readonly<Record<string, ProviderConfig>>;
  bearer: BearerConfig[];
  /** Which way calls go that no key says it of: what the environment says of proxies. */
  egress: EgressRules;
  /** The header templates that stand under those of the file. */
  defaultHeaders: Readonly<Record<string, Template>>;
  /** The texts in it that must be in no log and on no page. */
  secrets: readonly string[];
  /** The same as it may be shown: in the form of a file, defaults filled in, secrets masked. */
  shown: Readonly<Record<string, unknown>>;
}
export type { AdminConfig } from './admin.ts';
export type { AssertionConfig } from './assertion.ts';
export type { BearerConfig } from './bearer.ts';
export type { ListenAddress } from './fields.ts';
export type { MetricsConfig } from './metrics.ts';
export type { ProviderConfig } from './provider.ts';
export type { ClaimSource } from './provider-kind.ts';
export type { ResourceConfig } from './resource.ts';
export type { RouteConfig } from './routes.ts';
export type { StepUpConfig } from './step-up.ts';
export type { TokenConfig } from './token.ts';
export type { TrustedProxy } from './trusted-proxy.ts';
export type { UpstreamConfig, UpstreamTls } from './upstream.ts';
