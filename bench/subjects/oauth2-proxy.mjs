import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { freePort } from '../../dist/test/support/free-port.js';
import { startServer } from '../process.mjs';
import { signedIn } from './sign-in.mjs';

/** Where oauth2-proxy is: OAUTH2_PROXY_BIN, or on the PATH; undefined when it is on neither. */
export function findOauth2Proxy() {
  if (process.env.OAUTH2_PROXY_BIN) return process.env.OAUTH2_PROXY_BIN;
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'oauth2-proxy'))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** oauth2-proxy with its session in the cookie, the access token upstream and its standard request log. */
export const oauth2Proxy = (binary) => ({
  name: 'oauth2-proxy, cookie',
  async start({ folder, upstreamPort, provider }) {
    const port = await freePort();
    const origin = `http://127.0.0.1:${port}`;
    provider.allowRedirectsTo(origin);
    const options = {
      'http-address': `127.0.0.1:${port}`,
      provider: 'oidc',
      'oidc-issuer-url': provider.issuer,
      'client-id': provider.clientId,
      'client-secret': provider.clientSecret,
      'redirect-url': `${origin}/oauth2/callback`,
      'cookie-secret': '0123456789abcdef0123456789abcdef',
      'cookie-secure': 'false',
      'email-domain': '*',
      scope: 'openid profile email groups',
      'code-challenge-method': 'S256',
      'skip-provider-button': 'true',
      'pass-access-token': 'true',
      'pass-authorization-header': 'true',
      upstream: `http://127.0.0.1:${upstreamPort}/`,
    };
    const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
    const log = join(folder, `oauth2-proxy-${port}.log`);
    const server = await startServer(binary, args, { port, log, env: { GOMAXPROCS: '1' } });
    return { ...server, port, ...(await signedIn(origin, '_oauth2_proxy')) };
  },
});
