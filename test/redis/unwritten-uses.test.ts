import { test } from 'tap';
import { createWoundClock } from '../support/clock.ts';
import { startRedisCut } from '../support/redis-cut.ts';
import { until } from '../support/until.ts';
import { arrangeNear, type Near } from './near-instances.ts';

/** Seconds: `idleTimeout` of the scene. */
const idle = 1200;

const stands = async (at: Near, header: string) => typeof (await at.session(header)) !== 'string';

test('a Redis that takes no writes for longer than the idle timeout ends nobody’s session who uses it', async (t) => {
  const scene = await arrangeNear(t);
  const clock = createWoundClock();
  const at = await scene.join({ clock });
  const other = await scene.join({ clock });
  const { header } = await scene.signIn(at);
  const unused = await scene.signIn(at);
  await at.knows(header);
  await scene.operator.config('SET', 'maxmemory', '1');
  for (let hours = 0; hours < 4; hours++) {
    clock.wind(1000_000);
    await until('an answer', async () => (await at.session(header)) !== 'unavailable');
    t.ok(await stands(at, header), 'it is in use');
  }
  t.notOk(await stands(at, unused.header), 'and who uses it not is idle all the same');
  const usedAt = clock.now();
  await scene.operator.config('SET', 'maxmemory', '0');
  await until('Redis', () => at.problem() === undefined);
  const before = at.asked('session-touch');
  await until('the writing', () => {
    clock.wind(1000);
    return at.asked('session-touch') > before;
  });
  clock.wind(usedAt + (idle - 1) * 1000 - clock.now());
  await until('it is known elsewhere', () => stands(other, header));
  t.pass();
});

test('uses over a bridge are written down when Redis is back, though nobody comes again', async (t) => {
  const scene = await arrangeNear(t);
  const cut = await startRedisCut(scene.redis.port);
  t.teardown(() => cut.close());
  const clock = createWoundClock();
  const first = await scene.join({ clock });
  const second = await scene.join({ url: cut.url, clock, session: { redis: { bridge: '20m' } } });
  const { header } = await scene.signIn(first);
  await second.knows(header);
  await cut.cut();
  await until('the outage', () => second.problem() !== undefined);
  clock.wind(900_000);
  t.ok(await stands(second, header), 'it goes on');
  const usedAt = clock.now();
  await cut.heal();
  await until('Redis', () => second.problem() === undefined);
  const before = second.asked('session-touch');
  await until('the writing', () => {
    clock.wind(1000);
    return second.asked('session-touch') > before;
  });
  clock.wind(usedAt + (idle - 1) * 1000 - clock.now());
  await until('it is known elsewhere', () => stands(first, header));
  t.pass();
});

test('a reload during an outage forgets no use', async (t) => {
  const scene = await arrangeNear(t);
  const clock = createWoundClock();
  const at = await scene.join({ clock });
  const { header } = await scene.signIn(at);
  await at.knows(header);
  await scene.operator.config('SET', 'maxmemory', '1');
  clock.wind(1000_000);
  await until('an answer', async () => (await at.session(header)) !== 'unavailable');
  const reloaded = await at.reload();
  clock.wind(1000_000);
  await until('an answer', async () => (await reloaded.session(header)) !== 'unavailable');
  t.ok(await stands(reloaded, header));
});
