import { test } from 'tap';
import { createClient } from '../support/client.ts';
import { until } from '../support/until.ts';
import { arrangeInstances } from './two-instances.ts';

/** A browser that has nothing but a copy of a cookie. */
const asking = async (url: string, cookie: string) => {
  const client = createClient();
  const { status, headers } = await client.get(url, { cookie });
  client.close();
  return { status, code: headers['x-sallyport-error'] };
};

test('an instance that starts while Redis is away lets nobody with a session in until it knows the sign-outs', async (t) => {
  const { cut, gateways, clients, another } = await arrangeInstances(t, { store: 'cookie', people: 2 });
  const [first] = gateways;
  const [out = '', stays = ''] = clients.map(({ cookies }) => cookies.headerFor(first.url) ?? '');
  await clients[0]?.navigate(`${first.url}/oauth2/sign_out`);
  await cut.cut();
  const third = await another(cut.url);
  for (const cookie of [out, stays]) {
    t.same(await asking(`${third.url}/x`, cookie), { status: 503, code: 'store_unavailable' });
    t.equal((await asking(`${third.url}/open`, cookie)).status, 200, 'public pages go on');
  }
  t.equal((await asking(`${third.url}/x`, '')).status, 401, 'nobody is told to sign in all the same');
  await cut.heal();
  const seen: number[] = [];
  await until('the session', async () => {
    seen.push((await asking(`${third.url}/x`, out)).status);
    return (await asking(`${third.url}/x`, stays)).status === 200;
  });
  t.notOk(seen.includes(200), 'who signed out before is not let in meanwhile');
  t.equal((await asking(`${third.url}/x`, out)).status, 401);
});

test('a sign-out that Redis has no room for reaches those that listen at once, and the list when there is room', async (t) => {
  const { gateways, clients, cli, another } = await arrangeInstances(t, { store: 'cookie', people: 1 });
  const [first, second] = gateways;
  const cookie = clients[0]?.cookies.headerFor(first.url) ?? '';
  await cli('config', 'set', 'maxmemory', '1');
  await clients[0]?.navigate(`${first.url}/oauth2/sign_out`);
  await until(
    'the other instance to know',
    async () => (await asking(`${second.url}/x`, cookie)).status === 401,
  );
  await cli('config', 'set', 'maxmemory', '0');
  await until('the list', async () => Number(await cli('zcard', 'sallyport:revocations:proven')) === 1);
  const third = await another();
  await until('the third', async () => (await asking(`${third.url}/x`, cookie)).status !== 503);
  t.equal((await asking(`${third.url}/x`, cookie)).status, 401);
});

test('a sign-out at an instance that is cut off reaches the others when it is not any more', async (t) => {
  const { cut, gateways, clients } = await arrangeInstances(t, { store: 'cookie', people: 1 });
  const [first, second] = gateways;
  const cookie = clients[0]?.cookies.headerFor(first.url) ?? '';
  await cut.cut();
  await clients[0]?.navigate(`${first.url}/oauth2/sign_out`);
  t.equal((await asking(`${first.url}/x`, cookie)).status, 401);
  await cut.heal();
  await until('the other', async () => (await asking(`${second.url}/x`, cookie)).status === 401);
});

test('a Redis that comes back empty is told of sign-outs and refreshes again', async (t) => {
  const scene = await arrangeInstances(t, {
    store: 'cookie',
    people: 2,
    redis: ['--appendonly', 'no', '--save', ''],
  });
  const { redis, gateways, clients, sent, cli, another } = scene;
  const [first, second] = gateways;
  const [out = '', old = ''] = clients.map(({ cookies }) => cookies.headerFor(first.url) ?? '');
  await clients[0]?.navigate(`${first.url}/oauth2/sign_out`);
  scene.expire();
  scene.release();
  t.equal((await asking(`${first.url}/x`, old)).status, 200, 'refreshed');
  t.equal(sent.length, 1);
  await redis.kill();
  await redis.restart();
  const seen: number[] = [];
  await until('the other instance to serve the cookie from before', async () => {
    const { status } = await asking(`${second.url}/x`, old);
    seen.push(status);
    return status === 200;
  });
  t.same(
    seen.filter((status) => status !== 200 && status !== 503),
    [],
  );
  t.equal(sent.length, 1, 'the refresh token is not sent again');
  await until('the list', async () => Number(await cli('zcard', 'sallyport:revocations:proven')) === 1);
  const third = await another();
  await until('the third', async () => (await asking(`${third.url}/x`, out)).status !== 503);
  t.equal((await asking(`${third.url}/x`, out)).status, 401);
});
