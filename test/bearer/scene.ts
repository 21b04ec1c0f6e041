import { randomBytes, randomUUID } from 'node:crypto';
import { type Claims, providerKey, type SigningKey, signClaims } from '../attack/forged-token.ts';
import { arrangeGateway, arrangeUpstream, type Scene, type Teardown } from '../support/arrange.ts';
import type { HttpAnswer, RequestOptions } from '../support/client.ts';
import { type ProviderOptions, startProvider, type TestProvider } from '../support/provider.ts';
import { type Echo, type Upstream, valuesOf } from '../support/upstream.ts';

/** Whom the tokens of these tests are for. */
export const api = 'https://api.example.com';

/** Where the issuer of these tests looks tokens up. */
export const introspectionPath = '/token/introspection';

/** An entry of `bearer` whose tokens are looked up there. */
export const introspectingEntry = ({
  issuer,
  clientId,
  clientSecret,
}: Pick<TestProvider, 'issuer' | 'clientId' | 'clientSecret'>) => ({
  introspectionEndpoint: issuer + introspectionPath,
  clientId,
  clientSecret,
});

/** An opaque token, of which only its beginning says something. */
export const opaque = (kind: string): string => `${kind}-${randomBytes(16).toString('hex')}`;

/** How a token differs from a good one. */
export interface TokenChange {
  claims?: Claims;
  header?: object;
  /** What it is signed with, instead of the key of the provider. */
  key?: { key: SigningKey; alg?: string; kid?: string };
}

export interface BearerScene extends Scene {
  provider: TestProvider;
  upstream: Upstream;
  /** A good JWT access token of ada, signed with the provider's own key, with what is to be different. */
  token(change?: TokenChange): Promise<string>;
  /** Sends a request with a token. */
  ask(path: string, token: string, options?: RequestOptions & { scheme?: string }): Promise<HttpAnswer>;
}

/** A client of its own, which gets real tokens by the client credentials grant. */
const robot = { client_id: 'robot', client_secret: randomBytes(24).toString('base64url') };

const routes = (url: string) => [
  { path: '/', upstream: url },
  { path: '/open', upstream: url, allow: 'public' },
  { path: '/pass', upstream: url, unauthenticated: 'pass' },
  { path: '/login', upstream: url, unauthenticated: 'login' },
  { path: '/admins', upstream: url, allow: [{ groups: 'admins' }] },
  { path: '/write', upstream: url, allow: [{ scope: ['files:write files:read', 'all'] }, { bearer: false }] },
  { path: '/programs', upstream: url, allow: [{ bearer: true }] },
  { path: '/people', upstream: url, allow: [{ bearer: false }] },
  { path: '/csrf', upstream: url, csrf: 'header' },
];

/** A provider that issues JWT and opaque access tokens for the resources that are asked for. */
export function startIssuer(options: ProviderOptions = {}): Promise<TestProvider> {
  return startProvider({
    clients: [
      {
        client_id: 'app',
        client_secret: randomBytes(24).toString('base64url'),
        redirect_uris: ['http://127.0.0.1:1/oauth2/callback'],
        grant_types: ['authorization_code', 'refresh_token'],
      },
      {
        ...robot,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
      },
    ],
    ...options,
    configuration: {
      scopes: ['openid', 'offline_access', 'files:read', 'files:write'],
      ...options.configuration,
      features: {
        clientCredentials: { enabled: true },
        resourceIndicators: {
          enabled: true,
          defaultResource: () => [],
          getResourceServerInfo: (_ctx, resource) => ({
            scope: 'files:read files:write',
            audience: resource,
            accessTokenFormat: resource.includes('opaque') ? 'opaque' : 'jwt',
            accessTokenTTL: 300,
            jwt: { sign: { alg: 'RS256' } },
          }),
        },
        ...options.configuration?.features,
      },
    },
  });
}

/** A token that the provider itself issued to the robot. */
export async function issuedToken(
  { client }: Pick<Scene, 'client'>,
  { issuer }: TestProvider,
  parameters: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<string> {
  const credentials = Buffer.from(`${robot.client_id}:${robot.client_secret}`).toString('base64');
  const answer = await client.request(`${issuer}/token`, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      authorization: `Basic ${credentials}`,
      ...headers,
    },
    body: new URLSearchParams({ grant_type: 'client_credentials', ...parameters }).toString(),
  });
  if (answer.status !== 200) throw new Error(`no token: ${answer.status} ${answer.text}`);
  return String((answer.json() as Record<string, unknown>).access_token);
}

/** A gateway for people and for programs, in front of the echo. */
export async function arrangeBearer(
  t: Teardown,
  config: Record<string, unknown> = {},
  options: ProviderOptions = {},
): Promise<BearerScene> {
  const provider = await startIssuer(options);
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  const scene = await arrangeGateway(t, {
    provider,
    config: {
      bearer: [{ issuer: provider.issuer, audience: api }],
      routes: routes(upstream.url),
      ...config,
    },
  });
  const ask: BearerScene['ask'] = (path, token, { scheme = 'Bearer', headers = {}, ...rest } = {}) =>
    scene.client.request(scene.gateway.url + path, {
      ...rest,
      headers: { authorization: `${scheme} ${token}`, ...(headers as Record<string, string>) },
    });
  return { ...scene, provider, upstream, ask, token: (change) => signedToken(provider, change) };
}

/** Signs a JWT access token (RFC 9068) as the provider would. */
export async function signedToken(provider: TestProvider, change: TokenChange = {}): Promise<string> {
  const own = await providerKey(provider);
  const key = change.key ?? own;
  return signClaims(
    { ...goodClaims(provider), ...change.claims },
    { ...key, header: { typ: 'at+jwt', ...change.header } },
  );
}

/** What a good token says; undefined in a change leaves a claim out. */
export function goodClaims({ issuer }: Pick<TestProvider, 'issuer'>): Claims {
  const now = Math.floor(Date.now() / 1000);
  return {
    iss: issuer,
    aud: api,
    sub: 'ada',
    client_id: 'robot',
    iat: now,
    exp: now + 300,
    jti: randomUUID(),
    scope: 'files:read',
    email: 'ada@example.com',
    groups: ['staff', 'admins'],
  };
}

/** What the upstream got of a header. */
export function header(answer: HttpAnswer, name: string): string | undefined {
  return valuesOf((answer.json() as Echo).rawHeaders, name)[0];
}

/** The parameters of a `WWW-Authenticate`. */
export function challengeOf({ headers }: HttpAnswer): Record<string, string> {
  const text = headers['www-authenticate'] ?? '';
  const [scheme = ''] = text.split(' ');
  const parameters = [...text.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value]);
  return { scheme, ...Object.fromEntries(parameters) };
}
