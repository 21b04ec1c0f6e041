import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startChild } from '../../support/child.ts';
import { type Client, createClient, type HttpAnswer } from '../../support/client.ts';
import { freePort } from '../../support/free-port.ts';
import { submitForm } from '../../support/log-in.ts';
import type { ProviderKit, RealProvider } from '../kit.ts';
import { startServer } from '../server.ts';
import { type AdminApi, startSignInPages } from '../settings/hydra.ts';

const hydra = process.env.HYDRA_BIN ?? 'hydra';

/** Ory Hydra, in SQLite, with sign-in pages of our own: it has none, and asks those of its operator. */
export const kit: ProviderKit = {
  name: 'Ory Hydra',
  prepare: () =>
    spawnSync(hydra, ['version']).status === 0
      ? undefined
      : 'Ory Hydra: put `hydra` on the PATH, or name it in HYDRA_BIN. To get it: `CGO_ENABLED=1 go build -tags sqlite,json1 -ldflags "-X github.com/ory/hydra/v2/driver/config.Version=v2.3.0" .` in https://github.com/ory/hydra at the tag v2.3.0',
  limits: {},
  start,
};

const clientSecret = randomBytes(24).toString('hex');
/** Its access tokens are opaque, as they are by default. */
const clientId = 'sallyport';
/** The access tokens of this one are JWTs. */
const jwtClientId = 'sallyport-jwt';
const api = 'https://api.example.com';
const scopes = ['openid', 'profile', 'email', 'offline_access'];
const accessTokenSeconds = 60;
const email = 'ada@example.com';

async function start(origin: string): Promise<RealProvider> {
  const adminUrl = `http://127.0.0.1:${await freePort()}`;
  const pages = await startSignInPages(adminUrl, {
    subject: 'u-ada',
    claims: { email, email_verified: true, name: 'Ada Lovelace' },
  });
  const server = await startServer((port, folder) => {
    const file = join(folder, 'hydra.json');
    writeFileSync(file, JSON.stringify(configuration(port, folder, adminUrl, pages.url)));
    migrate(file);
    return () =>
      startChild(hydra, ['serve', 'all', '--dev', '--config', file], {
        cwd: folder,
        ready: async () => (await answersAt(adminUrl)) && (await answersAt(`http://127.0.0.1:${port}`)),
      });
  });
  await addClients(pages.admin, origin);
  const issuer = server.url;
  return {
    version: versionOf(),
    accessTokenSeconds,
    email,
    settings: { issuer, clientId, clientSecret, scopes },
    settingsForJwt: { clientId: jwtClientId, authorizationParams: { audience: api } },
    goOn,
    async inBrowser(page) {
      await page.click('button');
    },
    revoke: (_client, refreshToken) => revokeToken(issuer, refreshToken),
    async signOutThere(client, idToken) {
      const query = new URLSearchParams({ id_token_hint: idToken });
      const page = await client.navigate(`${issuer}/oauth2/sessions/logout?${query}`, { follow: 10 });
      if (page.url !== pages.afterLogout) throw new Error(`the sign-out ended at ${page.url}: ${page.text}`);
    },
    async rotateKeys() {
      for (const set of ['hydra.openid.id-token', 'hydra.jwt.access-token'])
        await pages.admin('POST', `keys/${set}`, {
          alg: 'RS256',
          use: 'sig',
          kid: randomBytes(8).toString('hex'),
        });
    },
    restart: () => server.restart(),
    freeze: server.freeze,
    bearer: {
      jwt: { issuer, audience: api, type: 'JWT' },
      introspection: {
        introspectionEndpoint: `${adminUrl}/admin/oauth2/introspect`,
        clientId,
        clientSecret,
        audience: api,
        clientIds: clientId,
      },
    },
    async stop() {
      await server.stop();
      await pages.close();
    },
  };
}

function versionOf(): string {
  const { stdout } = spawnSync(hydra, ['version'], { encoding: 'utf8' });
  return /Version:\s*v?(\d\S*)/.exec(stdout)?.[1] ?? 'of unknown version';
}

function configuration(port: number, folder: string, adminUrl: string, pages: string): object {
  const host = '127.0.0.1';
  return {
    dsn: `sqlite://${join(folder, 'hydra.db')}?_fk=true&mode=rwc`,
    serve: { public: { host, port }, admin: { host, port: Number(new URL(adminUrl).port) } },
    urls: {
      self: { issuer: `http://${host}:${port}` },
      login: `${pages}/login`,
      consent: `${pages}/consent`,
      logout: `${pages}/logout`,
      error: `${pages}/error`,
      post_logout_redirect: `${pages}/after-logout`,
    },
    secrets: { system: [randomBytes(24).toString('hex')] },
    ttl: { access_token: `${accessTokenSeconds}s` },
    log: { level: 'error' },
    sqa: { opt_out: true },
  };
}

/** Makes the tables of an empty database. */
function migrate(file: string): void {
  const { status, stderr } = spawnSync(hydra, ['migrate', 'sql', 'up', '-e', '--yes', '--config', file], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`the tables of Hydra: ${stderr}`);
}

async function answersAt(url: string): Promise<boolean> {
  const client = createClient();
  try {
    return (await client.get(`${url}/health/ready`)).status === 200;
  } catch {
    return false;
  } finally {
    client.close();
  }
}

async function addClients(admin: AdminApi, origin: string): Promise<void> {
  const common = {
    client_secret: clientSecret,
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    scope: scopes.join(' '),
    redirect_uris: [`${origin}/oauth2/callback`],
    post_logout_redirect_uris: [`${origin}/`],
    backchannel_logout_uri: `${origin}/oauth2/backchannel-logout`,
    backchannel_logout_session_required: true,
  };
  await admin('POST', 'clients', { ...common, client_id: clientId });
  await admin('POST', 'clients', {
    ...common,
    client_id: jwtClientId,
    access_token_strategy: 'jwt',
    audience: [api],
  });
}

/** The one page that waits for a person. */
async function goOn(client: Client, page: HttpAnswer): Promise<HttpAnswer> {
  if (/<form/.test(page.text)) return submitForm(client, page, {});
  throw new Error(`a page that nobody knows: ${page.url} ${page.status} ${page.text.slice(0, 500)}`);
}

/** As the client itself does (RFC 7009); the gateway knows nothing of it. */
async function revokeToken(issuer: string, token: string): Promise<void> {
  const client = createClient();
  try {
    const { status, text } = await client.request(`${issuer}/oauth2/revoke`, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`,
      },
      body: new URLSearchParams({ token }).toString(),
    });
    if (status !== 200) throw new Error(`the token stays: ${status} ${text}`);
  } finally {
    client.close();
  }
}
