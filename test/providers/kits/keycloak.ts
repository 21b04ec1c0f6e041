import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startOnFreePort } from '../../support/applications/application.ts';
import { type Child, startChild } from '../../support/child.ts';
import { type Client, createClient, type HttpAnswer } from '../../support/client.ts';
import { freePort } from '../../support/listening.ts';
import { submitForm } from '../../support/log-in.ts';
import type { ProviderKit, RealProvider } from '../kit.ts';

const version = '26.7.3';
const folder = join(tmpdir(), 'sallyport-providers', 'keycloak');
const home = join(folder, `keycloak-${version}`);

/** Keycloak in its mode for development, from Maven's central repository. */
export const kit: ProviderKit = { name: 'Keycloak', prepare, limits: {}, start };

const clientId = 'sallyport';
const clientSecret = randomBytes(24).toString('hex');
const accessTokenSeconds = 60;
const audience = 'https://api.example.com';
const person = { username: 'ada', password: 'ada-password' };
const admin = { username: 'admin', password: randomBytes(12).toString('hex') };

function prepare(): string | undefined {
  if (spawnSync('java', ['-version']).status !== 0) return 'Keycloak needs a Java of 17 or later';
  if (existsSync(home)) return undefined;
  mkdirSync(folder, { recursive: true });
  const artifact = `org.keycloak:keycloak-quarkus-dist:${version}:zip`;
  const goal = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:unpack';
  const got = spawnSync('mvn', ['-q', '-B', goal, `-Dartifact=${artifact}`, `-DoutputDirectory=${folder}`], {
    cwd: folder,
    encoding: 'utf8',
  });
  return got.status === 0 ? undefined : `mvn could not get ${artifact}: ${got.error?.message ?? got.stdout}`;
}

async function start(origin: string): Promise<RealProvider> {
  rmSync(join(home, 'data'), { recursive: true, force: true });
  let server: Child | undefined;
  let run = async () => {};
  const stopServer = async () => {
    if (server?.process.exitCode === null) process.kill(-server.pid, 'SIGTERM');
    await server?.exited;
  };
  const application = await startOnFreePort(async (port) => {
    const management = await freePort();
    run = async () => {
      server = await startServer(port, management);
    };
    await run();
    return { stdout: [], stderr: [], stop: stopServer };
  });
  const { url } = application;
  const issuer = `${url}/realms/main`;
  const api = (method: string, path: string, body?: unknown) => callAdmin(url, method, path, body);
  await setUp(api, origin);
  return {
    version,
    accessTokenSeconds,
    email: 'ada@example.com',
    settings: { issuer, clientId, clientSecret, scopes: ['openid', 'profile', 'email'] },
    goOn,
    async inBrowser(page) {
      await page.fill('#username', person.username);
      await page.fill('#password', person.password);
      await page.click('#kc-login');
    },
    revoke: async (_client, token) => {
      await post(`${issuer}/protocol/openid-connect/revoke`, {
        token,
        client_id: clientId,
        client_secret: clientSecret,
      });
    },
    async signOutThere(client, idToken) {
      const query = new URLSearchParams({ id_token_hint: idToken });
      await client.navigate(`${issuer}/protocol/openid-connect/logout?${query}`, { follow: 5 });
    },
    async rotateKeys() {
      await api('POST', '/main/components', {
        name: 'next',
        providerId: 'rsa-generated',
        providerType: 'org.keycloak.keys.KeyProvider',
        config: { priority: ['500'], enabled: ['true'], active: ['true'], algorithm: ['RS256'] },
      });
    },
    async restart() {
      await stopServer();
      await run();
    },
    freeze() {
      if (server) process.kill(-server.pid, 'SIGSTOP');
      return () => {
        if (server) process.kill(-server.pid, 'SIGCONT');
      };
    },
    bearer: {
      jwt: { issuer, audience, type: ['at+jwt', 'JWT'] },
      introspection: {
        introspectionEndpoint: `${issuer}/protocol/openid-connect/token/introspect`,
        clientId,
        clientSecret,
        audience,
      },
    },
    stop: () => application.stop(),
  };
}

function startServer(port: number, management: number): Promise<Child> {
  return startChild(
    join(home, 'bin', 'kc.sh'),
    [
      'start-dev',
      `--http-port=${port}`,
      '--http-host=127.0.0.1',
      `--http-management-port=${management}`,
      `--hostname=http://127.0.0.1:${port}`,
    ],
    {
      env: {
        JAVA_OPTS_KC_HEAP: '-Xms256m -Xmx700m',
        KC_BOOTSTRAP_ADMIN_USERNAME: admin.username,
        KC_BOOTSTRAP_ADMIN_PASSWORD: admin.password,
      },
      // It listens before it has read its realms.
      ready: () => answers(`http://127.0.0.1:${port}/realms/master/.well-known/openid-configuration`),
      readyWithin: 240_000,
      ownGroup: true,
    },
  );
}

async function answers(url: string): Promise<boolean> {
  const client = createClient();
  try {
    return (await client.get(url)).status === 200;
  } catch {
    return false;
  } finally {
    client.close();
  }
}

async function post(url: string, form: Record<string, string>): Promise<HttpAnswer> {
  const client = createClient();
  try {
    const answer = await client.request(url, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(form).toString(),
    });
    if (answer.status !== 200) throw new Error(`${url}: ${answer.status} ${answer.text}`);
    return answer;
  } finally {
    client.close();
  }
}

type Api = (method: string, path: string, body?: unknown) => Promise<void>;

async function callAdmin(url: string, method: string, path: string, body: unknown): Promise<void> {
  const grant = { grant_type: 'password', client_id: 'admin-cli', ...admin };
  const answer = await post(`${url}/realms/master/protocol/openid-connect/token`, grant);
  const { access_token: token } = answer.json() as { access_token: string };
  const client = createClient();
  try {
    const { status, text } = await client.request(`${url}/admin/realms${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`);
  } finally {
    client.close();
  }
}

async function setUp(api: Api, origin: string): Promise<void> {
  await api('POST', '', {
    realm: 'main',
    enabled: true,
    sslRequired: 'none',
    accessTokenLifespan: accessTokenSeconds,
    revokeRefreshToken: true,
    refreshTokenMaxReuse: 0,
  });
  await api('POST', '/main/users', {
    username: person.username,
    enabled: true,
    email: 'ada@example.com',
    emailVerified: true,
    firstName: 'Ada',
    lastName: 'Lovelace',
    credentials: [{ type: 'password', value: person.password, temporary: false }],
  });
  const audienceMapper = (name: string, config: Record<string, string>) => ({
    name,
    protocol: 'openid-connect',
    protocolMapper: 'oidc-audience-mapper',
    config: { 'access.token.claim': 'true', ...config },
  });
  await api('POST', '/main/clients', {
    clientId,
    secret: clientSecret,
    redirectUris: [`${origin}/oauth2/callback`],
    frontchannelLogout: false,
    attributes: {
      'post.logout.redirect.uris': `${origin}/*`,
      'backchannel.logout.url': `${origin}/oauth2/backchannel-logout`,
      'backchannel.logout.session.required': 'true',
    },
    protocolMappers: [
      audienceMapper('api', { 'included.custom.audience': audience }),
      // Who introspects has to be in the audience.
      audienceMapper('self', { 'included.client.audience': clientId }),
    ],
  });
}

/** The sign-in; somebody who is known is asked for the password alone. */
async function goOn(client: Client, page: HttpAnswer): Promise<HttpAnswer> {
  if (/name="password"/.test(page.text)) return submitForm(client, page, person);
  throw new Error(`a page that nobody knows: ${page.url} ${page.status} ${page.text.slice(0, 500)}`);
}
