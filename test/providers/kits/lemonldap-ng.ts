import { spawnSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startOnFreePort } from '../../support/applications/application.ts';
import { type Child, startChild } from '../../support/child.ts';
import type { Client, HttpAnswer } from '../../support/client.ts';
import { submitForm } from '../../support/log-in.ts';
import { startNginxServer } from '../../support/web-servers.ts';
import { debianVersion } from '../debian.ts';
import type { ProviderKit, RealProvider } from '../kit.ts';

/** Debian's LemonLDAP::NG: the portal over FastCGI, behind nginx, with the people of its demonstration. */
export const kit: ProviderKit = {
  name: 'LemonLDAP::NG',
  limits: {
    'rotation with reuse detection': 'LemonLDAP::NG: it does not replace refresh tokens',
  },
  start,
};

const clientId = 'sallyport';
const clientSecret = randomBytes(32).toString('hex');
const accessTokenSeconds = 15;
const audience = 'https://api.example.com';

interface Place {
  folder: string;
  url: string;
  origin: string;
}

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

const isRoot = process.getuid?.() === 0;

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

/** What it writes: as the user that it runs as. */
function makeFolders(folder: string): void {
  for (const name of ['conf', 'sessions/lock', 'persistent/lock', 'cache', 'notifications'])
    mkdirSync(join(folder, name), { recursive: true });
  if (isRoot) spawnSync('chown', ['-R', 'www-data:www-data', folder]);
}

function prepareFolder(place: Place): void {
  const { folder } = place;
  makeFolders(folder);
  writeFileSync(
    join(folder, 'lemonldap-ng.ini'),
    `[all]
logLevel = warn
logger = Lemonldap::NG::Common::Logger::Std
userLogger = Lemonldap::NG::Common::Logger::Std
checkTime = 1
[configuration]
type = File
dirName = ${folder}/conf
localStorage = Cache::FileCache
localStorageOptions = {'namespace'=>'config','default_expires_in'=>1,'directory_umask'=>'007','cache_root'=>'${folder}/cache','cache_depth'=>3}
[portal]
staticPrefix = /static
templateDir = /usr/share/lemonldap-ng/portal/templates
languages = en
[handler]
`,
  );
  writeConfiguration(place, 1);
}

/** The configuration, each time with another key to sign with. */
function writeConfiguration({ folder, url, origin }: Place, number: number): void {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const file = join(folder, `conf/lmConf-${number}.json`);
  const stored = { globalStorage: 'Apache::Session::File' };
  const sessions = (name: string) => ({
    Directory: join(folder, name),
    LockDirectory: join(folder, name, 'lock'),
    generateModule: 'Lemonldap::NG::Common::Apache::Session::Generate::SHA256',
  });
  const configuration = {
    ...stored,
    cfgNum: number,
    cfgAuthor: 'test',
    cfgDate: '1700000000',
    cfgVersion: debianVersion('liblemonldap-ng-portal-perl'),
    portal: `${url}/`,
    domain: '127.0.0.1',
    cookieName: 'lemonldap',
    securedCookie: 0,
    authentication: 'Demo',
    userDB: 'Same',
    passwordDB: 'Demo',
    registerDB: 'Null',
    demoExportedVars: { cn: 'cn', mail: 'mail', uid: 'uid' },
    exportedVars: {},
    exportedHeaders: {},
    groups: {},
    macros: { _whatToTrace: 'lc($_user)' },
    whatToTrace: '_whatToTrace',
    locationRules: { '127.0.0.1': { default: 'accept' } },
    applicationList: {},
    reloadUrls: {},
    globalStorageOptions: sessions('sessions'),
    localSessionStorage: 'Cache::FileCache',
    localSessionStorageOptions: {
      cache_depth: 3,
      cache_root: join(folder, 'cache'),
      default_expires_in: 600,
      directory_umask: '007',
      namespace: 'sessions',
    },
    persistentStorage: 'Apache::Session::File',
    persistentStorageOptions: sessions('persistent'),
    notification: 0,
    notificationStorage: 'File',
    notificationStorageOptions: { dirName: join(folder, 'notifications') },
    portalCheckLogins: 0,
    requireToken: 0,
    timeout: 72_000,
    portalSkin: 'bootstrap',
    issuerDBOpenIDConnectActivation: 1,
    issuerDBOpenIDConnectRule: 1,
    oidcServiceMetaDataIssuer: `${url}/`,
    oidcServicePrivateKeySig: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    oidcServicePublicKeySig: publicKey.export({ type: 'spki', format: 'pem' }),
    oidcServiceKeyIdSig: `key-${number}`,
    oidcServiceAllowAuthorizationCodeFlow: 1,
    oidcRPMetaDataOptions: { sallyport: clientOptions(origin) },
    oidcRPMetaDataExportedVars: { sallyport: { name: 'cn', email: 'mail', preferred_username: 'uid' } },
  };
  writeFileSync(file, JSON.stringify(configuration));
  if (isRoot) spawnSync('chown', ['www-data:www-data', file]);
}

/** The settings of the client, without what all of their names begin with. */
function clientOptions(origin: string): Record<string, unknown> {
  const options = {
    ClientID: clientId,
    ClientSecret: clientSecret,
    DisplayName: clientId,
    RedirectUris: `${origin}/oauth2/callback`,
    PostLogoutRedirectUris: `${origin}/`,
    IDTokenSignAlg: 'HS512',
    AccessTokenSignAlg: 'RS256',
    AccessTokenJWT: 1,
    AccessTokenExpiration: accessTokenSeconds,
    AdditionalAudiences: audience,
    IDTokenExpiration: 3600,
    BypassConsent: 1,
    RefreshToken: 1,
    LogoutBypassConfirm: 1,
    LogoutType: 'front',
    LogoutUrl: `${origin}/oauth2/frontchannel-logout`,
    LogoutSessionRequired: 1,
  };
  return Object.fromEntries(
    Object.entries(options).map(([name, value]) => [`oidcRPMetaDataOptions${name}`, value]),
  );
}

/** As the files of the package have it. */
function site(folder: string, port: number): string {
  const htdocs = '/usr/share/lemonldap-ng/portal/htdocs';
  return `include /etc/nginx/mime.types;
server {
  listen 127.0.0.1:${port};
  root ${htdocs}/;
  fastcgi_buffer_size 64k;
  fastcgi_buffers 8 64k;
  if ($uri !~ ^/((static|javascript|favicon).*|.*\\.psgi)) { rewrite ^/(.*)$ /index.psgi/$1 break; }
  location ~ ^(?<sc>/.*\\.psgi)(?:$|/) {
    include /etc/nginx/fastcgi_params;
    fastcgi_pass unix:${folder}/portal.sock;
    fastcgi_param HTTP_HOST $http_host;
    fastcgi_param LLTYPE psgi;
    fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
    fastcgi_split_path_info ^(.*\\.psgi)(/.*)$;
    fastcgi_param PATH_INFO $fastcgi_path_info;
  }
  location /static/ { alias ${htdocs}/static/; }
}
`;
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
