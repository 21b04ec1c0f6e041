import { test } from 'tap';
import { arrangeUpstream } from '../support/arrange.ts';
import { createClient } from '../support/client.ts';
import { startTestGateway } from '../support/gateway.ts';
import { freePort } from '../support/listening.ts';
import { startProvider } from '../support/provider.ts';
import { until } from '../support/until.ts';

test('/healthz says that the process runs, /readyz that it can serve', async (t) => {
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  await provider.stop();
  const upstream = await arrangeUpstream(t);
  const admin = { listen: `127.0.0.1:${await freePort()}` };
  const gateway = await startTestGateway({ provider, upstream, config: { admin }, awaitProvider: false });
  t.teardown(() => gateway.close());
  const client = createClient();
  t.teardown(() => client.close());

  t.equal((await client.get(`${gateway.adminUrl}/healthz`)).status, 200);
  const early = await client.get(`${gateway.adminUrl}/readyz`);
  t.equal(early.status, 503);
  t.match(early.json(), { missing: ['the provider was not reached yet'] });
  t.equal(early.headers['retry-after'], '1');

  await provider.restart();
  await until(
    'readiness',
    async () => (await client.get(`${gateway.adminUrl}/readyz`)).status === 200,
    20_000,
  );
  t.pass('ready when the provider has come up');
});

test('the admin endpoints are not on the public address', async (t) => {
  const upstream = await arrangeUpstream(t);
  const gateway = await startTestGateway({ upstream });
  t.teardown(() => gateway.close());
  const client = createClient();
  t.teardown(() => client.close());
  for (const path of ['/healthz', '/readyz', '/metrics']) {
    t.equal((await client.get(gateway.url + path)).status, 401, path);
  }
});

test('a chosen admin address that is taken is an error', async (t) => {
  const upstream = await arrangeUpstream(t);
  const admin = { listen: new URL(upstream.url).host };
  await t.rejects(startTestGateway({ upstream, config: { admin } }), { code: 'EADDRINUSE' });
});
