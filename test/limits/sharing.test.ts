import { type Test, test } from 'tap';
import { systemClock, waitFor } from '../../src/clock.ts';
import { GatewayError } from '../../src/errors.ts';
import { createHoldings } from '../../src/holdings.ts';
import { openRateLimits } from '../../src/limits/rate-limits.ts';
import { compileRules } from '../../src/limits/rules.ts';
import { createMemoryCounts } from '../../src/session/shared/counts.ts';
import type { CountDesk } from '../../src/session/shared/shared.ts';
import { arrangeUpstream } from '../support/arrange.ts';
import { createClient } from '../support/client.ts';
import { createWoundClock } from '../support/clock.ts';
import { startRedis } from '../support/redis.ts';
import { shareInRedis } from '../support/shared.ts';
import { spawnGateway } from '../support/spawned-gateway.ts';
import { until } from '../support/until.ts';

const match = { path: undefined, endpoint: undefined };
const rule = { match, by: 'client', burst: undefined, shared: true } as const;

/** One process of several, with one rule: says whether a request passes. */
function startProcess(
  t: Test,
  requests: number,
  per: number,
  counts: CountDesk | undefined,
  clock = systemClock,
) {
  const lease = createHoldings().lease();
  t.teardown(() => lease.release());
  const rules = compileRules([{ ...rule, requests, per }]).filter(({ endpoint }) => endpoint === undefined);
  const refusals = { refused: () => {} };
  const limits = openRateLimits(rules, { keep: lease.keep, clock, refusals, counts, isTrusted: () => false });
  return (address = '192.0.2.1'): boolean => {
    try {
      limits.arrived({ address, path: '/', endpoint: undefined, headers: {} });
      return true;
    } catch (error) {
      if (error instanceof GatewayError && error.code === 'rate_limited') return false;
      throw error;
    }
  };
}

test('processes that share keep to one rate together', async (t) => {
  const clock = createWoundClock();
  const counts = createMemoryCounts(clock);
  const processes = Array.from({ length: 4 }, () => startProcess(t, 100, 1000, counts, clock));
  let passed = 0;
  // A minute in which each gets far more than it may have.
  for (let each = 0; each < 6000; each++) {
    clock.wind(10);
    // Their messages arrive.
    if (each % 10 === 0) await new Promise(setImmediate);
    for (const passes of processes) for (let tries = 0; tries < 3; tries++) if (passes()) passed += 1;
  }
  t.ok(passed < 60 * 100 + 4 * 100 + 400, `${passed} in a minute of 100 a second`);
  t.ok(passed > 60 * 90, 'and nobody is kept from their own');
});

test('instances that share a Redis count together, and an outage of it refuses nobody', {
  timeout: 60_000,
}, async (t) => {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  const places = [1, 2].map(() => shareInRedis({ url: redis.url, timeout: 500 }, systemClock).place);
  t.teardown(() => Promise.all(places.map((place) => place.close())));
  await Promise.all(places.map(({ ready }) => ready));
  const [one, other] = places.map(({ counts }) => startProcess(t, 10, 3_600_000, counts)) as [
    () => boolean,
    () => boolean,
  ];
  t.same(Array.from({ length: 12 }, one), [...Array(10).fill(true), false, false]);
  let leaked = 0;
  await until('the other to hear of it', async () => {
    if (other()) leaked += 1;
    else return leaked < 10;
    await waitFor(systemClock, 120);
    return false;
  });
  t.ok(leaked <= 2, `${leaked} passed before the first word`);
  const dumped = (await redis.dump()).filter(({ key }) => key.includes('limit:'));
  t.equal(dumped.length, 1);
  t.ok((dumped[0]?.ttl ?? -1) > 0, 'it has an end');
  t.notMatch(dumped[0]?.key, /192/);

  await redis.kill();
  await until('the outage to be seen', () => places[0]?.problem() !== undefined);
  const third = startProcess(t, 10, 3_600_000, places[0]?.counts);
  const before = performance.now();
  t.same(
    Array.from({ length: 12 }, third),
    [...Array(10).fill(true), false, false],
    'each counts for itself',
  );
  t.ok(performance.now() - before < 100, 'and nobody waits');
});

test('workers count together in their primary process', { timeout: 60_000 }, async (t) => {
  const upstream = await arrangeUpstream(t, (_request, response) => response.end('x'));
  const gateway = await spawnGateway({
    awaitProvider: false,
    config: {
      workers: 2,
      routes: [{ path: '/', upstream: upstream.url, allow: 'public' }],
      rateLimit: [{ requests: 20, per: '1h' }],
    },
  });
  t.teardown(() => gateway.stop());
  let passed = 0;
  const ask = async () => {
    // A connection each, so that they go to the workers in turn.
    const client = createClient();
    const { status } = await client.get(`${gateway.url}/`, { connection: 'close' });
    client.close();
    if (status === 200) passed += 1;
    return status;
  };
  for (let each = 0; each < 14; each++) await ask();
  await until('both workers to refuse', async () => {
    const statuses = await Promise.all(Array.from({ length: 4 }, ask));
    await waitFor(systemClock, 120);
    return statuses.every((status) => status === 429);
  });
  const later = await Promise.all(Array.from({ length: 20 }, ask));
  t.same([...new Set(later)], [429]);
  t.ok(passed < 30, `${passed} passed; each alone would let 20 pass`);
});
