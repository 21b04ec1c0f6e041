import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../dist/test/support/free-port.js';
import { startServer } from '../process.mjs';
import { signedIn } from './sign-in.mjs';

const sessionCookie = 'mod_auth_openidc_session';

/**
 * Apache with mod_auth_openidc, as its documentation sets it up: the session in the browser or in shared
 * memory, the access token as a bearer token upstream, Debian's access log.
 */
function modAuthOpenidc(name, sessionType) {
  return {
    name,
    async start({ folder, upstreamPort, sinkPort, provider }) {
      const port = await freePort();
      const place = join(folder, `apache-${port}`);
      mkdirSync(place);
      const origin = `http://127.0.0.1:${port}`;
      provider.allowRedirectsTo(origin);
      const file = join(place, 'apache.conf');
      writeFileSync(
        file,
        configuration({ place, port, origin, upstreamPort, sinkPort, provider, sessionType }),
      );
      const log = join(place, 'output.log');
      const server = await startServer('apache2', ['-f', file, '-DFOREGROUND'], { port, log });
      return { ...server, port, ...(await signedIn(origin, sessionCookie)) };
    },
  };
}

const modules = [
  'mpm_event',
  'authn_core',
  'authz_core',
  'authz_user',
  'headers',
  'proxy',
  'proxy_http',
  'auth_openidc',
];

function configuration({ place, port, origin, upstreamPort, sinkPort, provider, sessionType }) {
  const load = modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`);
  // Apache refuses to answer requests as root.
  const user = process.getuid() === 0 ? 'User www-data\nGroup www-data\n' : '';
  return `${load.join('\n')}
${user}ServerName 127.0.0.1
ServerRoot ${place}
Listen 127.0.0.1:${port}
PidFile ${place}/apache.pid
DefaultRuntimeDir ${place}
Mutex sem
ErrorLog ${place}/error.log
LogLevel warn
LogFormat "%h %l %u %t \\"%r\\" %>s %O \\"%{Referer}i\\" \\"%{User-Agent}i\\"" combined
CustomLog ${place}/access.log combined
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 60
LimitRequestFieldSize 65536
ServerLimit 2
StartServers 2
ThreadsPerChild 64
ThreadLimit 64
MaxRequestWorkers 128
OIDCProviderMetadataURL ${provider.issuer}/.well-known/openid-configuration
OIDCClientID ${provider.clientId}
OIDCClientSecret ${provider.clientSecret}
OIDCProviderTokenEndpointAuth client_secret_basic
OIDCRedirectURI ${origin}/oauth2/callback
OIDCCryptoPassphrase ${'0123456789abcdef'.repeat(2)}
OIDCScope "openid profile email groups"
OIDCPKCEMethod S256
OIDCSessionType ${sessionType}
OIDCCookieHTTPOnly On
OIDCStripCookies ${sessionCookie} ${sessionCookie}_chunks ${sessionCookie}_0 ${sessionCookie}_1
OIDCPassClaimsAs headers
<Location />
  AuthType openid-connect
  Require valid-user
  RequestHeader set Authorization "Bearer %{OIDC_access_token}e" env=OIDC_access_token
  RequestHeader set X-Forwarded-Proto http
</Location>
<Proxy "http://127.0.0.1:${upstreamPort}">
  ProxySet keepalive=On
</Proxy>
ProxyPass /upload http://127.0.0.1:${sinkPort}/upload
ProxyPass / http://127.0.0.1:${upstreamPort}/
`;
}

export const clientCookie = modAuthOpenidc('mod_auth_openidc, client cookie', 'client-cookie');
export const sharedMemory = modAuthOpenidc('mod_auth_openidc, shared memory', 'server-cache');
