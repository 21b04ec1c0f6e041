import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { importJWK, SignJWT } from 'jose';
import { freePort } from '../../dist/test/support/free-port.js';
import { gatewayYaml } from '../../dist/test/support/gateway-config.js';
import { providerFound } from '../../dist/test/support/provider-found.js';
import { until } from '../../dist/test/support/until.js';
import { root } from '../../scripts/prepare.mjs';
import { startServer } from '../process.mjs';
import { signedIn } from './sign-in.mjs';

const ownMain = join(root, 'dist/src/main.js');

/**
 * The gateway with its access log on, its default headers, and its routes to both upstreams.
 * @param variant.allow who may pass; `public` is measured without a session
 * @param variant.store where sessions are kept
 * @param variant.form that sessions are sealed in; as by default when absent
 * @param variant.bearer requests bring an access token instead of a session
 * @param variant.node the Node that runs it; this one when absent
 * @param variant.nodeArgs arguments for Node
 * @param variant.main the compiled gateway; this one when absent
 * @param variant.more more of the configuration
 */
function sallyport(name, variant = {}) {
  const { allow = 'signed-in', store = 'cookie', form, bearer } = variant;
  const { node = process.execPath, nodeArgs = [], main = ownMain, more = {} } = variant;
  return {
    name,
    async start({ folder, upstreamPort, sinkPort, provider, redis, audience }, { cores, workers = 1 } = {}) {
      const port = await freePort();
      const upstream = `http://127.0.0.1:${upstreamPort}`;
      const sink = `http://127.0.0.1:${sinkPort}`;
      const config = {
        workers,
        bearer: [{ issuer: provider.issuer, audience, jwksUri: `${provider.issuer}/jwks` }],
        session: { store: store === 'redis' ? redis.url : store, ...(form !== undefined && { form }) },
        routes: [
          { path: '/', upstream, allow },
          { path: '/upload', upstream: sink, allow },
          { path: '/ws', upstream: sink, allow },
        ],
        ...more,
      };
      const file = join(folder, `sallyport-${port}.yaml`);
      const log = join(folder, `sallyport-${port}.log`);
      writeFileSync(file, gatewayYaml({ provider, config }, port));
      const origin = `http://127.0.0.1:${port}`;
      provider.allowRedirectsTo(origin);
      const started = await startServer(node, [...nodeArgs, main, 'serve', '-c', file], {
        port,
        log,
        ...(cores && { cores }),
      });
      const server = { ...started, port, isOnNode: true };
      if (allow === 'public') return { ...server, headers: {} };
      await providerFound(origin);
      // It listens before it has reached a Redis that is far away.
      if (store === 'redis')
        await until('Redis', () => readFileSync(log, 'utf8').includes('Redis is reachable'));
      if (bearer) {
        const token = await makeAccessToken(provider, audience);
        return { ...server, headers: { Authorization: `Bearer ${token}` } };
      }
      return { ...server, ...(await signedIn(origin)) };
    },
  };
}

/** A JWT access token (RFC 9068) that the provider could have issued: it is signed with the provider's key. */
export async function makeAccessToken({ issuer, keys: [key] }, audience) {
  return new SignJWT({ client_id: 'batch', scope: 'openid', email: 'ada@example.com', groups: ['staff'] })
    .setProtectedHeader({ alg: 'RS256', typ: 'at+jwt', kid: key.kid })
    .setIssuer(issuer)
    .setAudience(audience)
    .setSubject('ada')
    .setJti(randomUUID())
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(await importJWK(key, 'RS256'));
}

export const cookieStore = sallyport('Sallyport, cookie store');
export const formBefore = sallyport('Sallyport, cookie store, form 1', { form: 1 });
export const memoryStore = sallyport('Sallyport, memory store', { store: 'memory' });
export const redisStore = sallyport('Sallyport, Redis store', { store: 'redis' });
export const bearerToken = sallyport('Sallyport, bearer JWT', { bearer: true });
export const publicRoute = sallyport('Sallyport, public route', { allow: 'public' });

/** The gateway on another version of Node. */
export const onNode = (version, node) => sallyport(`Sallyport on Node ${version}`, { node });
/** The gateway with arguments for Node, such as `--inspect`. */
export const withNodeArgs = (name, nodeArgs) => sallyport(name, { nodeArgs });
/** The gateway as another folder has it compiled. */
export const builtIn = (name, folder) => sallyport(name, { main: join(resolve(folder), 'dist/src/main.js') });
/** The gateway with more of a configuration. */
export const withSettings = (name, more) => sallyport(name, { more });
