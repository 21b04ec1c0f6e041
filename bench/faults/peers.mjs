import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gatewayYaml } from '../../dist/test/support/gateway-config.js';
import { root } from '../../scripts/prepare.mjs';
import { apacheText, modulePath, nginxText } from './configurations.mjs';

/**
 * The proxies, each as its documentation sets it up, with its default limits, and with what lets a request
 * through without a sign-in. `alive` is what is answered with 200 by each that runs.
 */

/** What a command says, with what it writes as errors; empty when there is no such command. */
function say(command, ...args) {
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
  const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', env });
  return `${stdout ?? ''}${stderr ?? ''}`;
}
const numberIn = (text) => /\d+\.\d+(\.\d+)*/.exec(text)?.[0];
const write = (folder, name, text) => {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
};

const sallyport = {
  key: 'sallyport',
  name: 'Sallyport',
  alive: '/1k',
  hasUpstream: true,
  find: () => JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version,
  get: 'npm run build',
  configure({ folder, port, upstreamPort }) {
    const upstream = `http://127.0.0.1:${upstreamPort}`;
    const text = gatewayYaml({ config: { routes: [{ path: '/', upstream, allow: 'public' }] } }, port);
    const file = write(folder, 'sallyport.yaml', text);
    return { command: process.execPath, args: [join(root, 'dist/src/main.js'), 'serve', '-c', file] };
  },
};

const nginx = {
  key: 'nginx',
  name: 'nginx',
  alive: '/1k',
  hasUpstream: true,
  find: () => numberIn(say('nginx', '-v')),
  get: 'apt-get install nginx-light',
  configure(place) {
    const file = write(place.folder, 'nginx.conf', nginxText(place));
    return { command: 'nginx', args: ['-c', file, '-p', place.folder, '-e', place.log] };
  },
};

const modAuthOpenidc = {
  key: 'apache',
  name: 'mod_auth_openidc',
  alive: '/1k',
  hasUpstream: true,
  find() {
    if (!existsSync(modulePath('auth_openidc'))) return undefined;
    const module = numberIn(say('dpkg-query', '-W', '-f', '$' + '{Version}', 'libapache2-mod-auth-openidc'));
    return `${module ?? ''} in Apache ${numberIn(say('apache2', '-v'))}`.trim();
  },
  get: 'apt-get install apache2 libapache2-mod-auth-openidc',
  configure(place) {
    const file = write(place.folder, 'apache.conf', apacheText(place));
    return { command: 'apache2', args: ['-f', file, '-DFOREGROUND'] };
  },
};

const oauth2ProxyBin = process.env.OAUTH2_PROXY_BIN ?? 'oauth2-proxy';
const oauth2Proxy = {
  key: 'oauth2-proxy',
  name: 'oauth2-proxy',
  alive: '/1k',
  hasUpstream: true,
  find() {
    const own = /oauth2-proxy v(\d\S*)/.exec(say(oauth2ProxyBin, '--version'))?.[1];
    // Built by `go install` it does not know its own version; Go wrote it down.
    return own ?? /^\s*mod\s+\S+\s+v(\S+)/m.exec(say('go', 'version', '-m', oauth2ProxyBin))?.[1];
  },
  get: 'go install github.com/oauth2-proxy/oauth2-proxy/v7@latest',
  configure({ port, upstreamPort }) {
    const issuer = 'http://127.0.0.1:9';
    const options = {
      'http-address': `127.0.0.1:${port}`,
      provider: 'oidc',
      'skip-oidc-discovery': 'true',
      'oidc-issuer-url': issuer,
      'login-url': `${issuer}/auth`,
      'redeem-url': `${issuer}/token`,
      'oidc-jwks-url': `${issuer}/jwks`,
      'client-id': 'app',
      'client-secret': 'never used',
      'redirect-url': `http://127.0.0.1:${port}/oauth2/callback`,
      'cookie-secret': '0123456789abcdef0123456789abcdef',
      'email-domain': '*',
      'skip-auth-route': '^/',
      upstream: `http://127.0.0.1:${upstreamPort}/`,
    };
    return {
      command: oauth2ProxyBin,
      args: Object.entries(options).map(([name, value]) => `--${name}=${value}`),
    };
  },
};

const vouchBin = process.env.VOUCH_BIN ?? 'vouch-proxy';
/** It has no upstream: nginx asks it, and what it does with clients and upstreams is nginx's. */
const vouch = {
  key: 'vouch',
  name: 'vouch',
  alive: '/healthcheck',
  hasUpstream: false,
  // Its own build writes no version: one that was built from its sources is told as that.
  find: () => /^\s*mod\s+\S+\s+v?(\S+)/m.exec(say('go', 'version', '-m', vouchBin))?.[1],
  get: 'go install github.com/vouch/vouch-proxy@latest',
  configure({ folder, port }) {
    const issuer = 'http://127.0.0.1:9';
    const vouchPart = {
      listen: '127.0.0.1',
      port,
      allowAllUsers: true,
      cookie: { secure: false, domain: '127.0.0.1' },
      jwt: { secret: '0123456789abcdef'.repeat(3) },
    };
    const oauth = {
      provider: 'oidc',
      client_id: 'app',
      client_secret: 'never used',
      auth_url: `${issuer}/auth`,
      token_url: `${issuer}/token`,
      user_info_url: `${issuer}/userinfo`,
      scopes: ['openid'],
      callback_url: `http://127.0.0.1:${port}/auth`,
    };
    // JSON is YAML.
    const file = write(folder, 'config.yml', JSON.stringify({ vouch: vouchPart, oauth }));
    return { command: vouchBin, args: ['-config', file], env: { VOUCH_ROOT: `${folder}/` } };
  },
};

/** Those that are on this machine, with their versions, and those that are not. */
export function findPeers() {
  const found = [sallyport, oauth2Proxy, modAuthOpenidc, vouch, nginx].map((peer) => ({
    ...peer,
    version: peer.find(),
  }));
  return {
    peers: found.filter(({ version }) => version !== undefined),
    missing: found.filter(({ version }) => version === undefined),
  };
}
