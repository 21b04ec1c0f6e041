import { type Test, test } from 'tap';
import { createClient } from '../support/client.ts';
import { createWoundClock } from '../support/clock.ts';
import { startRedis } from '../support/redis.ts';
import { shareInRedis } from '../support/shared.ts';
import { until } from '../support/until.ts';
import { arrangeInstances } from './two-instances.ts';

const minutes = 60_000;

const statusOf = async (url: string, cookie: string) => {
  const client = createClient();
  const { status } = await client.get(`${url}/x`, { cookie });
  client.close();
  return status;
};

for (const store of ['cookie', 'redis'] as const) {
  test(`a Redis that comes back with data of before is told what it has lost, be it of long ago: ${store}`, async (t) => {
    const scene = await arrangeInstances(t, {
      store,
      people: 2,
      redis: ['--appendonly', 'no', '--save', ''],
    });
    const { redis, gateways, clients, cli, another, clock } = scene;
    const [first] = gateways;
    const [out = '', stays = ''] = clients.map(({ cookies }) => cookies.headerFor(`${first.url}/`) ?? '');
    await cli('save');
    await clients[0]?.navigate(`${first.url}/oauth2/sign_out`);
    // It was told for longer than what is written again in any case, and looked after since.
    clock.wind(10 * minutes);
    const marks = async () => {
      const keys = (await cli('keys', 'sallyport:mark:*')) as string[];
      return (await Promise.all(keys.map((key) => cli('get', key)))).map(Number);
    };
    await until('a look of each', async () => (await marks()).every((count) => count > 1));
    await redis.kill();
    await redis.restart('--save', '');
    const third = await another();
    await until('the third', async () => (await statusOf(third.url, stays)) === 200);
    await until('the sign-out', async () => (await statusOf(third.url, out)) === 401);
  });
}

/** A process that has told of a sign-out, which Redis then lost, as it does what it had no time to write to its disk. */
async function arrangeLoss(t: Test) {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  const clock = createWoundClock();
  const { place, revocations } = shareInRedis({ url: redis.url }, clock);
  t.teardown(() => place.close());
  await place.ready;
  const before = clock.now() / 1000;
  await place.bus.publish({ key: 'session.a', before, until: before + 36_000, proven: true });
  await place.turns.post('turn', { value: 'done', lingerMs: 60 * minutes });
  const lists = async () =>
    (await redis.dump()).map(({ key }) => key).filter((key) => !key.includes(':mark:'));
  return { redis, clock, place, revocations, lists };
}

test('what was told right before an outage is told again, be the outage long', async (t) => {
  const { redis, clock, place, lists } = await arrangeLoss(t);
  const { Redis } = await import('ioredis');
  const operator = new Redis({ port: redis.port, host: '127.0.0.1' });
  operator.on('error', () => {});
  t.teardown(() => operator.disconnect());
  const told = await lists();
  t.equal(told.length, 2);
  await operator.del(...told);
  await redis.kill();
  await until('the outage', () => place.problem() !== undefined);
  clock.wind(30 * minutes);
  await redis.restart();
  await until('both', async () => (await lists()).length === 2);
});
