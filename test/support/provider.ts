import { randomBytes } from 'node:crypto';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import type {
  ClientAuthMethod,
  ClientMetadata,
  Configuration,
  interactionPolicy,
  Provider,
} from 'oidc-provider';
import { type Handler, type ProviderFront, startFront } from './provider-front.ts';
import { answerInteraction, grantWithoutConsent, interactionPath, showLogoutPage } from './provider-pages.ts';
import { rsaKeyPair } from './rsa.ts';

export type { ProviderHit, Tamper } from './provider-front.ts';

/** The claims of somebody; `sub` is the name that they log in with. */
export type Person = Record<string, unknown>;

/** Who exists unless a test says otherwise: with groups, without, and with a name outside ASCII. */
export const defaultPeople: Readonly<Record<string, Person>> = {
  ada: {
    name: 'Ada Lovelace',
    preferred_username: 'ada',
    email: 'ada@example.com',
    email_verified: true,
    groups: ['staff', 'admins'],
  },
  grace: {
    name: 'Grace Hopper',
    preferred_username: 'grace',
    email: 'grace@navy.example',
    email_verified: true,
    groups: ['staff'],
  },
  zoe: { name: 'Zoë Ångström', preferred_username: 'zoë', email: 'zoe@example.com', email_verified: true },
};

export interface ProviderOptions {
  people?: Readonly<Record<string, Person>>;
  /** The registered clients; one of the name `app` when absent. */
  clients?: ClientMetadata[];
  /** How the standard client authenticates at the token endpoint (client_secret_basic). */
  clientAuth?: ClientAuthMethod;
  /** Issues refresh tokens without the scope offline_access (true). */
  refreshTokens?: boolean;
  /** Replaces a refresh token at every use, and revokes the grant when an old one comes back (false). */
  rotateRefreshTokens?: boolean;
  /** Seconds (access token 300, refresh token and session 3600). */
  ttl?: { accessToken?: number; refreshToken?: number; idToken?: number; session?: number };
  /** True: claims such as email come from the userinfo endpoint only; false: from the ID token too (false). */
  conformIdTokenClaims?: boolean;
  /** Whether there is an end_session endpoint (true). */
  endSession?: boolean;
  /** Refuses authorization requests without PKCE (true). */
  pkceRequired?: boolean;
  /** More scopes, with the claims that each one stands for. */
  scopes?: Readonly<Record<string, string[]>>;
  /** The authentication context classes that it knows, and asks people for when a client does (none). */
  acrValues?: string[];
  /** Merged over everything else, one level deep in `features`. */
  configuration?: Configuration;
}

/** Something that happened inside the provider. */
export interface ProviderEvent {
  name: string;
  /** Of a grant: authorization_code, refresh_token … */
  grantType?: string | undefined;
  clientId?: string | undefined;
  /** The message and the description of an error. */
  error?: string | undefined;
}

export interface TestProvider extends ProviderFront {
  issuer: string;
  /** The standard client, or the first of `clients`. */
  clientId: string;
  clientSecret: string | undefined;
  people: Readonly<Record<string, Person>>;
  /** Private keys of the JWKS, to sign tokens that are nearly right: RS256 first, then ES256. */
  keys: JWK[];
  /** What happened so far, oldest first. */
  events: ProviderEvent[];
  /** Allows every redirect to an origin, for every client: gateways learn their port late. */
  allowRedirectsTo(origin: string): void;
  /** The oidc-provider itself. */
  provider: Provider;
}

/** Starts a real OpenID provider on a free port of 127.0.0.1, with an http issuer. */
export async function startProvider(options: ProviderOptions = {}): Promise<TestProvider> {
  silenceAdvice();
  const { default: OidcProvider } = await import('oidc-provider');
  const policy = options.acrValues && (await policyOf(options.acrValues));
  const keys = await makeKeys();
  const people = options.people ?? defaultPeople;
  const clients = options.clients ?? [standardClient(options)];
  const origins = new Set<string>();
  const events: ProviderEvent[] = [];
  let provider: Provider | undefined;

  const front = await startFront(async (issuer): Promise<Handler> => {
    const made = new OidcProvider(issuer, configure(options, clients, people, keys, policy));
    allowRedirects(made, origins);
    recordEvents(made, events);
    provider = made;
    const callback = made.callback();
    return (request, response) => {
      if (!request.url?.startsWith(interactionPath)) {
        callback(request, response);
        return;
      }
      answerInteraction(
        made,
        request,
        response,
        (login) => Object.hasOwn(people, login),
        options.acrValues,
      ).catch(() => {
        response.writeHead(400).end('the interaction is over');
      });
    };
  });
  if (!provider) throw new Error('the provider was not made');
  const [first] = clients;
  return {
    ...front,
    issuer: front.url,
    clientId: first?.client_id ?? '',
    clientSecret: first?.client_secret,
    people,
    keys,
    events,
    allowRedirectsTo: (origin) => origins.add(origin),
    provider,
  };
}

function standardClient({ clientAuth = 'client_secret_basic' }: ProviderOptions): ClientMetadata {
  return {
    client_id: 'app',
    ...(clientAuth !== 'none' && { client_secret: randomBytes(24).toString('base64url') }),
    token_endpoint_auth_method: clientAuth,
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    redirect_uris: ['http://127.0.0.1:1/oauth2/callback'],
  };
}

function configure(
  options: ProviderOptions,
  clients: ClientMetadata[],
  people: Readonly<Record<string, Person>>,
  keys: JWK[],
  policy: interactionPolicy.DefaultPolicy | undefined,
): Configuration {
  const { ttl = {}, refreshTokens = true, endSession = true, pkceRequired = true } = options;
  const { features, ...rest } = options.configuration ?? {};
  return {
    clients,
    jwks: { keys: keys as NonNullable<Configuration['jwks']>['keys'] },
    cookies: { keys: [randomBytes(16).toString('hex')] },
    claims: {
      openid: ['sub'],
      profile: ['name', 'preferred_username', 'given_name', 'family_name', 'locale'],
      email: ['email', 'email_verified'],
      groups: ['groups'],
      ...options.scopes,
    },
    conformIdTokenClaims: options.conformIdTokenClaims ?? false,
    findAccount: (_ctx, login) => {
      const person = people[login];
      return person && { accountId: login, claims: () => ({ ...person, sub: login }) };
    },
    interactions: {
      url: (_ctx, { uid }) => `${interactionPath}${uid}`,
      ...(policy && { policy }),
    },
    acrValues: options.acrValues ?? [],
    loadExistingGrant: grantWithoutConsent,
    issueRefreshToken: async (_ctx, client, code) =>
      client.grantTypeAllowed('refresh_token') && (refreshTokens || code.scopes.has('offline_access')),
    rotateRefreshToken: options.rotateRefreshTokens ?? false,
    pkce: { required: () => pkceRequired },
    // The provider guards itself against calling loopback addresses, where all of a test's servers are.
    fetch: (url, init) => {
      const { dispatcher: _, ...plain } = (init ?? {}) as RequestInit & { dispatcher?: unknown };
      return fetch(url, plain);
    },
    clientBasedCORS: () => false,
    renderError: (ctx, out) => {
      ctx.type = 'text/plain';
      ctx.body = JSON.stringify(out);
    },
    ttl: {
      AccessToken: ttl.accessToken ?? 300,
      AuthorizationCode: 60,
      ClientCredentials: 300,
      Grant: 3600,
      IdToken: ttl.idToken ?? 3600,
      Interaction: 600,
      RefreshToken: ttl.refreshToken ?? 3600,
      Session: ttl.session ?? 3600,
    },
    ...rest,
    features: {
      devInteractions: { enabled: false },
      introspection: { enabled: true, allowedPolicy: async () => true },
      revocation: { enabled: true, allowedPolicy: async () => true },
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: {
        enabled: endSession,
        logoutSource: showLogoutPage,
        postLogoutSuccessSource: (ctx) => {
          ctx.body = 'signed out';
        },
      },
      ...features,
      // The types tie introspection to a feature that is off here; a spread hides that from the compiler.
    } as NonNullable<Configuration['features']>,
  };
}

/** Asks for a new sign-in where a client wants a class that is known and that the person's sign-in has not. */
async function policyOf(acrValues: readonly string[]): Promise<interactionPolicy.DefaultPolicy> {
  const { interactionPolicy } = await import('oidc-provider');
  const policy = interactionPolicy.base();
  const { Check } = interactionPolicy;
  policy.get('login')?.checks.add(
    new Check('acr_values', 'another class of sign-in is wanted', ({ oidc }) => {
      const asked = String(oidc.params?.acr_values ?? '').split(' ');
      const isKnown = asked.some((value) => acrValues.includes(value));
      return isKnown && !asked.includes(oidc.acr ?? '') ? Check.REQUEST_PROMPT : Check.NO_NEED_TO_PROMPT;
    }),
  );
  return policy;
}

/** oidc-provider prints advice for people who run it in production. */
function silenceAdvice(): void {
  for (const level of ['info', 'warn'] as const) {
    const print = console[level];
    if (silenced.has(print)) continue;
    const filtered = (...words: unknown[]) => {
      if (!/oidc-provider (NOTICE|WARNING)/.test(String(words[0]))) print(...words);
    };
    silenced.add(filtered);
    console[level] = filtered;
  }
}
const silenced = new WeakSet<object>();

async function makeKeys(): Promise<JWK[]> {
  return Promise.all(
    ['RS256', 'ES256'].map(async (alg) => {
      const { privateKey } =
        alg === 'RS256' ? rsaKeyPair('provider') : await generateKeyPair(alg, { extractable: true });
      return { ...(await exportJWK(privateKey)), alg, use: 'sig', kid: randomBytes(8).toString('hex') };
    }),
  );
}

function allowRedirects(provider: Provider, origins: ReadonlySet<string>): void {
  const prototype = provider.Client.prototype as unknown as Record<string, (uri: string) => boolean>;
  for (const method of ['redirectUriAllowed', 'postLogoutRedirectUriAllowed']) {
    const registered = prototype[method];
    prototype[method] = function allowed(this: unknown, uri: string) {
      const origin = URL.canParse(uri) ? new URL(uri).origin : '';
      return origins.has(origin) || (registered?.call(this, uri) ?? false);
    };
  }
}

interface EventContext {
  oidc?: { params?: { grant_type?: unknown }; client?: { clientId?: string } };
}

const observed = [
  'authorization.success',
  'authorization.error',
  'grant.success',
  'grant.error',
  'grant.revoked',
  'end_session.success',
  'end_session.error',
  'introspection.error',
  'revocation.error',
  'userinfo.error',
  'backchannel.success',
  'backchannel.error',
  'pushed_authorization_request.success',
  'pushed_authorization_request.error',
  'server_error',
] as const;

function recordEvents(provider: Provider, events: ProviderEvent[]): void {
  for (const name of observed) {
    (provider as NodeJS.EventEmitter).on(name, (ctx: EventContext, error: unknown) => {
      const { params, client } = ctx?.oidc ?? {};
      const reason = error as { message?: string; error_description?: string } | undefined;
      events.push({
        name,
        grantType: typeof params?.grant_type === 'string' ? params.grant_type : undefined,
        clientId: client?.clientId,
        error: error instanceof Error ? `${reason?.message}: ${reason?.error_description ?? ''}` : undefined,
      });
    });
  }
}
