import { readFile } from 'node:fs/promises';
import { Redis } from 'ioredis';
import { test } from 'tap';
import { arrangeUpstream } from '../support/arrange.ts';
import { startTestGateway } from '../support/gateway.ts';
import { startRedis } from '../support/redis.ts';
import { type SpawnedGateway, spawnGateway } from '../support/spawned-gateway.ts';
import { until } from '../support/until.ts';
import { makeLogoutToken, sendLogout } from './forge.ts';
import {
  always,
  endAtProvider,
  refused,
  sendLogoutTokensTo,
  signIn,
  startLogoutProvider,
  statusesOf,
} from './scene.ts';

const logoutsOf = ({ log }: SpawnedGateway) => log.lines.filter(({ msg }) => msg === 'back-channel logout');

for (const store of ['cookie', 'memory', 'Redis'] as const) {
  test(`a sign-out at the provider ends the session in both workers: ${store} store`, async (t) => {
    const provider = await startLogoutProvider(t);
    const upstream = await arrangeUpstream(t);
    const redis = store === 'Redis' ? await startRedis() : undefined;
    if (redis) t.teardown(() => redis.stop());
    const session = { store: redis?.url ?? store };
    const gateway = await spawnGateway({ provider, upstream, config: { workers: 2, session } });
    t.teardown(() => gateway.stop());
    const grace = await signIn(t, gateway.url, 'grace');

    for (const by of ['sid', 'sub'] as const) {
      await sendLogoutTokensTo(provider, gateway.url, by);
      const ada = await signIn(t, gateway.url, 'ada');
      const copy = ada.copiedCookie();
      t.strictSame(await statusesOf(gateway.url, copy), always(200), `by ${by}: it lives in both workers`);
      await endAtProvider(ada, provider.issuer);
      await refused(gateway.url, copy);
      t.strictSame(await statusesOf(gateway.url, copy), always(401), `by ${by}: it is over in both`);
    }
    t.strictSame(
      await statusesOf(gateway.url, grace.copiedCookie()),
      always(200),
      "somebody else's session goes on",
    );
    const again = await signIn(t, gateway.url, 'ada');
    t.strictSame(await statusesOf(gateway.url, again.copiedCookie()), always(200), 'a later sign-in stands');
    t.match(logoutsOf(gateway), [{ by: 'sid' }, { by: 'subject' }]);
    t.same(
      provider.events.filter(({ name }) => name.startsWith('backchannel.')).map(({ name }) => name),
      ['backchannel.success', 'backchannel.success'],
      'the provider was answered',
    );
  });
}

test('by sid, the other sign-in of the same person goes on', async (t) => {
  const provider = await startLogoutProvider(t);
  const upstream = await arrangeUpstream(t);
  const gateway = await spawnGateway({ provider, upstream, config: { workers: 2 } });
  t.teardown(() => gateway.stop());
  await sendLogoutTokensTo(provider, gateway.url);
  const desk = await signIn(t, gateway.url, 'ada');
  const phone = await signIn(t, gateway.url, 'ada');
  await endAtProvider(desk, provider.issuer);
  await refused(gateway.url, desk.copiedCookie());
  t.strictSame(await statusesOf(gateway.url, phone.copiedCookie()), always(200));
});

test('a worker that starts after the sign-out knows of it', async (t) => {
  const provider = await startLogoutProvider(t);
  const upstream = await arrangeUpstream(t);
  const gateway = await spawnGateway({ provider, upstream, config: { workers: 2 } });
  t.teardown(() => gateway.stop());
  await sendLogoutTokensTo(provider, gateway.url);
  const ada = await signIn(t, gateway.url, 'ada');
  const grace = await signIn(t, gateway.url, 'grace');
  await endAtProvider(ada, provider.issuer);
  await refused(gateway.url, ada.copiedCookie());

  const before = await workersOf(gateway);
  for (const pid of before) process.kill(pid, 'SIGKILL');
  await until('new workers', async () => {
    const now = await workersOf(gateway);
    return now.length === 2 && now.every((pid) => !before.includes(pid));
  });
  await until('both to answer', async () =>
    (await statusesOf(gateway.url, grace.copiedCookie(), 8).catch(() => [0])).every(
      (status) => status === 200,
    ),
  );
  t.strictSame(await statusesOf(gateway.url, ada.copiedCookie()), always(401));
});

test('sessions in cookies: two instances tell each other of sign-outs through Redis, late ones too', async (t) => {
  const provider = await startLogoutProvider(t);
  const upstream = await arrangeUpstream(t);
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  const secret = Buffer.alloc(32, 7).toString('base64');
  const start = async () => {
    const config = { session: { secret, redis: { url: redis.url } } };
    const gateway = await spawnGateway({ provider, upstream, config });
    t.teardown(() => gateway.stop());
    return gateway;
  };
  const [first, second] = await Promise.all([start(), start()]);
  await sendLogoutTokensTo(provider, first.url);
  const ada = await signIn(t, first.url, 'ada');
  const grace = await signIn(t, first.url, 'grace');
  t.strictSame(await statusesOf(second.url, ada.copiedCookie(), 4), always(200, 4));

  await endAtProvider(ada, provider.issuer);
  for (const { url } of [first, second]) await refused(url, ada.copiedCookie());
  t.strictSame(await statusesOf(second.url, grace.copiedCookie(), 4), always(200, 4));

  const late = await start();
  await refused(late.url, ada.copiedCookie());
  t.strictSame(await statusesOf(late.url, grace.copiedCookie(), 4), always(200, 4));
});

test('an instance that was cut off from the news for a moment learns of the sign-outs in it', async (t) => {
  const provider = await startLogoutProvider(t);
  const upstream = await arrangeUpstream(t);
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  const secret = Buffer.alloc(32, 7).toString('base64');
  const config = { session: { secret, redis: { url: redis.url } } };
  const [first, second] = await Promise.all(
    [1, 2].map(() => startTestGateway({ provider, upstream, config })),
  );
  t.teardown(() => Promise.all([first?.close(), second?.close()]));
  const [here = '', there = ''] = [first?.url, second?.url];
  await sendLogoutTokensTo(provider, here);
  const ada = await signIn(t, here, 'ada');
  t.strictSame(await statusesOf(there, ada.copiedCookie(), 2), always(200, 2));

  const admin = new Redis(redis.url);
  t.teardown(() => admin.disconnect());
  t.equal(await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub'), 2, 'both lose their subscription');
  const { status } = await sendLogout(here, {
    logout_token: await makeLogoutToken(provider, { claims: { sub: 'ada' } }),
  });
  t.equal(status, 200);
  await refused(there, ada.copiedCookie());
});

/** The worker processes of a gateway, by their ids. */
async function workersOf({ pid }: SpawnedGateway): Promise<number[]> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return children.split(' ').filter(Boolean).map(Number);
}
