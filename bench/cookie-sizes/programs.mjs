import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gatewayYaml } from '../../dist/test/support/gateway-config.js';
import { root } from '../../scripts/prepare.mjs';
import { findOauth2Proxy } from '../subjects/oauth2-proxy.mjs';
import { clientId, clientSecret } from './provider.mjs';

/**
 * The programs, each with its session in the browser, all of the tokens in it, and the access token upstream. Each says
 * which version it is, how it is got, and which of its cookies hold the session.
 */

const modules = [
  'mpm_event',
  'authn_core',
  'authz_core',
  'authz_user',
  'proxy',
  'proxy_http',
  'auth_openidc',
];
const modulePath = (name) => `/usr/lib/apache2/modules/mod_${name}.so`;

const sallyport = {
  name: 'Sallyport',
  get: 'npm run build',
  find: () => JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version,
  isSession: (cookie) => /^sallyport(\.\d)?$/.test(cookie),
  start({ folder, port, issuer, upstream }) {
    const file = join(folder, 'sallyport.yaml');
    const provider = { issuer, clientId, clientSecret };
    // It says that a session is too large for less: here the size is what is asked for.
    const config = {
      session: { maxCookieBytes: '64KiB' },
      headers: { Authorization: 'Bearer {access_token}' },
    };
    writeFileSync(file, gatewayYaml({ provider, upstream, config }, port));
    return { command: process.execPath, args: [join(root, 'dist/src/main.js'), 'serve', '-c', file] };
  },
};

const oauth2ProxyBin = findOauth2Proxy() ?? 'oauth2-proxy';
const oauth2Proxy = {
  name: 'oauth2-proxy',
  get: 'go install github.com/oauth2-proxy/oauth2-proxy/v7@latest, and OAUTH2_PROXY_BIN or the PATH',
  find: () => /^\s*mod\s+\S+\s+v(\S+)/m.exec(said('go', 'version', '-m', oauth2ProxyBin))?.[1],
  isSession: (cookie) => /^_oauth2_proxy(_\d+)?$/.test(cookie),
  start({ port, issuer, upstream }) {
    const origin = `http://127.0.0.1:${port}`;
    const options = {
      'http-address': `127.0.0.1:${port}`,
      provider: 'oidc',
      'oidc-issuer-url': issuer,
      'client-id': clientId,
      'client-secret': clientSecret,
      'redirect-url': `${origin}/oauth2/callback`,
      'cookie-secret': '0123456789abcdef0123456789abcdef',
      'cookie-secure': 'false',
      'email-domain': '*',
      scope: 'openid profile email',
      'code-challenge-method': 'S256',
      'skip-provider-button': 'true',
      'insecure-oidc-allow-unverified-email': 'true',
      'pass-access-token': 'true',
      'pass-authorization-header': 'true',
      upstream: `${upstream}/`,
    };
    const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
    return { command: oauth2ProxyBin, args };
  },
};

const modAuthOpenidc = {
  name: 'mod_auth_openidc',
  get: 'apt-get install --no-install-recommends apache2 libapache2-mod-auth-openidc',
  find: () =>
    existsSync(modulePath('auth_openidc')) &&
    /\d[\d.]+/.exec(said('dpkg-query', '-W', '-f', `\${Version}`, 'libapache2-mod-auth-openidc'))?.[0],
  isSession: (cookie) => /^mod_auth_openidc_session(_\d+|_chunks)?$/.test(cookie),
  start({ folder, port, issuer, upstream }) {
    const file = join(folder, 'apache.conf');
    writeFileSync(file, apacheText({ folder, port, issuer, upstream }));
    return { command: 'apache2', args: ['-f', file, '-DFOREGROUND'] };
  },
};

const apacheText = ({ folder, port, issuer, upstream }) => `${modules
  .map((name) => `LoadModule ${name}_module ${modulePath(name)}`)
  .join('\n')}
${process.getuid() === 0 ? 'User www-data\nGroup www-data' : ''}
ServerName 127.0.0.1
ServerRoot ${folder}
Listen 127.0.0.1:${port}
PidFile ${folder}/apache.pid
DefaultRuntimeDir ${folder}
Mutex sem
ErrorLog ${folder}/error.log
LimitRequestFieldSize 65536
OIDCProviderMetadataURL ${issuer}/.well-known/openid-configuration
OIDCClientID ${clientId}
OIDCClientSecret "${clientSecret}"
OIDCRedirectURI http://127.0.0.1:${port}/oauth2/callback
OIDCCryptoPassphrase ${'0123456789abcdef'.repeat(2)}
OIDCScope "openid profile email"
OIDCPKCEMethod S256
OIDCSessionType client-cookie:store_id_token
<Location />
  AuthType openid-connect
  Require valid-user
</Location>
ProxyPass / ${upstream}/
`;

export const programs = [sallyport, oauth2Proxy, modAuthOpenidc];

function said(command, ...args) {
  const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  return `${stdout ?? ''}${stderr ?? ''}`;
}

/** A folder of its own for a program. */
export function folderFor(folder, name) {
  const place = join(folder, name);
  mkdirSync(place, { mode: 0o755 });
  return place;
}
