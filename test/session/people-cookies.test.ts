import { randomBytes } from 'node:crypto';
import { type Test, test } from 'tap';
import type { Event } from '../../src/observe/events.ts';
import { startRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { instancesOn } from './people-redis.ts';
import { adas, adasMail, graces, isIn } from './people-suite.ts';
import { arrangePrimary } from './primary-line.ts';
import { begin, createWorld, newSecret, oldSecret, plan } from './world.ts';

async function redisFor(t: Test) {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  return { redis, scene: instancesOn(t, { redis: { url: redis.url } }) };
}

test('sessions in cookies are not listed, and end all the same', async (t) => {
  const events: Event[] = [];
  const world = createWorld();
  const process = plan({ ...world, emit: (event) => events.push(event) });
  t.teardown(process.release);
  const [one, other] = [adas(world), adas(world)];
  const [first, second] = [await begin(process, one), await begin(process, other)];
  const gracesHeader = await begin(process, graces(world));
  t.equal(process.people.listing, 'none');
  t.strictSame(await process.people.list(adasMail), []);
  t.equal(await process.people.end(one.id), true);
  t.strictSame([await isIn(process, first), await isIn(process, second)], [false, true]);
  t.equal(await process.people.end('nobody knows whether there is one'), true);
  t.equal(await process.people.end(''), false);
  t.equal(await process.people.endAll('ADA.LOVELACE@example.COM'), undefined);
  t.notOk(await isIn(process, second));
  t.ok(await isIn(process, gracesHeader), 'of somebody else');
  const later = adas(world, { createdAt: world.clock.now() / 1000 + 0.01 });
  const header = await begin(process, later);
  t.ok(await isIn(process, header), 'who signs in again is in');
  t.match(events, [
    { kind: 'sessions-ended', sessionId: one.id, sessions: undefined },
    { kind: 'sessions-ended', sessionId: /^nobody/ },
    { kind: 'sessions-ended', user: 'ADA.LOVELACE@example.COM', sessions: undefined },
  ]);
  for (const user of ['', 'Ada.L', 'SUB-OF-ADA', 'ada', 'admins', 'a'.repeat(1_000_000), '\0', '🦊'])
    t.equal(await process.people.endAll(user), undefined);
  t.ok(await isIn(process, header), 'nobody else is ended by other texts');
  world.clock.wind(50);
  for (const user of ['sub-of-ada', 'ada.l']) {
    const again = await begin(process, adas(world, { createdAt: world.clock.now() / 1000 + 0.01 }));
    t.ok(await isIn(process, again));
    world.clock.wind(50);
    await process.people.endAll(user);
    t.notOk(await isIn(process, again), user);
  }
});

test('whoever is ended in one worker is ended in all, and in those that start later', async (t) => {
  const { worker } = arrangePrimary();
  const open = () => {
    const world = worker();
    world.primary?.join();
    const opened = plan(world);
    t.teardown(opened.release);
    return { ...opened, clock: world.clock };
  };
  const [first, second] = [open(), open()];
  await Promise.all([first.ready, second.ready]);
  const [adasHeader, gracesHeader] = [await begin(first, adas(first)), await begin(first, graces(first))];
  t.equal(await second.people.endAll(adasMail), undefined);
  const third = open();
  for (const each of [first, second, third]) {
    await until('the end', async () => !(await isIn(each, adasHeader)));
    t.ok(await isIn(each, gracesHeader));
  }
});

test('with Redis, whoever is ended at one instance is ended at all, and after a restart', async (t) => {
  const { scene } = await redisFor(t);
  const [first, second] = [await scene.join(), await scene.join()];
  const [adasHeader, gracesHeader] = [await begin(first, adas(first)), await begin(first, graces(first))];
  await second.people.endAll('ada.l');
  t.notOk(await isIn(second, adasHeader));
  await until('the other instance', async () => !(await isIn(first, adasHeader)));
  const third = await scene.join();
  t.notOk(await isIn(third, adasHeader), 'one that starts later');
  t.ok(await isIn(third, gracesHeader));
});

test('whoever is ended while the secret is replaced is ended at every instance', async (t) => {
  const { scene } = await redisFor(t);
  const before = await scene.join({ secret: oldSecret });
  const during = await scene.join({ secret: [newSecret, oldSecret] });
  for (const [ends, sees] of [
    [before, during],
    [during, before],
  ] as const) {
    const header = await begin(before, adas(before, { createdAt: before.clock.now() / 1000 }));
    t.ok((await isIn(before, header)) && (await isIn(during, header)));
    scene.pass(50);
    await ends.people.endAll(adasMail);
    await until('the end', async () => !(await isIn(sees, header)));
    t.notOk(await isIn(ends, header));
    scene.pass(50);
  }
});

test('what was opened under a plan from before ends by the plan of after, be its secret another', async (t) => {
  const world = createWorld();
  const before = plan(world, { secret: oldSecret });
  const session = adas(world);
  await begin(before, session);
  t.notOk(before.revocations.isRevoked(session));
  const after = plan(world, { secret: newSecret });
  await after.people.endAll(adasMail);
  t.ok(before.revocations.isRevoked(session), 'as a WebSocket asks');
  await after.release();
  await before.release();
  for (const kind of ['naming key', 'naming keys']) t.equal(world.holdings.count(kind), 0);
});

test('a person is known by what the configuration takes for the user header and the address', async (t) => {
  const secret = randomBytes(32).toString('base64');
  const world = createWorld();
  const provider = {
    issuer: 'http://127.0.0.1:2',
    clientId: 'gate',
    clientSecret: 'secret',
    claims: { user: 'employee', email: 'contact.mail' },
  };
  const process = plan(world, { secret, store: 'memory' }, { provider });
  t.teardown(process.release);
  const claims = {
    employee: 4711,
    'contact.mail': 'Ada@Example.com',
    preferred_username: 'ada.l',
    email: 'no',
  };
  const session = adas(world, { claims });
  const header = await begin(process, session);
  await begin(process, adas(world, { provider: 'gone', claims: { email: 'Ada@example.com' } }));
  t.match(await process.people.list('4711'), [
    { subject: 'sub-of-ada', user: '4711', email: 'Ada@Example.com' },
  ]);
  t.equal((await process.people.list('ada.l')).length, 1);
  t.equal((await process.people.list('no')).length, 0);
  t.equal(
    (await process.people.list('ada@example.com')).length,
    2,
    'also of a provider that is not there any more',
  );
  t.equal(await process.people.endAll('4711'), 1);
  t.notOk(await isIn(process, header));
});
