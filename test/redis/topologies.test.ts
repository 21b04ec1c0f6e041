import { type Test, test } from 'tap';
import { arrangeUpstream } from '../support/arrange.ts';
import { makeCertificate } from '../support/certificate.ts';
import { createClient } from '../support/client.ts';
import { freePort } from '../support/free-port.ts';
import { startTestGateway } from '../support/gateway.ts';
import { logIn } from '../support/log-in.ts';
import { startProvider } from '../support/provider.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startCluster, startSentinel } from '../support/redis-topologies.ts';
import { until } from '../support/until.ts';

/** A whole life of a session in this Redis: login, use, sign-out. */
async function liveThrough(
  t: Test,
  session: Record<string, unknown>,
  meanwhile?: () => Promise<void>,
): Promise<void> {
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  const gateway = await startTestGateway({ provider, upstream, config: { session } });
  t.teardown(() => gateway.close());
  const client = createClient();
  t.teardown(() => client.close());
  await until('readiness', async () => (await client.get(`${gateway.url}/oauth2/health`)).status === 200);
  await logIn(client, gateway.url, 'ada');
  t.equal((await client.get(`${gateway.url}/x`)).status, 200, 'signed in');
  if (meanwhile) {
    await meanwhile();
    const statuses: number[] = [];
    const passes = async () => {
      const { status } = await client.get(`${gateway.url}/x`);
      statuses.push(status);
      return status === 200;
    };
    await until('a request that passes again', passes).catch((error) => {
      throw new Error(`${error.message}: ${[...new Set(statuses)]}`);
    });
    t.notOk(statuses.includes(401), 'the session survived');
  }
  const copy = client.cookies.headerFor(gateway.url) ?? '';
  await client.navigate(`${gateway.url}/oauth2/sign_out`);
  t.equal(
    (await client.get(`${gateway.url}/x`, { cookie: copy })).status,
    401,
    'signed out, copies of the cookie too',
  );
}

test('rediss:// with a certificate authority of its own, and never without', async (t) => {
  const { certFile, keyFile } = await makeCertificate();
  const port = await freePort();
  const tls = ['--tls-port', String(port), '--tls-cert-file', certFile, '--tls-key-file', keyFile];
  const redis = await startRedis(...tls, '--tls-ca-cert-file', certFile, '--tls-auth-clients', 'no');
  t.teardown(() => redis.stop());
  const store = `rediss://127.0.0.1:${port}`;
  await liveThrough(t, { store, redis: { ca: certFile } });

  const upstream = await arrangeUpstream(t);
  const distrustful = await startTestGateway({ upstream, config: { session: { store } } });
  t.teardown(() => distrustful.close());
  const line = await distrustful.log
    .line(({ msg }) => msg === 'Redis is not reachable')
    .catch(() => undefined);
  const client = createClient();
  t.teardown(() => client.close());
  t.notOk(
    distrustful.log.lines.some(({ msg }) => msg === 'Redis is reachable'),
    line?.reason as string,
  );
});

test('an ACL user with a password, a key prefix of its own and a database', async (t) => {
  const commands =
    '+get +set +del +expire +eval +pttl +zadd +zrem +zrange +zrangebyscore +zremrangebyscore +zremrangebyrank +publish +subscribe +select +client +info +ping';
  const rules = ['on', '>p@ss', '~team:*', '&team:*', ...commands.split(' ')];
  const redis = await startRedis('--user', 'gate', ...rules);
  t.teardown(() => redis.stop());
  const { host } = new URL(redis.url.replace('redis:', 'http:'));
  await liveThrough(t, { store: `redis://gate:p%40ss@${host}/3`, redis: { keyPrefix: 'team:' } });
  const keys = await redis.dump();
  t.strictSame(keys, [], 'nothing in database 0');
});

test('Sentinel: the session survives a fail-over to the replica', async (t) => {
  const { url, primary, replica, untilPromoted } = await startSentinel(t);
  await liveThrough(t, { store: url }, async () => {
    // Replication is not waited for by anybody; what had not arrived is lost with the primary.
    const keysOf = async (redis: TestRedis) => (await redis.dump()).map(({ key }) => key).sort();
    const arrived = async () => `${await keysOf(replica)}` === `${await keysOf(primary)}`;
    await until('the session at the replica', arrived);
    await primary.kill();
    await untilPromoted();
  });
});

test('Cluster: three nodes', async (t) => {
  const { url } = await startCluster(t);
  await liveThrough(t, { store: url });
});
