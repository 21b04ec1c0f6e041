import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { startChild } from '../../support/child.ts';
import { type Client, createClient, type HttpAnswer } from '../../support/client.ts';
import { debianVersion } from '../debian.ts';
import type { ProviderKit, RealProvider } from '../kit.ts';
import { startServer } from '../server.ts';
import { plugin, prepareFolder } from '../settings/glewlwyd.ts';

/** Debian's Glewlwyd, with a database of its own. Its sign-in page is a script; we do what that does. */
export const kit: ProviderKit = {
  name: 'Glewlwyd',
  limits: { 'step-up': 'Glewlwyd: with SQLite, its ID tokens say `auth_time: 0`' },
  start,
};

const adminPassword = 'password';
const person = { username: 'ada', password: 'ada-password' };
const clientSecret = randomBytes(32).toString('hex');
const clientId = 'sallyport';
const accessTokenSeconds = 60;
const scopes = ['openid', 'profile', 'email', 'introspect'];

async function start(origin: string): Promise<RealProvider> {
  const server = await startServer((port, folder) => {
    prepareFolder(folder, port);
    return () =>
      startChild('glewlwyd', [`--config-file=${join(folder, 'glewlwyd.conf')}`], {
        ready: port,
        install: 'apt-get install glewlwyd',
      });
  });
  const { url } = server;
  const api = await adminOf(url);
  await setUp(api, url, origin);
  return {
    version: debianVersion('glewlwyd'),
    accessTokenSeconds,
    email: 'ada@example.com',
    settings: {
      issuer: `${url}/api/oidc`,
      clientId,
      clientSecret,
      clientAuth: 'client_secret_post',
      scopes: ['openid', 'profile', 'email'],
    },
    goOn: (client, page) => goOn(client, page, url),
    async inBrowser(page) {
      await page.fill('#username', person.username);
      await page.fill('#password', person.password);
      await page.click('#loginbut');
      const consent = page.locator('#grant-profile').or(page.getByRole('button', { name: 'Continue' }));
      await consent.first().waitFor();
      for (const scope of ['profile', 'email']) {
        const box = page.locator(`#grant-${scope}`);
        if ((await box.count()) > 0) await box.check();
      }
      const grant = page.getByRole('button', { name: 'Grant access' });
      if ((await grant.count()) > 0) await grant.click();
      await page.getByRole('button', { name: 'Continue' }).click();
    },
    revoke: (_client, refreshToken) => revokeToken(url, refreshToken),
    async rotateKeys() {
      const { parameters, ...plugin } = (await api('GET', 'mod/plugin/oidc')) as { parameters: object };
      const jwks = JSON.stringify({ keys: [newKey('k2'), ...keys] });
      await api('PUT', 'mod/plugin/oidc', {
        ...plugin,
        parameters: { ...parameters, 'jwks-private': jwks, 'default-kid': 'k2' },
      });
      await api('PUT', 'mod/plugin/oidc/reset/', {});
    },
    restart: () => server.restart(),
    freeze: server.freeze,
    async signOutThere(client, idToken) {
      const query = new URLSearchParams({ id_token_hint: idToken });
      await goOn(client, await client.navigate(`${url}/api/oidc/end_session?${query}`, { follow: 10 }), url);
    },
    bearer: {
      // Its access tokens have the scopes as their audience.
      jwt: { issuer: `${url}/api/oidc`, audience: 'openid profile email' },
      introspection: {
        audience: 'openid profile email',
        introspectionEndpoint: `${url}/api/oidc/introspect`,
        clientId,
        clientSecret,
      },
    },
    stop: server.stop,
  };
}

type Key = Record<string, unknown>;
const keys: Key[] = [];

function newKey(kid: string): Key {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid, alg: 'RS256', use: 'sig' };
}

type Api = (method: string, path: string, body?: unknown) => Promise<unknown>;

/** Signs the administrator in; gives what calls the API as them. */
async function adminOf(url: string): Promise<Api> {
  const client = createClient();
  const api: Api = async (method, path, body) => {
    const answer = await client.request(`${url}/api/${path}`, {
      method,
      headers: { 'content-type': 'application/json', connection: 'close' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (answer.status !== 200) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    return answer.text === '' ? undefined : answer.json();
  };
  await api('POST', 'auth/', { username: 'admin', password: adminPassword });
  return api;
}

async function setUp(api: Api, url: string, origin: string): Promise<void> {
  const clients = (await api('GET', 'mod/client/database')) as { parameters: { 'data-format': object } };
  clients.parameters['data-format'] = {
    ...clients.parameters['data-format'],
    post_logout_redirect_uris: { multiple: true, read: true, write: true },
  };
  await api('PUT', 'mod/client/database', clients);
  await api('PUT', 'mod/client/database/reset/');
  for (const name of ['profile', 'email', 'introspect'])
    await api('POST', 'scope/', { name, display_name: name, password_required: false, scheme: {} });
  await api('PUT', 'scope/openid', {
    name: 'openid',
    display_name: 'OpenID',
    password_required: true,
    password_max_age: 0,
    scheme: {},
  });
  await api('POST', 'user/', {
    ...person,
    name: 'Ada Lovelace',
    email: 'ada@example.com',
    enabled: true,
    scope: [...scopes, 'g_profile'],
  });
  keys.splice(0, keys.length, newKey('k1'));
  await api('POST', 'mod/plugin/', {
    module: 'oidc',
    name: 'oidc',
    display_name: 'OIDC',
    parameters: plugin({ url, keys, accessTokenSeconds }),
  });
  await api('POST', 'client/', {
    client_id: clientId,
    name: clientId,
    enabled: true,
    confidential: true,
    client_secret: clientSecret,
    redirect_uri: [`${origin}/oauth2/callback`],
    post_logout_redirect_uris: [`${origin}/`],
    authorization_type: ['code', 'refresh_token', 'client_credentials', 'delete_token'],
    token_endpoint_auth_method: ['client_secret_basic', 'client_secret_post'],
    backchannel_logout_uri: `${origin}/oauth2/backchannel-logout`,
    backchannel_logout_session_required: 'yes',
    scope: ['introspect'],
  });
}

/** What the script of its page does: signs in, grants what is asked for, and goes back to where it came from. */
async function goOn(client: Client, page: HttpAnswer, url: string): Promise<HttpAnswer> {
  const query = new URL(page.url).searchParams;
  const call = (method: string, path: string, body?: unknown) =>
    client.request(`${url}/api/${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  const back = query.get('callback_url');
  const sid = query.get('sid');
  if (query.get('prompt')?.endsWith('_logout') || query.get('prompt') === 'end_session') {
    if (sid !== null) await call('DELETE', `oidc/session/${sid}`);
    await call('DELETE', 'auth/');
    return back === null ? page : client.navigate(back, { follow: 10 });
  }
  if (back === null)
    throw new Error(`a page that nobody knows: ${page.url} ${page.status} ${page.text.slice(0, 300)}`);
  const signedIn = await call('POST', 'auth/', person);
  if (signedIn.status !== 200) throw new Error(`the sign-in: ${signedIn.status} ${signedIn.text}`);
  const granted = await call('PUT', `auth/grant/${clientId}`, {
    scope: query.get('scope') ?? scopes.join(' '),
  });
  if (granted.status !== 200) throw new Error(`the consent: ${granted.status} ${granted.text}`);
  const next = `${back}${back.includes('?') ? '&' : '?'}g_continue`;
  return client.navigate(next, { follow: 10 });
}

/** As the client itself does (RFC 7009); the gateway knows nothing of it. */
async function revokeToken(url: string, token: string): Promise<void> {
  const client = createClient();
  try {
    const { status, text } = await client.request(`${url}/api/oidc/revoke`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ token, client_id: clientId, client_secret: clientSecret }).toString(),
    });
    if (status !== 200) throw new Error(`the token stays: ${status} ${text}`);
  } finally {
    client.close();
  }
}
