import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import fc from 'fast-check';
import { test } from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import { balanceKinds } from '../../src/forward/balance/kinds.ts';
import type { Member } from '../../src/forward/balance/member.ts';
import { openStanding } from '../../src/forward/balance/standing.ts';
import { balance } from '../../src/forward/balance.ts';
import { arrangePublic, arrangeUpstream, type Teardown } from '../support/arrange.ts';
import { until } from '../support/until.ts';

/** Members as a kind of balance looks at them: nothing is sent. */
const membersOf = (weights: readonly number[], inFlight: readonly number[] = []): Member[] =>
  weights.map((weight, at) => ({
    weight,
    target: { inFlight: inFlight[at] ?? 0 } as Member['target'],
    standing: openStanding(),
    health: undefined,
  }));

const weights = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 6 });

test('round robin gives each target its weight, and spreads it', async () => {
  fc.assert(
    fc.property(weights, fc.integer({ min: 1, max: 3 }), (given, rounds) => {
      const members = membersOf(given);
      const choose = balanceKinds['round-robin'](members, Math.random);
      const sum = given.reduce((one, other) => one + other, 0);
      const chosen = Array.from({ length: sum * rounds }, () =>
        members.indexOf(choose(() => true) as Member),
      );
      return given.every((weight, at) => {
        const places = chosen.flatMap((each, place) => (each === at ? [place] : []));
        // Never further behind its share than one turn of each of the others.
        const isSpread = places.every(
          (place, nth) => Math.abs(place - ((nth + 0.5) * sum) / weight) <= given.length * (sum / weight),
        );
        return places.length === weight * rounds && isSpread;
      });
    }),
  );
});

test('a target that is alone is down, too, while its checks say so', async (t) => {
  const [member] = membersOf([1]) as [Member];
  const health = { isHealthy: true, provenAt: 0 };
  const eject = { failures: 3, statuses: [], for: 10_000, max: 0.5 };
  const ignored = () => {};
  const needs = {
    clock: { monotonic: () => 0 },
    random: Math.random,
    onOut: ignored,
    onBack: ignored,
    onOdd: ignored,
  };
  const targets = balance([{ ...member, health }], { balance: 'round-robin', eject }, needs);
  const isUp = () => targets.standing().map((each) => each.isUp);
  t.same(isUp(), [true]);
  health.isHealthy = false;
  t.same(isUp(), [false]);
  t.equal(targets.pick([]).health, health, 'it is asked all the same: there is no other');
});

test('whatever the kind, only those that fit are chosen, and one is as long as one fits', async () => {
  const kind = fc.constantFrom(...(Object.keys(balanceKinds) as (keyof typeof balanceKinds)[]));
  const fits = fc.array(fc.boolean(), { minLength: 6, maxLength: 6 });
  const busy = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 6, maxLength: 6 });
  const draws = fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 1 });
  fc.assert(
    fc.property(kind, weights, fits, busy, draws, (name, given, fit, inFlight, drawn) => {
      const members = membersOf(given, inFlight);
      let at = 0;
      const choose = balanceKinds[name](members, () => drawn[at++ % drawn.length] as number);
      const isFit = (member: Member) => fit[members.indexOf(member)] === true;
      return Array.from({ length: 5 }, () => choose(isFit)).every((chosen) =>
        members.some(isFit) ? chosen !== undefined && isFit(chosen) : chosen === undefined,
      );
    }),
  );
});

test('least connections takes the one with the fewest by its weight, random two never the busiest', async () => {
  fc.assert(
    fc.property(weights, fc.array(fc.integer({ min: 0, max: 99 }), { minLength: 6 }), (given, inFlight) => {
      const members = membersOf(given, inFlight);
      const load = ({ weight, target }: Member) => target.inFlight / weight;
      const loads = members.map(load).sort((one, other) => one - other);
      const least = balanceKinds['least-connections'](members, Math.random)(() => true);
      const two = balanceKinds['random-two'](members, Math.random)(() => true);
      const busiest = loads.at(-1) as number;
      const isBusiest = two && load(two) === busiest && loads.filter((each) => each === busiest).length === 1;
      return least && load(least) === loads[0] && (members.length === 1 || !isBusiest);
    }),
  );
});

/** A gateway before two targets that hold `/slow` until they are let go, and count everything else. */
async function arrangeHolding(t: Teardown, balance: string) {
  const held: ServerResponse[] = [];
  const start = async () => {
    const upstream = await arrangeUpstream(t, (request, response) => {
      if (request.url === '/slow') held.push(response);
      else response.end('ok');
    });
    new WebSocketServer({ server: upstream.server });
    return upstream;
  };
  const [first, second] = [await start(), await start()];
  const targets = [first.url, second.url];
  const scene = await arrangePublic(t, { url: '' }, { upstream: { targets, balance } });
  const count = async (requests: number) => {
    const before = [first.requests.length, second.requests.length] as const;
    for (let each = 0; each < requests; each++) await scene.client.get(`${scene.gateway.url}/x`);
    return [first.requests.length - before[0], second.requests.length - before[1]].sort((a, b) => a - b);
  };
  return { ...scene, held, count };
}

test('requests and WebSockets that are open count for their target, and no longer', async (t) => {
  for (const balance of ['least-connections', 'random-two']) {
    const { gateway, client, held, count } = await arrangeHolding(t, balance);
    const slow = client.get(`${gateway.url}/slow`);
    await until('a request that is held', () => held[0]);
    t.same(await count(6), [0, 6], `${balance}: all others go to the other one`);
    held[0]?.end('done');
    t.equal((await slow).status, 200);
    const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/socket`);
    await once(socket, 'open');
    t.same(await count(6), [0, 6], `${balance}: a WebSocket counts as long as it is open`);
    socket.terminate();
    await until('requests to both again', async () => ((await count(6))[0] ?? 0) > 0);
  }
});

test('a target takes its share by its weight, and none with a weight of 0', async (t) => {
  const [light, heavy, none] = [await arrangeUpstream(t), await arrangeUpstream(t), await arrangeUpstream(t)];
  const targets = [{ url: light.url }, { url: heavy.url, weight: 3 }, { url: none.url, weight: 0 }];
  const { gateway, client } = await arrangePublic(t, { url: '' }, { upstream: { targets } });
  for (let turn = 0; turn < 12; turn++) t.equal((await client.get(`${gateway.url}/x`)).status, 200);
  t.same(
    [light, heavy, none].map(({ requests }) => requests.length),
    [3, 9, 0],
  );
  await light.close();
  await heavy.close();
  t.equal((await client.get(`${gateway.url}/x`)).status, 502, 'not even when nobody else is there');
  t.equal(none.requests.length, 0);
});
