import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { build, installDependencies } from '../scripts/prepare.mjs';
import { ensurePrograms } from './programs.mjs';

/**
 * `npm run stores`: what a request with a session in Redis costs beside one in a cookie, whether a long way to Redis
 * shows, and how soon a sign-out at one instance is known at another. Fails when one of them is over its limit.
 */
const { values } = parseArgs({
  options: {
    pairs: { type: 'string', default: '8' },
    /** Milliseconds to Redis and back. */
    way: { type: 'string', default: '50' },
    signOuts: { type: 'string', default: '40' },
    /** Cores that others may take while a window is measured. */
    noise: { type: 'string', default: '0.03' },
    slowness: { type: 'string', default: '2' },
  },
});

ensurePrograms();
installDependencies();
build(['src', 'test']);
// Loaded late: they need installed packages and compiled code.
const { leaveProxyCore } = await import('./machine.mjs');
const { measureWindow, warm } = await import('./measure/window.mjs');
const { watchForQuiet } = await import('./measure/quiet.mjs');
const { startParties } = await import('./parties.mjs');
const { meanRatio, median } = await import('./statistics.mjs');
const { cookieStore, redisStore } = await import('./subjects/sallyport.mjs');
const { measureSignOuts } = await import('./measure/sign-out-times.mjs');
const { startRedisDelay } = await import('../dist/test/support/redis-delay.js');

/** The most that is promised. */
const mostRatio = 1.3;
const mostSignOutMs = 100;

leaveProxyCore();
const parties = await startParties();
const quiet = await watchForQuiet({ cores: Number(values.noise), slowness: Number(values.slowness) });
const delay = await startRedisDelay(parties.redis.port, Number(values.way));
const verdicts = [];
const verdict = (isKept, line) =>
  verdicts.push(isKept) && console.log(`${isKept ? 'kept' : 'MISSED'}: ${line}`);

const far = { ...redisStore, start: (all, how) => redisStore.start({ ...all, redis: delay }, how) };
const targets = [];
for (const subject of [cookieStore, redisStore, far]) targets.push(await subject.start(parties));
for (const target of targets) await warm(target);

const scenario = { path: '/1k', connections: 64, seconds: 2 };
const steady = { path: '/1k', connections: 16, seconds: 3, rate: 500 };
const costs = [];
const latencies = [];
for (let pair = 0; pair < Number(values.pairs); pair++) {
  const order = pair % 2 === 0 ? [0, 1] : [1, 0];
  const cost = [];
  for (const at of order) cost[at] = (await measureWindow(targets[at], scenario, quiet)).cpuUs;
  console.log(`pair ${pair + 1}: cookie ${cost[0].toFixed(1)} µs, Redis ${cost[1].toFixed(1)} µs`);
  costs.push(cost[1] / cost[0]);
}
for (let round = 0; round < 3; round++) {
  const times = [];
  for (const target of [targets[0], targets[2]]) times.push((await measureWindow(target, steady, quiet)).p50);
  console.log(`p50: cookie ${times[0].toFixed(2)} ms, Redis ${values.way} ms away ${times[1].toFixed(2)} ms`);
  latencies.push(times[1] - times[0]);
}
await Promise.all(targets.map((target) => target.stop()));

const { mean, from, to } = meanRatio(costs);
const interval = `${from.toFixed(2)} to ${to.toFixed(2)}`;
verdict(
  mean <= mostRatio,
  `CPU of a request, Redis over cookie: ${mean.toFixed(2)} (95 %: ${interval}), at most ${mostRatio}`,
);
const later = median(latencies);
verdict(
  later < Number(values.way) / 10,
  `p50 with Redis ${values.way} ms away: ${later.toFixed(2)} ms more than with cookies`,
);

const times = await measureSignOuts(parties, Number(values.signOuts));
const slowest = Math.max(...times);
const middle = median(times);
verdict(
  slowest <= mostSignOutMs,
  `a sign-out at one instance is refused at the other after ${middle.toFixed(1)} ms (median), ${slowest.toFixed(1)} ms (slowest of ${times.length}), at most ${mostSignOutMs}`,
);
console.log(`in ${Math.round(performance.now() / 1000)} s`);
await delay.close();
await parties.stop();
process.exit(verdicts.every(Boolean) ? 0 : 1);
