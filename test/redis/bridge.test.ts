import { type Test, test } from 'tap';
import { startRedisCut } from '../support/redis-cut.ts';
import { until } from '../support/until.ts';
import { arrangeNear } from './near-instances.ts';

const parse = (header: string) => {
  const at = header.indexOf('=');
  return [{ name: header.slice(0, at), value: header.slice(at + 1) }];
};

/** Two instances, of which one is cut off, and somebody whose session that one knows. */
async function arrangeCut(t: Test, bridge?: string) {
  const scene = await arrangeNear(t);
  const cut = await startRedisCut(scene.redis.port);
  t.teardown(() => cut.close());
  const first = await scene.join();
  const session = bridge === undefined ? {} : { redis: { bridge } };
  const second = await scene.join({ url: cut.url, session });
  const known = await scene.signIn(first);
  const unknown = await scene.signIn(first);
  await second.knows(known.header);
  return { scene, cut, first, second, known, unknown };
}

test('unless said otherwise, nothing goes on without Redis, be it known', async (t) => {
  const { cut, second, known } = await arrangeCut(t);
  await cut.cut();
  await until('the outage', () => second.problem() !== undefined);
  t.equal(await second.session(known.header), 'unavailable');
  await cut.heal();
  await until('Redis', async () => typeof (await second.session(known.header)) !== 'string');
});

for (const way of ['cut', 'hush'] as const) {
  test(`with a bridge what is known goes on for that long, and nothing else (${way})`, async (t) => {
    const { cut, second, known, unknown } = await arrangeCut(t, '60s');
    await cut[way]();
    await until('the outage', async () => {
      t.not(await second.session(known.header), 'unavailable');
      return second.problem() !== undefined;
    });
    t.not(typeof (await second.session(known.header)), 'string');
    t.equal(await second.session(unknown.header), 'unavailable');
    second.clock.wind(30_000);
    t.not(typeof (await second.session(known.header)), 'string', 'be it old');
    second.clock.wind(31_000);
    t.equal(await second.session(known.header), 'unavailable', 'and no longer');
  });
}

test('over the bridge a sign-out counts at once where it is made, and elsewhere when Redis is back', async (t) => {
  const { cut, first, second, known, unknown } = await arrangeCut(t, '60s');
  await second.knows(unknown.header);
  await cut.cut();
  await until('the outage', () => second.problem() !== undefined);
  await first.sessions.end(parse(known.header));
  t.not(typeof (await second.session(known.header)), 'string', 'nobody could tell');
  await second.sessions.end(parse(unknown.header)).catch(() => {});
  t.type(await second.session(unknown.header), 'string', 'it is not used any more');
  await cut.heal();
  await until('the sign-out', async () => (await second.session(known.header)) === 'ended');
  await until('the other one', async () => (await first.session(unknown.header)) === 'ended');
});

test('what was ended while the channel was away is not bridged afterwards', async (t) => {
  const { scene, cut, second, known, unknown } = await arrangeCut(t, '60s');
  await cut.cut();
  await until('the outage', () => second.problem() !== undefined);
  await scene.operator.del(`sallyport:session:${known.place}`);
  await cut.heal();
  await until('Redis', () => second.problem() === undefined);
  await second.knows(unknown.header);
  t.not(typeof second.atOnce(known.header), 'object', 'it is not used from before');
  t.equal(await second.session(known.header), 'ended');
  await cut.cut();
  await until('the outage', () => second.problem() !== undefined);
  t.equal(await second.session(known.header), 'unavailable');
});

test('what was ended while the channel was away is not bridged later, be it that nobody asked for it', async (t) => {
  const { scene, cut, second, known, unknown } = await arrangeCut(t, '10m');
  await second.knows(unknown.header);
  await cut.cut();
  await until('the outage', () => second.problem() !== undefined);
  // Such as by a refresh that the provider refused: of that nothing tells but the row.
  await scene.operator.del(`sallyport:session:${known.place}`);
  await cut.heal();
  await until('Redis', () => second.problem() === undefined);
  await second.knows(unknown.header);
  await cut.cut();
  await until('the outage', () => second.problem() !== undefined);
  t.equal(await second.session(known.header), 'unavailable', 'it was known by a channel of before');
  t.not(typeof (await second.session(unknown.header)), 'string', 'what is known since goes on');
});

test('a session whose use cannot be written down goes on over the bridge', async (t) => {
  const { cut, second, known } = await arrangeCut(t, '10m');
  await cut.cut();
  await until('the outage', () => second.problem() !== undefined);
  second.clock.wind(300_000);
  for (let request = 0; request < 3; request++) t.not(typeof (await second.session(known.header)), 'string');
  await cut.heal();
  await until('Redis', () => second.problem() === undefined);
  await until('the use is written', async () => {
    const session = await second.session(known.header);
    return typeof session !== 'string' && session.seenAt > known.session.seenAt;
  });
});
