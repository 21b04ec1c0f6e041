import { Redis } from 'ioredis';
import { type Test, test } from 'tap';
import type { Grant } from '../../src/session/outcome.ts';
import { startRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { instancesOn } from './people-redis.ts';
import { adas, adasMail, graces, isIn, testPeople } from './people-suite.ts';
import { begin, newSecret, oldSecret } from './world.ts';

async function redisFor(t: Test, ...args: string[]) {
  const redis = await startRedis(...args);
  t.teardown(() => redis.stop());
  const operator = new Redis({ port: redis.port, host: '127.0.0.1' });
  t.teardown(() => operator.disconnect());
  return { redis, operator, scene: instancesOn(t, { store: redis.url }) };
}

testPeople('Redis', async (t) => ({ ...(await redisFor(t)).scene, many: 5000 }));

test('a person whose sessions began under an older secret is found and ended while that is in use', async (t) => {
  const { scene } = await redisFor(t);
  const before = await scene.join({ secret: oldSecret });
  const [first, second] = [adas(before), adas(before)];
  const headers = [await begin(before, first), await begin(before, second)];
  const during = await scene.join({ secret: [newSecret, oldSecret] });
  const ids = async (user: string) => (await during.people.list(user)).map(({ id }) => id).sort();
  t.strictSame(await ids(adasMail), [first.id, second.id].sort());
  // Written down again, under the new one.
  scene.pass(90_000);
  t.ok(await isIn(during, headers[0] ?? ''));
  t.strictSame(await ids('ada.l'), [first.id, second.id].sort(), 'each once');
  t.equal(await during.people.end(first.id), true);
  for (const process of [before, during])
    await until('the end of the first', async () => !(await isIn(process, headers[0] ?? '')));
  t.equal(await during.people.endAll(adasMail), 1);
  for (const process of [before, during])
    for (const header of headers) await until('the end', async () => !(await isIn(process, header)));

  const header = await begin(during, adas(during, { createdAt: during.clock.now() / 1000 + 0.01 }));
  t.ok(await isIn(during, header));
  const after = await scene.join({ secret: newSecret });
  t.equal((await after.people.list('ada.l')).length, 1);
  scene.pass(100);
  t.equal(await after.people.endAll('ada.l'), 1);
  await until('the end at the one that knows both', async () => !(await isIn(during, header)));
});

test('what Redis has lost of the list is there again after the next refresh', async (t) => {
  const { operator, scene } = await redisFor(t);
  const grant: Grant = async (session) => ({
    kind: 'refreshed',
    session: { ...session, accessToken: 'second', refreshAt: undefined },
  });
  const process = await scene.join({ grant });
  const header = await begin(process, adas(process, { refreshToken: 'once', refreshAt: 1 }));
  await operator.del(...(await operator.keys('*:person:*')), ...(await operator.keys('*:listed:*')));
  t.strictSame(await process.people.list(adasMail), []);
  t.ok(await isIn(process, header));
  for (const user of [adasMail, 'ada.l', 'sub-of-ada']) t.equal((await process.people.list(user)).length, 1);
});

test('listings end with their sessions, and leave nothing in Redis', async (t) => {
  const { redis, operator, scene } = await redisFor(t);
  const process = await scene.join();
  const short = adas(process);
  short.expiresAt -= 3000;
  await begin(process, adas(process));
  await begin(process, short);
  const kept = async () => (await redis.dump()).filter(({ key }) => /listed:|person:|session:/.test(key));
  for (const { key, ttl } of await kept()) t.ok(ttl > 500 && ttl <= 3600, `${key} ${ttl}`);
  const sets = (await kept()).filter(({ key }) => key.includes('person:'));
  t.equal(sets.length, 3);
  for (const { key, ttl } of sets) {
    t.ok(ttl > 3590, 'a set lasts as long as the last of what is in it');
    t.equal(await operator.zcard(key), 2);
  }
  scene.pass(700_000);
  const third = await begin(process, adas(process));
  for (const { key } of sets) t.equal(await operator.zcard(key), 2, 'what is over goes when something comes');
  await process.people.endAll(adasMail);
  const left = (await kept()).map(({ key }) => key.replace(/:[^:]*$/, '')).sort();
  t.strictSame(
    left,
    ['sallyport:listed', 'sallyport:session'],
    'of the one that Redis itself ends, by its own clock',
  );
  t.notOk(await isIn(process, third));
});

test('who may not write the list signs in all the same, and can be ended', async (t) => {
  const commands =
    '+get +set +del +eval +zadd +zrangebyscore +zremrangebyscore +zremrangebyrank +publish +subscribe +select +client +info +ping';
  const { redis, scene } = await redisFor(
    t,
    '--user',
    'gate',
    'on',
    '>p',
    '%R~*',
    ...['session:*', 'revocations:*', 'mark:*'].map((name) => `~sallyport:${name}`),
    '&*',
    ...commands.split(' '),
  );
  const limited = instancesOn(t, { store: redis.url.replace('//', '//gate:p@') });
  const [process, other] = [await limited.join(), await scene.join()];
  const header = await begin(process, adas(process));
  t.ok(await isIn(process, header));
  t.strictSame(await process.people.list(adasMail), []);
  t.match(
    process.events.filter(({ kind }) => kind === 'store-refused'),
    [{ reason: /permission/i }],
    'which the log tells',
  );
  t.equal(await other.people.endAll(adasMail), 0);
  t.notOk(await isIn(other, header));
  await until('the end', async () => !(await isIn(process, header)));
});

test('without Redis nobody is listed, and whoever is ended meanwhile is ended', async (t) => {
  const { redis, scene } = await redisFor(t);
  const process = await scene.join();
  const [adasHeader, gracesHeader] = [
    await begin(process, adas(process)),
    await begin(process, graces(process)),
  ];
  await redis.kill();
  await t.rejects(process.people.list(adasMail), { code: 'store_unavailable', status: 503 });
  await t.rejects(process.people.end('any'), { code: 'store_unavailable' });
  await t.rejects(process.people.endAll(adasMail), { code: 'store_unavailable' });
  await redis.restart();
  await until('Redis', () => process.problem() === undefined, 10_000);
  t.notOk(await isIn(process, adasHeader));
  t.ok(await isIn(process, gracesHeader));
  const other = await scene.join();
  await until('another instance to be told', async () => !(await isIn(other, adasHeader)), 10_000);
  t.ok(await isIn(other, gracesHeader));
});
