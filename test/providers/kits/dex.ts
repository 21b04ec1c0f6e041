import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startChild } from '../../support/child.ts';
import type { Client, HttpAnswer } from '../../support/client.ts';
import { submitForm } from '../../support/log-in.ts';
import type { ProviderKit, RealProvider } from '../kit.ts';
import { startServer } from '../server.ts';

const dex = process.env.DEX_BIN ?? 'dex';

/** Dex with its own database of passwords, in SQLite. */
export const kit: ProviderKit = {
  name: 'Dex',
  prepare: () =>
    spawnSync(dex, ['version']).status === 0
      ? undefined
      : 'Dex: put `dex` on the PATH, or name it in DEX_BIN. To get it: `CGO_ENABLED=1 go build -ldflags "-X main.version=v2.45.0" ./cmd/dex` in https://github.com/dexidp/dex at the tag v2.45.0',
  limits: {
    'sign-out there': 'Dex 2.45: nobody can sign out there',
    'step-up': 'Dex 2.45: its ID tokens have no `auth_time`',
  },
  start,
};

const clientId = 'sallyport';
const clientSecret = randomBytes(24).toString('hex');
const accessTokenSeconds = 60;
/** Of the password `password`, by bcrypt. */
const hash = '$2a$10$2b2cU8CPhOTaGrs1HRQuAueS7JTT5ZHsHSzYiFPm1leZck7Mc8T4W';
const person = { login: 'ada@example.com', password: 'password' };

async function start(origin: string): Promise<RealProvider> {
  let database = '';
  const server = await startServer((port, folder) => {
    database = join(folder, 'dex.db');
    const file = join(folder, 'dex.json');
    writeFileSync(file, JSON.stringify(configuration(port, database, origin)));
    return () => startChild(dex, ['serve', file], { cwd: folder, ready: port });
  });
  /** It has no call for either but by gRPC: with its database, its keys and what it granted are gone. */
  const forget = () => server.restart(() => rmSync(database));
  const issuer = `${server.url}/dex`;
  return {
    version: versionOf(),
    accessTokenSeconds,
    email: person.login,
    settings: {
      issuer,
      clientId,
      clientSecret,
      scopes: ['openid', 'profile', 'email', 'offline_access'],
    },
    goOn,
    async inBrowser(page) {
      await page.fill('#login', person.login);
      await page.fill('#password', person.password);
      await page.click('#submit-login');
    },
    revoke: forget,
    rotateKeys: forget,
    restart: () => server.restart(),
    freeze: server.freeze,
    bearer: {
      // Its access tokens are ID tokens of the client that they were given to.
      jwt: { issuer, audience: clientId, insecureIdToken: true },
      introspection: {
        introspectionEndpoint: `${issuer}/token/introspect`,
        clientId,
        clientSecret,
        audience: clientId,
      },
    },
    stop: server.stop,
  };
}

function versionOf(): string {
  const { stdout } = spawnSync(dex, ['version'], { encoding: 'utf8' });
  return /Dex Version:\s*v?(\d\S*)/.exec(stdout)?.[1] ?? 'of unknown version';
}

function configuration(port: number, database: string, origin: string): object {
  return {
    issuer: `http://127.0.0.1:${port}/dex`,
    storage: { type: 'sqlite3', config: { file: database } },
    web: { http: `127.0.0.1:${port}` },
    logger: { level: 'error' },
    oauth2: { skipApprovalScreen: true },
    expiry: { idTokens: `${accessTokenSeconds}s`, refreshTokens: { reuseInterval: '0s' } },
    staticClients: [
      { id: clientId, secret: clientSecret, name: 'Sallyport', redirectURIs: [`${origin}/oauth2/callback`] },
    ],
    enablePasswordDB: true,
    staticPasswords: [{ email: person.login, hash, username: 'ada', userID: 'u-ada' }],
  };
}

/** The form of its own passwords. */
async function goOn(client: Client, page: HttpAnswer): Promise<HttpAnswer> {
  if (/name="password"/.test(page.text)) return submitForm(client, page, person);
  throw new Error(`a page that nobody knows: ${page.url} ${page.status} ${page.text.slice(0, 500)}`);
}
