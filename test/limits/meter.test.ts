import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { test } from 'tap';
import { networkOf } from '../../src/client-network.ts';
import { createLimitReports } from '../../src/limits/limit-reports.ts';
import { createMeter } from '../../src/limits/meter.ts';
import { createWoundClock } from '../support/clock.ts';

/** A clock that stands still until it is set. */
const stopped = () => {
  let at = 1000;
  return {
    clock: { monotonic: () => at },
    set: (time: number) => (at = time),
    pass: (ms: number) => (at += ms),
  };
};

const takeAll = (meter: ReturnType<typeof createMeter>, key: string, tries: number) => {
  let taken = 0;
  for (let each = 0; each < tries; each++) {
    if (meter.waitOf(key) > 0) continue;
    meter.take(key);
    taken += 1;
  }
  return taken;
};

test('after a pause as many pass as the burst, and then as many as the rate says', (t) => {
  const { clock, pass } = stopped();
  const meter = createMeter({ requests: 10, perMs: 1000, burst: 25 }, clock);
  t.equal(takeAll(meter, 'a', 100), 25);
  t.equal(Math.round(meter.waitOf('a')), 100, 'one comes free each tenth of a second');
  pass(1000);
  t.equal(takeAll(meter, 'a', 100), 10);
  t.equal(takeAll(meter, 'b', 100), 25, 'others have their own');
  pass(3_600_000);
  t.equal(takeAll(meter, 'a', 100), 25, 'a pause gives the burst and no more');
  t.end();
});

test('whoever goes on asking while refused is let in as soon as anybody', (t) => {
  const { clock, pass } = stopped();
  const meter = createMeter({ requests: 1, perMs: 1000, burst: 1 }, clock);
  let taken = 0;
  for (let ms = 0; ms < 10_000; ms += 10) {
    taken += takeAll(meter, 'a', 5);
    pass(10);
  }
  t.equal(taken, 10);
  t.end();
});

test('any rate is kept to over a long time, whatever its fractions', (t) => {
  for (const [requests, perMs] of [
    [7, 1000],
    [3, 10],
    [600, 60_000],
    [1, 86_400_000],
    [1_000_000, 1000],
  ] as const) {
    const { clock, pass } = stopped();
    const meter = createMeter({ requests, perMs, burst: requests }, clock);
    const first = takeAll(meter, 'a', Math.min(requests + 5, 20_000));
    t.equal(first, Math.min(requests, 20_000), `${requests} in ${perMs} ms at once`);
    pass(perMs);
    t.ok(meter.waitOf('a') === 0, 'and again after the time');
  }
  t.end();
});

test('what others have counted raises a debt and never lowers it', (t) => {
  const { clock } = stopped();
  const meter = createMeter({ requests: 10, perMs: 1000, burst: 10 }, clock);
  meter.raise('a', 950);
  t.equal(takeAll(meter, 'a', 10), 0);
  meter.raise('a', 0);
  t.equal(takeAll(meter, 'a', 10), 0);
  meter.raise('b', Number.MAX_SAFE_INTEGER);
  t.ok(meter.waitOf('b') < 10_000, 'nobody owes for ever, whatever a store says');
  t.end();
});

// What was dropped takes room until it is collected, which may be late.
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

test('a flood of keys fills no memory', (t) => {
  const { clock } = stopped();
  const meter = createMeter({ requests: 1, perMs: 60_000, burst: 1 }, clock);
  const heap = () => {
    collectGarbage();
    return process.memoryUsage().heapUsed;
  };
  const before = heap();
  for (let each = 0; each < 1_000_000; each++) meter.take(`198.51.100.${each}`);
  t.ok(heap() - before < 60 * 1024 * 1024, 'of a million of them');
  t.equal(meter.waitOf('198.51.100.0'), 0, 'the oldest were forgotten');
  t.ok(meter.waitOf('198.51.100.999999') > 0);
  t.end();
});

test('one client is one address, and of IPv6 one /64', (t) => {
  const whole = networkOf('2001:db8:0:1::1');
  for (const address of ['2001:db8:0:1::2', '2001:db8:0:1:ffff:ffff:ffff:ffff', '2001:db8:0:1:a:0:0:1'])
    t.equal(networkOf(address), whole, address);
  for (const address of ['2001:db8:0:2::1', '2001:db8::1', '192.0.2.1']) t.not(networkOf(address), whole);
  t.not(networkOf('192.0.2.1'), networkOf('192.0.2.2'));
  t.end();
});

test('a flood of refusals is a few lines, which say how many they were', (t) => {
  const clock = createWoundClock();
  const lines: [string, string | undefined, number][] = [];
  const { refused } = createLimitReports((...line) => lines.push(line), clock);
  for (let each = 0; each < 1000; each++) refused('login', '192.0.2.1');
  t.same(lines, [['login', '192.0.2.1', 1]], 'the first is said at once');
  clock.wind(10_000);
  t.same(lines.slice(1), [['login', '192.0.2.1', 999]]);
  clock.wind(60_000);
  t.equal(lines.length, 2, 'nothing is said of nothing');
  for (let each = 0; each < 50_000; each++) refused('login', `client ${each}`);
  clock.wind(10_000);
  t.ok(lines.length < 250, `${lines.length} lines`);
  t.equal(
    lines.slice(2).reduce((sum, [, , count]) => sum + count, 0),
    50_000,
    'and none is forgotten',
  );
  t.end();
});
