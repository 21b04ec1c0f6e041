import { setTimeout as wait } from 'node:timers/promises';
import { test } from 'tap';
import { systemClock } from '../../src/clock.ts';
import {
  createHangWatch,
  type HangTimings,
  type Probe,
  standardTimings,
} from '../../src/identity/provider/hang-watch.ts';
import type { Teardown } from '../support/arrange.ts';
import { until } from '../support/until.ts';
import { arrangePeople, type Misbehave } from './people.ts';

const names = ['ada', 'grace', 'zoe'];
/** A second, and what a machine that has other things to do takes for its part. */
const soonMs = 8000;

test('people are served again soon after a token endpoint that hung is back', {
  timeout: 60_000,
}, async (t) => {
  const people = await arrangePeople(t, { config: { provider: { timeout: '2s' } } });
  const { gateway, sent } = people;
  let probes = 0;
  const hang: Misbehave = async (hit) => {
    if ((await hit.body()).includes('probe-')) probes += 1;
  };
  // At the start somebody may have asked before the provider was found.
  const linesBefore = gateway.log.lines.length;
  people.on('/token', hang);
  people.expire();
  const served = new Map<string, number>();
  let backAt = Number.POSITIVE_INFINITY;
  let isOver = false;
  const poll = async (name: string) => {
    while (!isOver) {
      void people
        .client(name)
        .get(gateway.url)
        .then(({ status }) => {
          if (status === 200 && !served.has(name)) served.set(name, performance.now());
        })
        // The gateway may close while the last ones are under way.
        .catch((error: unknown) => isOver || t.fail(String(error)));
      await wait(250);
    }
  };
  const polling = names.map(poll);
  const failed = () =>
    gateway.log.lines.slice(linesBefore).filter(({ code }) => code === 'provider_unavailable');
  await until('everybody to have waited in vain', () => failed().length >= names.length);
  // A server that was silent for a shorter time counts as one that is busy.
  await until('the hang to be noticed', () => probes > 6);
  t.equal(served.size, 0, 'nobody is served meanwhile');
  const failures = failed();
  for (const { reason } of failures) t.equal(reason, 'the provider has not answered the refresh yet');
  // What had come in is lost.
  people.on('/token', undefined);
  backAt = performance.now();
  await until('everybody is served', () => served.size === names.length);
  isOver = true;
  await Promise.all(polling);
  const slowest = Math.max(...[...served.values()].map((at) => Math.round(at - backAt)));
  t.comment(`served again after ${slowest} ms`);
  t.ok(slowest < soonMs, `after ${slowest} ms`);
  t.ok(sent.length <= names.length, 'each refresh token was answered once');
});

/** Nothing else keeps the process awake: the waits of the watch do not. */
function stayAwake(t: Teardown): void {
  const timer = setInterval(() => {}, 1000);
  t.teardown(() => clearInterval(timer));
}

/** The standard ones, ten times as fast. */
const quick = Object.fromEntries(
  Object.entries(standardTimings).map(([name, ms]) => [name, ms / 10]),
) as unknown as HangTimings;

/** A watch whose server hangs or answers as the test says, and a call that is never answered. */
function arrange(t: Teardown) {
  stayAwake(t);
  let isHanging = true;
  let probes = 0;
  const probe: Probe = async () => {
    probes += 1;
    if (isHanging) await new Promise(() => {});
  };
  let backs = 0;
  const watch = createHangWatch(
    () => {
      backs += 1;
    },
    systemClock,
    quick,
  );
  return {
    call: <T>(send: () => Promise<T>) => watch.call(send, probe),
    back: () => {
      isHanging = false;
    },
    probes: () => probes,
    backs: () => backs,
  };
}

test('a call that was lost in a server that hung is sent again when others are answered', async (t) => {
  const { call: send, back, backs, probes } = arrange(t);
  let sends = 0;
  const call = send(async () => {
    sends += 1;
    if (sends === 1) await new Promise(() => {});
    return `answer ${sends}`;
  });
  await until('enough probes', () => probes() > 6);
  t.equal(sends, 1, 'not while it hangs');
  back();
  t.equal(await call, 'answer 2');
  t.equal(backs(), 1);
});

test('the answer to the first counts, where that is the one with the tokens', async (t) => {
  const { call: send, back, probes } = arrange(t);
  let sends = 0;
  let answerFirst = (_: string) => {};
  const call = send(async () => {
    sends += 1;
    if (sends === 1) {
      return new Promise<string>((resolve) => {
        answerFirst = resolve;
      });
    }
    throw new Error('this refresh token was used before');
  });
  await until('enough probes', () => probes() > 6);
  back();
  await until('a second call', () => sends === 2);
  answerFirst('tokens');
  t.equal(await call, 'tokens');
});

test('a server that answers others all the time is slow, and nothing is sent to it twice', async (t) => {
  const { call: send, back, probes } = arrange(t);
  back();
  let sends = 0;
  const answer = await send(async () => {
    sends += 1;
    await until('probes', () => probes() > 6);
    return 'late';
  });
  t.equal(answer, 'late');
  t.equal(sends, 1);
});

test('a server that misses a few probes is busy, and nothing is sent to it twice', async (t) => {
  stayAwake(t);
  let probes = 0;
  const probe: Probe = async () => {
    probes += 1;
    if (probes <= 2) await new Promise(() => {});
  };
  let backs = 0;
  const watch = createHangWatch(
    () => {
      backs += 1;
    },
    systemClock,
    quick,
  );
  let sends = 0;
  const answer = await watch.call(async () => {
    sends += 1;
    await until('probes', () => probes > 8);
    return 'late';
  }, probe);
  t.equal(answer, 'late');
  t.equal(sends, 1);
  t.equal(backs, 0);
});
