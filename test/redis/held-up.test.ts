import { connect, createServer } from 'node:net';
import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises';
import { type Test, test } from 'tap';
import { type Clock, systemClock } from '../../src/clock.ts';
import { createWoundClock } from '../support/clock.ts';
import { listenOnLoopback } from '../support/listening.ts';
import { observeInto } from '../support/observe.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { shareInRedis } from '../support/shared.ts';

const shortMs = 300;

async function redisOf(t: Test): Promise<TestRedis> {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  return redis;
}

async function arrange(t: Test, url: string, needs: { clock?: Clock; timeout?: number } = {}) {
  const { clock = systemClock, timeout = shortMs } = needs;
  const lines: { msg: string; reason?: string }[] = [];
  const { emit } = observeInto((line) => lines.push(JSON.parse(line)));
  const { place } = shareInRedis({ url, timeout, emit }, clock);
  t.teardown(() => place.close());
  // What it asks for at the start is not under way any more.
  await place.ready;
  t.equal(place.problem(), undefined);
  return { place, lines };
}

/** As a machine that is paused, or a container that gets no processor. */
function holdUp(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

test('a process that was held up does not take its own pause for an outage of Redis', async (t) => {
  const { place, lines } = await arrange(t, (await redisOf(t)).url);
  for (const factor of [1.5, 3, 6]) {
    // Timers come before answers when the process goes on from here.
    await nextTurn();
    const asked = Promise.resolve(place.sessions.get('id'));
    holdUp(factor * shortMs);
    t.equal(await asked, undefined, `held up for ${factor} times its limit`);
    t.equal(place.problem(), undefined);
  }
  t.same(
    lines.filter(({ msg }) => msg === 'Redis is not reachable'),
    [],
  );
});

test('an answer that is not there yet when the process goes on still has time', async (t) => {
  const clock = createWoundClock();
  const redis = await redisOf(t);
  const { place } = await arrange(t, redis.url, { clock, timeout: 10_000 });
  // An answer of a server far away is sent once more, after a while, when nobody took it in.
  redis.signal('SIGSTOP');
  const asked = Promise.resolve(place.sessions.get('id'));
  clock.wind(60_000);
  await wait(100);
  redis.signal('SIGCONT');
  t.equal(await asked, undefined);
  t.equal(place.problem(), undefined);
});

/** Keeps the first connection and says nothing on it. */
async function silentAtFirst(t: Test, port: number): Promise<string> {
  let connections = 0;
  const server = createServer((client) => {
    client.on('error', () => {});
    connections += 1;
    if (connections <= 2) return;
    const redis = connect(port, '127.0.0.1');
    redis.on('error', () => {});
    client.pipe(redis).pipe(client);
    client.on('close', () => redis.destroy());
  });
  const listening = await listenOnLoopback(server, 'redis');
  t.teardown(() => listening.close());
  return listening.url;
}

test('a connection on which nothing is ever answered is given up, and another one is made', async (t) => {
  // Which it waits for: there is a Redis behind each that comes later.
  const { port } = await redisOf(t);
  const { place, lines } = await arrange(t, await silentAtFirst(t, port));
  t.match(lines[0], { msg: 'Redis is not reachable', reason: `there was no reply in ${shortMs} ms` });
  t.equal(await place.sessions.get('id'), undefined);
});
