import { Redis } from 'ioredis';
import { type Test, test } from 'tap';
import { arrangeUpstream } from '../support/arrange.ts';
import { createClient } from '../support/client.ts';
import { createWoundClock } from '../support/clock.ts';
import { freePort } from '../support/free-port.ts';
import { startTestGateway } from '../support/gateway.ts';
import { logIn } from '../support/log-in.ts';
import { startProvider } from '../support/provider.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';

const token = 'a-token-of-the-admin';
const nobody = 'http://127.0.0.1:9';

interface Parts {
  provider?: Awaited<ReturnType<typeof startProvider>>;
  config?: Record<string, unknown>;
  clock?: ReturnType<typeof createWoundClock>;
  awaitProvider?: boolean;
}

/** A gateway with a public page and one for people, and how it stands, in few words. */
async function arrange(t: Test, { config, ...parts }: Parts) {
  const { url: upstream } = await arrangeUpstream(t);
  const routes = [
    { path: '/', upstream },
    { path: '/open', upstream, allow: 'public' },
  ];
  const admin = { listen: `127.0.0.1:${await freePort()}`, token };
  const gateway = await startTestGateway({ ...parts, config: { admin, routes, ...config } });
  t.teardown(() => gateway.close());
  const client = createClient();
  t.teardown(() => client.close());
  const stranger = createClient();
  t.teardown(() => stranger.close());
  return {
    gateway,
    client,
    /** The status of `/readyz`, then what is missing or degraded. */
    async ready() {
      const { status, json } = await client.get(`${gateway.adminUrl}/readyz`);
      const { missing = [], degraded } = json() as {
        missing?: string[];
        degraded: { reason: string; name?: string }[];
      };
      const named = degraded.map(({ reason, name }) => (name === undefined ? reason : `${reason} ${name}`));
      return [status, ...(status === 200 ? named : missing)].join(' ');
    },
    /** What requests get: with a session, of a page for everybody, and of those who balance load. */
    async served() {
      const asked = [client.get(`${gateway.url}/x`), stranger.get(`${gateway.url}/open`)];
      const [person, open, health] = await Promise.all([
        ...asked,
        stranger.get(`${gateway.url}/oauth2/health`),
      ]);
      return [person?.status, open?.status, health?.status].join(' ');
    },
  };
}

async function tell({ port }: TestRedis, ...[name = '', ...args]: string[]): Promise<void> {
  const operator = new Redis({ port, host: '127.0.0.1' });
  await operator.call(name, ...args);
  operator.disconnect();
}

test('sessions in Redis: what /readyz says of each outage, and what requests get meanwhile', async (t) => {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  await redis.kill();
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const session = { store: redis.url, redis: { timeout: '300ms' } };
  const scene = await arrange(t, { provider, config: { session } });
  const { ready, served, client, gateway } = scene;
  const becomes = async (state: string, requests: string) => {
    await until(state, async () => (await ready()) === state, 20_000);
    t.equal(await served(), requests, `${state}: ${requests}`);
  };

  await becomes('503 the store: Redis is not reachable', '401 200 503');
  await redis.restart();
  await becomes('200', '401 200 200');
  await logIn(client, gateway.url, 'ada');
  await becomes('200', '200 200 200');

  await redis.kill();
  await becomes('200 store_unreachable', '503 200 200');
  await redis.restart();
  await becomes('200', '200 200 200');

  redis.signal('SIGSTOP');
  await becomes('200 store_unreachable', '503 200 200');
  redis.signal('SIGCONT');
  await becomes('200', '200 200 200');

  await tell(redis, 'replicaof', '127.0.0.1', '9');
  await becomes('200 store_read_only', '503 200 200');
  await tell(redis, 'replicaof', 'no', 'one');
  await becomes('200', '200 200 200');

  await tell(redis, 'config', 'set', 'maxmemory', '1');
  await becomes('200 store_full', '200 200 200');
  await tell(redis, 'config', 'set', 'maxmemory', '0');
  await becomes('200', '200 200 200');
});

test('sessions in cookies wait too, until the sign-outs are known', async (t) => {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const session = { redis: { url: redis.url, timeout: '300ms' } };
  const { ready, served, client, gateway } = await arrange(t, { provider, config: { session } });
  await until('readiness', async () => (await ready()) === '200');
  await logIn(client, gateway.url, 'ada');
  await redis.kill();
  await until('the outage', async () => (await ready()) === '200 store_unreachable', 20_000);
  t.equal(await served(), '200 200 200', 'a session in a cookie goes on');
});

test('a gateway that starts without the Redis of its sign-outs is not ready', async (t) => {
  const redis = `redis://127.0.0.1:${await freePort()}`;
  const { ready, served } = await arrange(t, { config: { session: { redis: { url: redis } } } });
  t.equal(await ready(), '503 the store: Redis is not reachable');
  t.equal(await served(), '401 200 503');
});

test('a provider that is out hinders nobody who has a session, from the start on', async (t) => {
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const clock = createWoundClock();
  await provider.stop();
  const scene = await arrange(t, { provider, clock, awaitProvider: false });
  const { ready, served, client, gateway } = scene;
  await until('the first try', async () => (await ready()) === '200 provider_unreachable default');
  t.equal(await served(), '401 200 200');

  await provider.restart();
  clock.wind(15_000);
  await until('the provider', async () => (await ready()) === '200', 20_000);
  await logIn(client, gateway.url, 'ada');

  await provider.stop();
  clock.wind(30_000);
  await until('that it is out', async () => (await ready()) === '200 provider_unreachable default');
  t.equal(await served(), '200 200 200', 'the session goes on');

  await provider.restart();
  clock.wind(15_000);
  await until('that it is back', async () => (await ready()) === '200');
});

test('a client that the provider does not accept is degraded, until it is accepted', async (t) => {
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const wrong = { clientSecret: 'not-the-secret-of-this-client' };
  const { ready, client, gateway } = await arrange(t, { provider, config: { provider: wrong } });
  t.equal(await ready(), '200');
  await logIn(client, gateway.url, 'ada').catch(() => {});
  t.equal(await ready(), '200 client_rejected default');
});

test('an issuer of access tokens that is out is named by its place', async (t) => {
  const issuer = `http://127.0.0.1:${await freePort()}`;
  const { ready, client, gateway } = await arrange(t, {
    config: { provider: undefined, bearer: [{ issuer, audience: 'api' }] },
  });
  t.equal(await ready(), '200');
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const made = `${part({ alg: 'RS256', typ: 'at+jwt', kid: 'a' })}.${part({ iss: issuer })}.c2ln`;
  const { status } = await client.get(`${gateway.url}/x`, { authorization: `Bearer ${made}` });
  t.equal(status, 503);
  t.equal(await ready(), '200 issuer_unreachable bearer[0]');
});

test('a gateway that drains is not ready, and serves whoever comes all the same', async (t) => {
  const { ready, served, client, gateway } = await arrange(t, {
    config: { provider: undefined, routes: [{ path: '/', upstream: nobody, allow: 'public' }] },
  });
  t.equal(await ready(), '200');
  const headers = { authorization: `Bearer ${token}` };
  const drained = await client.request(`${gateway.adminUrl}/drain`, { method: 'POST', headers });
  t.equal(drained.status, 200);
  t.equal(await ready(), '503 the gateway is draining');
  t.match(await served(), /^502 502/, 'it is asked of the upstream, which is nobody');
});
