import { Redis } from 'ioredis';
import { type Test, test } from 'tap';
import { createWoundClock } from '../support/clock.ts';
import { startRedis } from '../support/redis.ts';
import { startRedisCut } from '../support/redis-cut.ts';
import { shareInRedis } from '../support/shared.ts';
import { until } from '../support/until.ts';

/** What must not be begun twice: no lease ends it, however slow the machine is. */
const sending = { lost: 'lost', forMs: 3_600_000, heldBy: 'process' } as const;

/** A process whose way to Redis can be cut, and one that stays. */
async function arrange(t: Test) {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  const cut = await startRedisCut(redis.port);
  t.teardown(() => cut.close());
  const clock = createWoundClock();
  const join = async (url: string) => {
    const { place } = shareInRedis({ url }, clock);
    t.teardown(() => place.close());
    await until('the connection', () => place.problem() === undefined);
    return place;
  };
  const operator = new Redis({ port: redis.port, host: '127.0.0.1' });
  t.teardown(() => operator.disconnect());
  const first = await join(cut.url);
  const second = await join(redis.url);
  const isBack = () =>
    until('Redis', () => {
      // It is looked for again after a pause.
      clock.wind(250);
      return first.problem() === undefined;
    });
  return { cut, operator, first: first.turns, second: second.turns, clock, isBack };
}

test('a turn that was to be taken when Redis went away is given back', async (t) => {
  const { cut, operator, first, second, clock, isBack } = await arrange(t);
  cut.deafen();
  const taking = t.rejects(first.take('a', sending), { code: 'store_unavailable' });
  await until('the turn in Redis', async () => (await operator.keys('*:lock')).length === 1);
  await cut.cut();
  await taking;
  t.not((await second.take('a', sending)).kind, 'yours', 'Redis has it as begun');
  await cut.heal();
  await isBack();
  clock.wind(5000);
  await until('the turn', async () => (await second.take('a', sending)).kind === 'yours');
});

test('but not when it is wanted again meanwhile', async (t) => {
  const { cut, operator, first, second, isBack } = await arrange(t);
  // They are mended one after another, so that the last one has its turn a good while behind the first.
  const keys = Array.from({ length: 400 }, (_, number) => `turn ${number}`);
  const [wanted, last] = [keys.at(-20) as string, keys.at(-1) as string];
  cut.deafen();
  const taking = Promise.allSettled(keys.map((key) => first.take(key)));
  await until('the turns in Redis', async () => (await operator.keys('*:lock')).length === keys.length);
  await cut.cut();
  t.ok((await taking).every(({ status }) => status === 'rejected'));
  await cut.heal();
  await isBack();
  const taken = await first.take(wanted);
  if (taken.kind !== 'yours') throw new Error(`it is ${taken.kind}`);
  await until('all behind it', async () => {
    // Who holds a turn says so, or its lease ends.
    await first.renew(wanted, taken.holder);
    return (await second.take(last)).kind === 'yours';
  });
  t.equal((await second.take(wanted)).kind, 'taken', 'it was not given back under its holder');
});
