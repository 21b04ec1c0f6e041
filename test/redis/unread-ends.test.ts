import { test } from 'tap';
import { createClient } from '../support/client.ts';
import { startRedisCut } from '../support/redis-cut.ts';
import { until } from '../support/until.ts';
import { arrangeNear } from './near-instances.ts';
import { arrangeInstances } from './two-instances.ts';

const parse = (header: string) => {
  const at = header.indexOf('=');
  return [{ name: header.slice(0, at), value: header.slice(at + 1) }];
};

test('who signs out while Redis is out is signed out when it is back, at every instance, with any copy of the cookie', async (t) => {
  const { redis, gateways, clients } = await arrangeInstances(t, { store: 'redis', people: 2 });
  const [first, second] = gateways;
  const [out = '', stays = ''] = clients.map(({ cookies }) => cookies.headerFor(`${first.url}/`) ?? '');
  const ask = async (url: string, cookie: string) => {
    const client = createClient();
    const { status, headers } = await client.get(`${url}/x`, { cookie });
    client.close();
    return { status, retryAfter: headers['retry-after'] };
  };
  await redis.kill();
  await until('the outage', async () => (await ask(first.url, out)).status === 503);
  t.match(await ask(first.url, stays), { status: 503, retryAfter: '1' });
  const answer = await clients[0]?.navigate(`${first.url}/oauth2/sign_out`);
  t.ok(answer?.setCookies.some((line) => line.includes('Max-Age=0') || line.includes('Expires=')));
  t.equal((await ask(first.url, out)).status, 401, 'it counts at once where it was made');
  await redis.restart();
  for (const { url } of gateways) {
    await until('the others', async () => (await ask(url, stays)).status === 200);
    await until('the sign-out', async () => (await ask(url, out)).status === 401);
  }
  t.equal((await ask(second.url, out)).status, 401, 'and stays so');
});

test('an end that Redis refuses by itself is written when the right is there again', async (t) => {
  const scene = await arrangeNear(t);
  await scene.operator.call('acl', 'setuser', 'gate', 'on', '>p', '~sallyport:*', '&sallyport:*', '+@all');
  const limited = await scene.join({ url: scene.redis.url.replace('//', '//gate:p@') });
  const other = await scene.join();
  const { header } = await scene.signIn(limited);
  await scene.operator.call('acl', 'setuser', 'gate', '-del', '-zadd');
  await limited.sessions.end(parse(header)).catch(() => {});
  t.type(await limited.session(header), 'string', 'it counts here');
  await scene.operator.call('acl', 'setuser', 'gate', '+del', '+zadd');
  const isListed = async () => (await scene.operator.keys('sallyport:session:*')).length > 0;
  limited.clock.wind(5000);
  await until('the row to go', async () => !(await isListed()));
  await until('the list', async () => (await scene.operator.zcard('sallyport:revocations:proven')) === 1);
  t.equal(await other.session(header), 'ended');
});

test('a refresh that was under way brings back nothing that was ended meanwhile, be Redis out', async (t) => {
  const scene = await arrangeNear(t);
  const cut = await startRedisCut(scene.redis.port);
  t.teardown(() => cut.close());
  let answer = () => {};
  const asked = new Promise<void>((resolve) => {
    answer = resolve;
  });
  let begun = () => {};
  const hasBegun = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const at = await scene.join({
    url: cut.url,
    grant: async (session) => {
      begun();
      await asked;
      return {
        kind: 'refreshed',
        session: { ...session, accessToken: 'new', refreshToken: 'newer', refreshAt: undefined },
      };
    },
  });
  const now = Math.floor(at.clock.now() / 1000);
  const { header, place } = await scene.signIn(at, {
    refreshToken: 'old',
    refreshAt: now + 1000,
    accessTokenExpiresAt: now + 1100,
  });
  at.clock.wind(1_000_001);
  const refreshing = at.session(header);
  await hasBegun;
  await cut.cut();
  await until('the outage', () => at.problem() !== undefined);
  await at.sessions.end(parse(header)).catch(() => {});
  await cut.heal();
  await until('Redis', () => at.problem() === undefined);
  answer();
  await refreshing;
  await until('the end', async () => (await scene.operator.exists(`sallyport:session:${place}`)) === 0);
  t.equal(await at.session(header), 'ended');
});
