import { randomBytes } from 'node:crypto';
import { decodeJwt, SignJWT } from 'jose';
import type { ClientMetadata, Configuration, KoaContextWithOIDC } from 'oidc-provider';
import type { Teardown } from '../support/arrange.ts';
import type { HttpAnswer } from '../support/client.ts';
import { type ProviderOptions, startProvider, type TestProvider } from '../support/provider.ts';
import { type Echo, valuesOf } from '../support/upstream.ts';

export const exchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange';
const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token';

/** What the token endpoint was asked, without the client's credentials. */
export type TokenRequest = Readonly<Record<string, string>>;

export interface TokenProvider extends TestProvider {
  /** Every request to the token endpoint that was no login, oldest first. */
  tokenRequests: TokenRequest[];
  /** What the next exchanges do instead of giving a token: an OAuth error code. */
  refuseExchanges(error: string | undefined): void;
  /** Seconds that tokens of the exchange last; undefined where the answer does not say. */
  exchangedFor: number | undefined;
  /** Another client of the provider. */
  jobs: { clientId: string; clientSecret: string };
}

const resources: Readonly<Record<string, { scope: string; audience: string }>> = {
  'https://reports.example.com': { scope: 'read write', audience: 'https://reports.example.com' },
  'https://other.example.com': { scope: 'read', audience: 'https://other.example.com' },
};

/** A provider with resource indicators, client credentials and a token exchange (RFC 8693) of its own. */
export async function startTokenProvider(
  t: Teardown,
  options: ProviderOptions & { resourceTtl?: number } = {},
): Promise<TokenProvider> {
  const jobs = client('jobs');
  const clients: ClientMetadata[] = [client('app'), jobs];
  const features: Configuration['features'] = {
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined as unknown as string,
      getResourceServerInfo: async (_ctx, resource) => {
        const known = resources[resource];
        if (!known) {
          const { errors } = await import('oidc-provider');
          throw new errors.InvalidTarget();
        }
        return { ...known, accessTokenTTL: options.resourceTtl ?? 300, accessTokenFormat: 'jwt' };
      },
    },
  };
  const provider = await startProvider({
    clients,
    ...options,
    configuration: {
      scopes: ['openid', 'offline_access', 'read', 'write'],
      ...options.configuration,
      features,
    },
  });
  t.teardown(() => provider.stop());
  const tokenRequests: TokenRequest[] = [];
  for (const name of ['grant.success', 'grant.error']) {
    (provider.provider as NodeJS.EventEmitter).on(name, ({ oidc }: KoaContextWithOIDC) => {
      const { params } = oidc;
      if (!params || params.grant_type === 'authorization_code') return;
      const sent = Object.entries(params).filter(([, value]) => value !== undefined);
      tokenRequests.push(Object.fromEntries(sent.map(([key, value]) => [key, String(value)])));
    });
  }
  const made: TokenProvider = Object.assign(provider, {
    tokenRequests,
    refuseExchanges: (error: string | undefined) => {
      refusal = error;
    },
    exchangedFor: 300 as number | undefined,
    jobs: { clientId: jobs.client_id, clientSecret: jobs.client_secret ?? '' },
  });
  let refusal: string | undefined;
  provider.provider.registerGrantType(
    exchangeGrant,
    async (ctx) => {
      const { subject_token: subjectToken, audience } = ctx.oidc.params ?? {};
      const subject = await subjectOf(provider, String(subjectToken));
      if (refusal !== undefined || subject === undefined) {
        ctx.status = 400;
        ctx.body = { error: refusal ?? 'invalid_request', error_description: 'this one may not' };
        return;
      }
      ctx.body = {
        access_token: await signToken(provider, subject, String(audience)),
        issued_token_type: accessTokenType,
        token_type: 'Bearer',
        ...(made.exchangedFor !== undefined && { expires_in: made.exchangedFor }),
      };
    },
    ['subject_token', 'subject_token_type', 'requested_token_type', 'audience', 'resource', 'scope'],
    ['audience', 'resource'],
  );
  return made;
}

function client(id: string): ClientMetadata {
  return {
    client_id: id,
    client_secret: randomBytes(24).toString('base64url'),
    token_endpoint_auth_method: 'client_secret_basic',
    grant_types: ['authorization_code', 'refresh_token', 'client_credentials', exchangeGrant],
    response_types: ['code'],
    redirect_uris: ['http://127.0.0.1:1/oauth2/callback'],
  };
}

/** Whose an access token is: one that is kept at the provider, or a JWT. */
async function subjectOf({ provider, issuer }: TestProvider, token: string): Promise<string | undefined> {
  if (!token.startsWith('eyJ')) return (await provider.AccessToken.find(token))?.accountId;
  const { iss, sub } = decodeJwt(token);
  return iss === issuer ? sub : undefined;
}

async function signToken(
  { keys: [key], issuer }: TestProvider,
  subject: string,
  audience: string,
): Promise<string> {
  if (!key) throw new Error('the provider has no key');
  return new SignJWT({ sub: subject, iss: issuer, aud: audience })
    .setProtectedHeader({ alg: 'RS256', typ: 'at+jwt' })
    .setJti(randomBytes(8).toString('hex'))
    .sign(key as Parameters<SignJWT['sign']>[0]);
}

/** The bearer token that the echo got; undefined for none. */
export function bearerOf(answer: Pick<HttpAnswer, 'text'>): string | undefined {
  const [value] = valuesOf((JSON.parse(answer.text) as Echo).rawHeaders, 'authorization');
  return value?.replace(/^Bearer /, '');
}

/** For whom the token was made that the echo got. */
export function audienceOf(answer: Pick<HttpAnswer, 'text'>): unknown {
  return decodeJwt(bearerOf(answer) ?? '').aud;
}

/** The events of the provider that are refreshes, good and bad. */
export function refreshesOf(provider: TestProvider): { good: number; bad: (string | undefined)[] } {
  const refreshes = provider.events.filter(({ grantType }) => grantType === 'refresh_token');
  return {
    good: refreshes.filter(({ name }) => name === 'grant.success').length,
    bad: refreshes.filter(({ name }) => name === 'grant.error').map(({ error }) => error),
  };
}
