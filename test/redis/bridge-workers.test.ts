import { type Test, test } from 'tap';
import { arrangePrimary } from '../session/primary-line.ts';
import { begin, type Plan, plan, sessionAt, standing } from '../session/world.ts';
import { startRedis } from '../support/redis.ts';
import { startRedisCut } from '../support/redis-cut.ts';
import { until } from '../support/until.ts';

const parse = (header: string) => {
  const at = header.indexOf('=');
  return [{ name: header.slice(0, at), value: header.slice(at + 1) }];
};
const stands = async (at: Plan, header: string) => {
  const found = await standing(at, header).catch(() => undefined);
  return found !== undefined && 'session' in found;
};

/** Two workers of one instance, and what their sessions are kept with. */
async function arrangeWorkers(t: Test, session: (url: string) => Record<string, unknown>) {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  const { worker } = arrangePrimary();
  const open = async () => {
    const cut = await startRedisCut(redis.port);
    t.teardown(() => cut.close());
    const world = worker();
    const opened = plan(world, session(cut.url));
    t.teardown(() => opened.release());
    world.primary?.join();
    await opened.ready;
    const outage = async () => {
      await cut.cut();
      await until('the outage', () => opened.problem() !== undefined);
    };
    return { ...opened, clock: world.clock, heal: cut.heal, outage };
  };
  return { redis, open, first: await open(), second: await open() };
}

const places: Record<string, (url: string) => Record<string, unknown>> = {
  'in Redis, over a bridge': (url) => ({ store: url, redis: { bridge: '10m' } }),
  'in cookies, beside Redis': (url) => ({ redis: { url } }),
};

for (const [name, session] of Object.entries(places)) {
  test(`while Redis is out a sign-out counts at every worker of its instance: sessions ${name}`, async (t) => {
    const { open, first, second } = await arrangeWorkers(t, session);
    const header = await begin(first, sessionAt(first.clock));
    const ofGrace = await begin(first, sessionAt(first.clock, { subject: 'grace' }));
    for (const worker of [first, second])
      for (const each of [header, ofGrace])
        await until('it is known', async () => {
          await standing(worker, each);
          return !(worker.sessions.currentOf(each) instanceof Promise);
        });
    for (const worker of [first, second]) await worker.outage();
    t.ok(await stands(second, header), 'it goes on');
    await first.sessions.end(parse(header)).catch(() => {});
    await until('the sign-out', async () => !(await stands(second, header)));
    t.ok(await stands(second, ofGrace), 'others go on');
    const grace = { kind: 'subject', provider: 'default', subject: 'grace' } as const;
    await first.sessions.revoke(grace).catch(() => {});
    await until('the sign-out of all', async () => !(await stands(second, ofGrace)));
    const third = await open();
    t.notOk(await stands(third, header), 'one that starts later knows');
  });
}

test('a sign-out during an outage is not lost with the worker that took it', async (t) => {
  const { redis, first, second } = await arrangeWorkers(t, (url) => ({ redis: { url } }));
  const header = await begin(first, sessionAt(first.clock));
  // The first never comes back to Redis.
  for (const worker of [first, second]) await worker.outage();
  await first.sessions.end(parse(header)).catch(() => {});
  await until('the sign-out', async () => !(await stands(second, header)));
  await second.heal();
  const told = async () => (await redis.dump()).filter(({ key }) => key.startsWith('sallyport:revocations'));
  const lists = await until('it is told', async () => {
    const found = await told();
    return found.length > 0 && found;
  });
  t.equal(lists.length, 1);
});
