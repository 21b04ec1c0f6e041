import { test } from 'tap';
import { createWoundClock } from '../support/clock.ts';
import { startRedisCut } from '../support/redis-cut.ts';
import { until } from '../support/until.ts';
import { arrangeNear, type Near } from './near-instances.ts';

/** `idleTimeout` of the scene, and the step by which what is written may lag. */
const idle = 1200;
const step = 60;

/** Whether a session is good, as soon as that can be told. */
async function stands(at: Near, header: string): Promise<boolean> {
  const seen = await until('an answer', async () => {
    const session = await at.session(header);
    return session !== 'unavailable' && { session };
  });
  return typeof seen.session !== 'string';
}

test('that a session is used is written once for many requests, and beside them', async (t) => {
  const scene = await arrangeNear(t);
  const at = await scene.join();
  const { header } = await scene.signIn(at);
  at.clock.wind(40_000);
  await at.knows(header);
  for (let request = 0; request < 100; request++) t.not(at.atOnce(header), undefined, 'it waits for nothing');
  await until('the writing', () => at.asked('session-touch') > 0);
  for (let request = 0; request < 100; request++) await at.session(header);
  t.equal(at.asked('session-touch'), 1);
});

test('after a pause the use is written before the answer, once for all that come together', async (t) => {
  const scene = await arrangeNear(t);
  const [at, other] = [await scene.join(), await scene.join()];
  const { header, session } = await scene.signIn(at);
  for (const { clock } of [at, other]) clock.wind(600_000);
  await Promise.all(Array.from({ length: 30 }, () => at.session(header)));
  t.equal(at.asked('session-touch'), 1);
  const seen = await other.session(header);
  t.ok(typeof seen !== 'string' && seen.seenAt >= session.seenAt + 600);
});

/** Seconds between requests: short and long pauses, and those around the step and half of it. */
const habits = [[20, 20, 20], [29, 30], [59], [60], [61], [31, 28], [300, 59], [5, 5, 50], [1000, 45]];

for (const pauses of habits) {
  test(`an instance that is killed after pauses of ${pauses.join(', ')} s ends nobody's session too soon`, async (t) => {
    const scene = await arrangeNear(t);
    const cut = await startRedisCut(scene.redis.port);
    t.teardown(() => cut.close());
    const clock = createWoundClock();
    const first = await scene.join({ url: cut.url, clock });
    const second = await scene.join({ clock });
    const { header } = await scene.signIn(first);
    for (const pause of pauses) {
      clock.wind(pause * 1000);
      await until('an answer', async () => (await first.session(header)) !== 'unavailable');
    }
    const usedAt = clock.now();
    // Whatever it has noted is lost from here on.
    await cut.cut();
    clock.wind(usedAt + (idle - 1) * 1000 - clock.now());
    t.equal(await stands(second, header), true, 'used within the timeout');
  });
}

test('a session that nobody uses ends a step after its timeout at the latest', async (t) => {
  const scene = await arrangeNear(t);
  const clock = createWoundClock();
  const at = await scene.join({ clock });
  const { header } = await scene.signIn(at);
  clock.wind(45_000);
  await at.knows(header);
  const usedAt = clock.now();
  await until('the writing', () => at.asked('session-touch') > 0);
  clock.wind(usedAt + (idle + step + 2) * 1000 - clock.now());
  t.equal(await stands(at, header), false);
});

test('a use that is written late brings no session back, and no tokens of before', async (t) => {
  const scene = await arrangeNear(t);
  const [first, second] = [await scene.join(), await scene.join()];
  const { header, place } = await scene.signIn(first);
  first.clock.wind(40_000);
  await first.knows(header);
  const key = `sallyport:session:${place}`;
  await scene.operator.set(key, 'what another one wrote');
  await until('the writing', () => first.asked('session-touch') > 0);
  t.equal(await scene.operator.get(key), 'what another one wrote');
  const gone = await scene.signIn(first);
  first.clock.wind(40_000);
  await first.knows(gone.header);
  await scene.operator.del(`sallyport:session:${gone.place}`);
  await until('the writing', () => first.asked('session-touch') > 1);
  t.equal(await second.session(gone.header), 'ended');
});

test('what is noted is written when the instance ends in order', async (t) => {
  const scene = await arrangeNear(t);
  const [at, other] = [await scene.join(), await scene.join()];
  const { header, session } = await scene.signIn(at);
  at.clock.wind(40_000);
  await at.knows(header);
  await at.finish(5000);
  const seen = await other.session(header);
  t.ok(typeof seen !== 'string' && seen.seenAt >= session.seenAt + 40);
});
