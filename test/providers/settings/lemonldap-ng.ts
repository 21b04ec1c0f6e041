import { spawnSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { debianVersion } from '../debian.ts';

export const clientId = 'sallyport';
export const clientSecret = randomBytes(32).toString('hex');
export const accessTokenSeconds = 60;
export const audience = 'https://api.example.com';

export const isRoot = process.getuid?.() === 0;

export interface Place {
  folder: string;
  url: string;
  /** Of the gateway. */
  origin: string;
}

/** What it writes: as the user that it runs as. */
export function makeFolders(folder: string): void {
  for (const name of ['conf', 'sessions/lock', 'persistent/lock', 'cache', 'notifications'])
    mkdirSync(join(folder, name), { recursive: true });
  if (isRoot) spawnSync('chown', ['-R', 'www-data:www-data', folder]);
}

export function prepareFolder(place: Place): void {
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
export function writeConfiguration({ folder, url, origin }: Place, number: number): void {
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
export function site(folder: string, port: number): string {
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
