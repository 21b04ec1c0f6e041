import { randomBytes } from 'node:crypto';
import { test } from 'tap';
import { arrangeUpstream } from '../support/arrange.ts';
import { makeCertificate } from '../support/certificate.ts';
import { createClient } from '../support/client.ts';
import { startTestGateway } from '../support/gateway.ts';
import { startRedis } from '../support/redis.ts';
import { bearerOf, startTokenProvider } from './scene.ts';

const resource = 'https://reports.example.com';

test('instances with a certificate and a time-out of their own share the tokens of upstreams', async (t) => {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  const provider = await startTokenProvider(t);
  const upstream = await arrangeUpstream(t);
  const session = { secret: randomBytes(32).toString('base64'), redis: { url: redis.url } };
  const token = { clientCredentials: true, resource, scopes: ['read'] };
  const routes = [{ path: '/', upstream: upstream.url, allow: 'public', token }];
  const client = createClient();
  t.teardown(() => client.close());
  const tokens: (string | undefined)[] = [];
  for (const timeout of ['5s', '6s']) {
    const { certFile, keyFile } = await makeCertificate(`gateway-${timeout}`);
    const own = { tls: { cert: certFile, key: keyFile }, timeout };
    const gateway = await startTestGateway({ provider, config: { session, routes, provider: own } });
    t.teardown(() => gateway.close());
    await gateway.log.line(({ msg }) => msg === 'Redis is reachable');
    tokens.push(bearerOf(await client.get(gateway.url)));
  }
  t.equal(tokens[1], tokens[0]);
  t.ok(tokens[0]);
  t.equal(provider.tokenRequests.length, 1);
});
