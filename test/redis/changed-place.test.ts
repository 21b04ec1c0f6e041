import { type Test, test } from 'tap';
import { parse, stringify } from 'yaml';
import { parseConfig } from '../../src/config/load.ts';
import { createClient } from '../support/client.ts';
import type { TestGateway } from '../support/gateway.ts';
import { startRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { arrangeInstances, type Instances } from './two-instances.ts';

type Redis = Record<string, unknown>;

/** Has an instance go on with other settings of Redis. */
async function change(gateway: TestGateway, redis: Redis): Promise<void> {
  const document = parse(gateway.yaml) as { session: { redis: Redis } };
  Object.assign(document.session.redis, redis);
  await gateway.adopt(parseConfig(stringify(document), { file: 'sallyport.yaml', env: {} }).config);
}

/** A browser that has nothing but a copy of a cookie. */
async function statusOf({ url }: TestGateway, cookie: string): Promise<number> {
  const client = createClient();
  const { status } = await client.get(`${url}/x`, { cookie });
  client.close();
  return status;
}

test('a cookie that was signed out stays so when the instances go over to another Redis', async (t) => {
  const { gateways, clients, another } = await arrangeInstances(t, { store: 'cookie', people: 2 });
  const [first] = gateways;
  const [out = '', stays = ''] = clients.map(({ cookies }) => cookies.headerFor(first.url) ?? '');
  await clients[0]?.navigate(`${first.url}/oauth2/sign_out`);
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  for (const gateway of gateways) await change(gateway, { url: redis.url });
  const third = await another(redis.url);
  for (const gateway of [...gateways, third]) {
    await until('the session', async () => (await statusOf(gateway, stays)) === 200);
    t.equal(await statusOf(gateway, out), 401);
  }
});

/** One person whose refresh is under way in the first instance when that changes something. */
async function refreshOver(t: Test, store: 'cookie' | 'redis', then: (scene: Instances) => Promise<void>) {
  const scene = await arrangeInstances(t, { store, people: 1 });
  const [client] = scene.clients;
  if (!client) throw new Error('nobody is signed in');
  scene.expire();
  // The request gives up before the provider answers: the refresh goes on alone.
  const asked = scene.ask(client, 0);
  await until('the refresh', () => scene.sent.length === 1);
  await asked;
  await then(scene);
  scene.release();
  await until('the session', async () => (await scene.ask(client, 1)) === 200);
  t.equal(new Set(scene.sent).size, scene.sent.length, 'no refresh token is sent twice');
}

for (const store of ['cookie', 'redis'] as const)
  test(`a refresh under way is told to the other instance when settings of Redis change: ${store}`, async (t) => {
    await refreshOver(t, store, ({ gateways: [first] }) => change(first, { timeout: '1500ms' }));
  });

test('a refresh under way is known behind another Redis', async (t) => {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  await refreshOver(t, 'cookie', async ({ gateways }) => {
    for (const gateway of gateways) await change(gateway, { url: redis.url });
  });
});
