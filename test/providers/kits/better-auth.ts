import { randomBytes } from 'node:crypto';
import { type Client, createClient, type HttpAnswer } from '../../support/client.ts';
import { fromNpm } from '../from-npm.ts';
import type { ProviderKit, RealProvider } from '../kit.ts';
import { startServer } from '../server.ts';

const packages = fromNpm('better-auth', ['better-auth@1.7', '@better-auth/oauth-provider@1.7']);

/** better-auth with its plugin for providers, from npm: a library, whose pages are the site's own. */
export const kit: ProviderKit = {
  name: 'better-auth',
  prepare: packages.prepare,
  limits: {
    'key rotation':
      'this kit: what it signs with is in the memory of a process, and there is no call to replace it',
    restart: 'this kit: everything is in the memory of a process',
    'bearer (JWT)': 'better-auth: its access tokens are opaque, unless a resource is asked for',
  },
  start,
};

const clientId = 'sallyport';
const clientSecret = randomBytes(24).toString('hex');
const accessTokenSeconds = 60;
const person = { email: 'ada@example.com', password: 'ada-password' };

async function start(origin: string): Promise<RealProvider> {
  const server = await startServer(
    (port) => () => packages.run(`server-${port}.mjs`, program(port, origin), port),
  );
  const { url } = server;
  const issuer = `${url}/api/auth`;
  return {
    version: packages.version('better-auth'),
    accessTokenSeconds,
    email: person.email,
    settings: {
      issuer,
      clientId,
      clientSecret,
      scopes: ['openid', 'profile', 'email', 'offline_access'],
    },
    goOn: (client, page) => goOn(client, page, issuer),
    revoke: (_client, token) => revokeToken(issuer, token),
    async signOutThere(client) {
      await client.request(`${issuer}/sign-out`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', origin: url },
        body: '{}',
      });
    },
    freeze: server.freeze,
    bearer: {
      introspection: { introspectionEndpoint: `${issuer}/oauth2/introspect`, clientId, clientSecret },
    },
    stop: server.stop,
  };
}

/** What the script of a sign-in page does, with the request that it was led there by. */
async function goOn(client: Client, page: HttpAnswer, issuer: string): Promise<HttpAnswer> {
  const { pathname, search, origin } = new URL(page.url);
  if (pathname !== '/sign-in')
    throw new Error(`a page that nobody knows: ${page.url} ${page.status} ${page.text.slice(0, 300)}`);
  const answer = await client.request(`${issuer}/sign-in/email`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin },
    body: JSON.stringify({ ...person, oauth_query: search.slice(1) }),
  });
  const { url } = answer.json() as { url?: string };
  if (url === undefined) throw new Error(`the sign-in: ${answer.status} ${answer.text}`);
  return client.navigate(new URL(url, page.url).href, { follow: 10 });
}

async function revokeToken(issuer: string, token: string): Promise<void> {
  const client = createClient();
  try {
    const { status, text } = await client.request(`${issuer}/oauth2/revoke`, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`,
      },
      body: new URLSearchParams({ token, token_type_hint: 'refresh_token' }).toString(),
    });
    if (status !== 200) throw new Error(`the token stays: ${status} ${text}`);
  } finally {
    client.close();
  }
}

/** A site of one file, with its tables in memory, one person and one client. */
const program = (port: number, origin: string) => `import { createServer } from 'node:http';
import { oauthProvider, oauthProviderOpenIdConfigMetadata } from '@better-auth/oauth-provider';
import { betterAuth } from 'better-auth';
import { memoryAdapter } from 'better-auth/adapters/memory';
import { toNodeHandler } from 'better-auth/node';
import { jwt } from 'better-auth/plugins';
const site = 'http://127.0.0.1:${port}';
const names = ['user', 'session', 'account', 'verification', 'jwks', 'rateLimit', 'oauthClient', 'oauthRefreshToken',
  'oauthAccessToken', 'oauthConsent', 'oauthClientResource', 'oauthResource', 'oauthClientAssertion'];
const tables = Object.fromEntries(names.map((name) => [name, []]));
const scopes = ['openid', 'profile', 'email', 'offline_access'];
const auth = betterAuth({
  baseURL: site,
  secret: '${randomBytes(30).toString('base64url')}',
  database: memoryAdapter(tables),
  emailAndPassword: { enabled: true },
  telemetry: { enabled: false },
  rateLimit: { enabled: false },
  disabledPaths: ['/token'],
  plugins: [
    jwt({ jwt: { issuer: site + '/api/auth' }, jwks: { keyPairConfig: { alg: 'RS256' } } }),
    oauthProvider({
      loginPage: '/sign-in',
      consentPage: '/consent',
      scopes,
      accessTokenExpiresIn: ${accessTokenSeconds},
      storeClientSecret: { hash: async (secret) => secret },
      silenceWarnings: { openidConfig: true, oauthAuthServerConfig: true },
    }),
  ],
});
await auth.api.signUpEmail({ body: { name: 'Ada Lovelace', ...${JSON.stringify(person)} } });
tables.oauthClient.push({
  id: '1', clientId: '${clientId}', clientSecret: '${clientSecret}', name: 'Sallyport', type: 'web', disabled: false,
  public: false, skipConsent: true, enableEndSession: true, requirePKCE: true, scopes,
  redirectUris: ['${origin}/oauth2/callback'], postLogoutRedirectUris: ['${origin}/'],
  tokenEndpointAuthMethod: 'client_secret_basic', grantTypes: ['authorization_code', 'refresh_token'],
  responseTypes: ['code'], backchannelLogoutUri: '${origin}/oauth2/backchannel-logout',
  backchannelLogoutSessionRequired: true, createdAt: new Date(), updatedAt: new Date(),
});
const metadata = oauthProviderOpenIdConfigMetadata(auth);
const handle = toNodeHandler(auth);
createServer(async (request, response) => {
  if (request.url.startsWith('/sign-in')) response.end('Sign in');
  else if (request.url.startsWith('/api/auth/.well-known/openid-configuration')) {
    const answer = await metadata(new Request(site + request.url));
    response.writeHead(200, { 'content-type': 'application/json' }).end(await answer.text());
  } else handle(request, response);
}).listen(${port}, '127.0.0.1');
`;
