import { once } from 'node:events';
import fc from 'fast-check';
import { test } from 'tap';
import { WebSocket } from 'ws';
import { createRetryBudget } from '../../src/forward/balance/retry-budget.ts';
import { arrangeGateway, arrangePublic, arrangeUpstream } from '../support/arrange.ts';
import { createWoundClock } from '../support/clock.ts';
import { openRaw } from '../support/raw.ts';
import { startTarget } from '../support/target-process.ts';
import { until } from '../support/until.ts';
import { arrangeTwo } from './two-targets.ts';

/** So that a target that fails keeps its turn. */
const eject = { failures: 1000 };

test('a status that is listed sends an idempotent request to another target, and no other', async (t) => {
  const retry = { on: ['connect', 'closed', 503] };
  const { first, second, ask } = await arrangeTwo(t, { eject, retry });
  await first.be('503');
  t.same(await ask(6), Array(6).fill(second.name));
  t.ok((await first.seen()).seen >= 3, 'it was asked first');
  t.same((await ask(4, 'POST')).sort(), [503, 503, second.name, second.name]);
  await second.be('503');
  t.same(await ask(2), [503, 503], 'the last answer goes on');
  await first.be('500');
  t.ok((await ask(4)).includes(500), 'another status is an answer like any');
});

test('a request that is late goes to another target, where that is wanted', async (t) => {
  const route = { timeout: { response: '500ms' } };
  const { first, second, ask } = await arrangeTwo(t, { eject, retry: { on: ['timeout'] } }, route);
  first.freeze();
  t.same(await ask(4), Array(4).fill(second.name));
  t.ok((await ask(2, 'POST')).includes(504));
});

test('a request is sent as often as `attempts` says', async (t) => {
  for (const attempts of [0, 1, 3]) {
    const upstream = await arrangeUpstream(t, (request) => request.socket.destroy());
    const { gateway, client } = await arrangePublic(
      t,
      { url: '' },
      { upstream: { targets: [upstream.url], retry: { attempts } } },
    );
    t.equal((await client.get(`${gateway.url}/x`)).status, 502);
    t.equal(upstream.requests.length, 1 + attempts);
    t.equal((await client.request(`${gateway.url}/x`, { method: 'PUT', body: 'x' })).status, 502);
    t.equal(upstream.requests.length, 2 + attempts, 'what has a body is sent once');
  }
});

test('an answer that has begun is never asked for again', async (t) => {
  let cut = () => {};
  const upstream = await arrangeUpstream(t, (_request, response) => {
    response.write('half');
    cut = () => response.destroy();
  });
  const retry = { attempts: 5, on: ['connect', 'closed', 'timeout', '5xx'] };
  const targets = [upstream.url, upstream.url.replace('127.0.0.1', 'localhost')];
  const { gateway } = await arrangePublic(t, { url: '' }, { upstream: { targets, retry } });
  const connection = await openRaw(gateway.url);
  connection.write(`GET /x HTTP/1.1\r\nHost: ${new URL(gateway.url).host}\r\n\r\n`);
  await connection.until('half');
  cut();
  await connection.closed();
  t.equal(upstream.requests.length, 1);
});

test('retries for statuses stay below a fifth of the requests', async (t) => {
  const upstream = await arrangeUpstream(t, (_request, response) => {
    response.statusCode = 503;
    response.end();
  });
  const clock = createWoundClock();
  const routes = [
    {
      path: '/',
      allow: 'public',
      upstream: { targets: [upstream.url], retry: { attempts: 5, on: ['503'] } },
    },
  ];
  const { gateway, client } = await arrangeGateway(t, { config: { routes }, clock });
  for (let each = 0; each < 100; each++) t.equal((await client.get(`${gateway.url}/x`)).status, 503);
  const retries = upstream.requests.length - 100;
  t.ok(retries >= 10 && retries <= 30, `${retries} retries of 100 requests`);
});

test('the budget holds in any ten seconds, and comes back', async () => {
  const step = fc.record({ passed: fc.integer({ min: 0, max: 4000 }), requests: fc.nat(20) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
      let now = 0;
      const budget = createRetryBudget({ monotonic: () => now });
      const log: { at: number; requests: number; retries: number }[] = [];
      return steps.every(({ passed, requests }) => {
        now += passed;
        for (let each = 0; each < requests; each++) budget.count();
        let retries = 0;
        while (budget.take()) retries++;
        log.push({ at: now, requests, retries });
        const recent = log.filter(({ at }) => Math.floor(at / 1000) > Math.floor(now / 1000) - 10);
        const sum = (of: 'requests' | 'retries') => recent.reduce((all, each) => all + each[of], 0);
        const idle = Math.floor(now / 1000) - Math.floor((log.at(-2)?.at ?? -1e6) / 1000) >= 10;
        // Those that were granted earlier may have been for requests that are further back than these.
        const isWithin = retries === 0 || sum('retries') <= Math.ceil(10 + 0.2 * sum('requests'));
        return isWithin && (!idle || retries >= 10);
      });
    }),
  );
});

test('a request waits for a target that restarts, with its body, and so does a WebSocket', async (t) => {
  const target = await startTarget(t, 'only');
  const clock = createWoundClock();
  const upstream = { targets: [target.url], retry: { for: '60s' } };
  const routes = [{ path: '/', allow: 'public', upstream }];
  const { gateway, client } = await arrangeGateway(t, { config: { routes }, clock });
  t.equal((await client.get(`${gateway.url}/x`)).text, 'only');
  await target.kill();
  const waiting = [
    client.get(`${gateway.url}/x`),
    client.request(`${gateway.url}/x`, { method: 'POST', body: 'kept' }),
  ];
  const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/socket`);
  const left = await openRaw(gateway.url);
  left.write(`GET /left HTTP/1.1\r\nHost: ${new URL(gateway.url).host}\r\n\r\n`);
  const opened = once(socket, 'upgrade');
  socket.on('error', () => {});
  for (let tries = 0; tries < 5; tries++) {
    clock.wind(1000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  left.destroy();
  await gateway.log.line(({ status }) => status === 499);
  await target.restart();
  for (const answer of await Promise.all(waiting)) t.same([answer.status, answer.text], [200, 'only']);
  await opened;
  socket.terminate();
  t.equal((await target.seen()).seen, 2, 'who has left asks no more');
});

test('what waits for too long fails, and without `for` at once', async (t) => {
  const { gateway, client, clock, first, second, ask } = await arrangeTwo(t, { retry: { for: '20s' } });
  await first.kill();
  await second.kill();
  let isOver = false;
  const waiting = ask(1, 'POST').finally(() => {
    isOver = true;
  });
  for (let passed = 0; passed < 18; passed++) {
    clock.wind(1000);
    await client.get(`${gateway.url}/oauth2/nothing`);
    t.notOk(isOver, `after ${passed} s`);
  }
  await until('the end of the wait', () => {
    clock.wind(1000);
    return isOver;
  });
  t.same(await waiting, [502]);

  const without = await arrangeTwo(t);
  await without.first.kill();
  await without.second.kill();
  t.same(await without.ask(1, 'POST'), [502]);
});
