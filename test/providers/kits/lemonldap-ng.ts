import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { startOnFreePort } from '../../support/applications/application.ts';
import { type Child, startChild } from '../../support/child.ts';
import type { Client, HttpAnswer } from '../../support/client.ts';
import { submitForm } from '../../support/log-in.ts';
import { startNginxServer } from '../../support/web-servers.ts';
import { debianVersion } from '../debian.ts';
import type { ProviderKit, RealProvider } from '../kit.ts';
import {
  accessTokenSeconds,
  audience,
  clientId,
  clientSecret,
  isRoot,
  makeFolders,
  type Place,
  prepareFolder,
  site,
  writeConfiguration,
} from '../settings/lemonldap-ng.ts';

/** Debian's LemonLDAP::NG: the portal over FastCGI, behind nginx, with the people of its demonstration. */
export const kit: ProviderKit = {
  name: 'LemonLDAP::NG',
  limits: {
    'rotation with reuse detection': 'LemonLDAP::NG: it does not replace refresh tokens',
  },
  start,
};

async function start(origin: string): Promise<RealProvider> {
  let portal: Child | undefined;
  let run = async () => {};
  let place: Place | undefined;
  const application = await startOnFreePort(async (port, folder) => {
    place = { folder, url: `http://127.0.0.1:${port}`, origin };
    prepareFolder(place);
    run = async () => {
      portal = await startPortal(folder);
    };
    await run();
    const front = await startNginxServer({ folder, port, http: site(folder, port) });
    return {
      stdout: front.stdout,
      stderr: front.stderr,
      async stop() {
        await front.stop();
        await portal?.stop();
      },
    };
  });
  const { url } = application;
  const where = place as unknown as Place;
  return {
    version: debianVersion('liblemonldap-ng-portal-perl'),
    accessTokenSeconds,
    email: 'dwho@badwolf.org',
    settings: {
      issuer: `${url}/`,
      clientId,
      clientSecret,
      scopes: ['openid', 'profile', 'email'],
      // As its preset has it.
      idTokenAlgorithms: ['HS512'],
    },
    goOn,
    async inBrowser(page) {
      await page.fill('input[name=user]', 'dwho');
      await page.fill('input[name=password]', 'dwho');
      await page.press('input[name=password]', 'Enter');
    },
    async revoke() {
      // The portal's sessions, those of refresh tokens among them, and what it remembers of them.
      for (const name of ['sessions', 'cache']) rmSync(join(where.folder, name), { recursive: true });
      makeFolders(where.folder);
    },
    async signOutThere(client) {
      await client.navigate(`${url}/?logout=1`, { follow: 5 }).then((page) => loadFrames(client, page));
    },
    async rotateKeys() {
      writeConfiguration(where, 2);
      await portal?.stop();
      await run();
    },
    async restart() {
      await portal?.stop();
      await run();
    },
    freeze() {
      signal(portal, 'SIGSTOP');
      return () => signal(portal, 'SIGCONT');
    },
    bearer: {
      jwt: { issuer: `${url}/`, audience, type: ['at+jwt', 'JWT'] },
      introspection: {
        introspectionEndpoint: `${url}/oauth2/introspect`,
        clientId,
        clientSecret,
        clientAuth: 'client_secret_post',
      },
    },
    stop: () => application.stop(),
  };
}

/** Its processes are a group: the manager, and those that answer. */
function signal(portal: Child | undefined, name: NodeJS.Signals): void {
  if (portal) process.kill(-portal.pid, name);
}

async function startPortal(folder: string): Promise<Child> {
  const socket = join(folder, 'portal.sock');
  rmSync(socket, { force: true });
  const user = isRoot ? ['--user', 'www-data', '--group', 'www-data'] : [];
  const args = ['--foreground', '--proc', '1', '--pid', join(folder, 'portal.pid'), '--socket', socket];
  return startChild('llng-fastcgi-server', [...args, ...user], {
    env: {
      PATH: `${process.env.PATH}:/usr/sbin`,
      LLNG_DEFAULTCONFFILE: join(folder, 'lemonldap-ng.ini'),
      LLNG_DEFAULTLOGGER: 'Lemonldap::NG::Common::Logger::Std',
    },
    ready: () => existsSync(socket),
    ownGroup: true,
    install: 'apt-get install lemonldap-ng-fastcgi-server liblemonldap-ng-portal-perl',
  });
}

/** The form of the sign-in, or a page that its script would leave. */
async function goOn(client: Client, page: HttpAnswer): Promise<HttpAnswer> {
  if (/name="password"/.test(page.text)) return submitForm(client, page, { user: 'dwho', password: 'dwho' });
  await loadFrames(client, page);
  if (/<form/i.test(page.text)) return submitForm(client, page, {});
  throw new Error(`a page that nobody knows: ${page.url} ${page.status} ${page.text.slice(0, 500)}`);
}

/** What a browser does with the frames of the page that says goodbye: each is asked for, from that page. */
async function loadFrames(client: Client, page: HttpAnswer): Promise<void> {
  for (const [, src = ''] of page.text.matchAll(/<iframe[^>]* src="([^"]+)"/g)) {
    const address = src.replaceAll('&amp;', '&');
    await client.get(address, {
      referer: page.url,
      'sec-fetch-dest': 'iframe',
      'sec-fetch-mode': 'navigate',
      'sec-fetch-site': 'same-site',
    });
  }
}
