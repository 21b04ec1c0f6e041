import { type Test, test } from 'tap';
import { promiseOf } from '../../src/clock.ts';
import { parseConfig } from '../../src/config/load.ts';
import { type Channel, openLine } from '../../src/control/line.ts';
import type { Beginning, PrimaryQuestion } from '../../src/control/questions.ts';
import { sentOf } from '../../src/control/version.ts';
import { openWorkerSide } from '../../src/control/worker.ts';
import { noFigures } from '../../src/observe/figures/figures.ts';
import { createWoundClock } from '../support/clock.ts';
import { gatewayYaml } from '../support/gateway-config.ts';

type Listener = Parameters<Channel['receive']>[0];

/** Two ends of one channel. */
function pair(): [Channel, Channel] {
  const listeners: Listener[][] = [[], []];
  const end = (own: number): Channel => ({
    send(message, sent) {
      for (const listener of listeners[1 - own] ?? []) listener(structuredClone(message) as never);
      sent(null);
    },
    receive: (listener) => listeners[own]?.push(listener),
  });
  return [end(0), end(1)];
}

async function arrange(t: Test) {
  const clock = createWoundClock();
  const [toWorker, toPrimary] = pair();
  const text = gatewayYaml({ upstream: 'http://127.0.0.1:9' }, 4180);
  const first = parseConfig(text, { env: {}, file: 'sallyport.yaml' });
  const version = (number: number) => ({ ...sentOf(first, number), texts: { 'sallyport.yaml': text } });
  const begin = (): Beginning => ({ version: version(1), adminUrl: undefined });
  const line = openLine(toWorker, clock, begin);
  const side = await openWorkerSide(clock, {}, toPrimary);
  const done: string[] = [];
  const holds: (() => void)[] = [];
  side.serve({
    async prepare() {
      const { promise, resolve } = promiseOf();
      holds.push(resolve);
      await promise;
      const name = String(holds.length);
      return {
        commit: async () => void done.push(`commit ${name}`),
        abort: async () => void done.push(`abort ${name}`),
      };
    },
    health: () => ({ ready: true, missing: [], degraded: [] }),
    metrics: async () => undefined,
    status: () => ({ figures: noFigures, readings: [] }),
    people: () => undefined,
  });
  t.teardown(() => clock.wind(0));
  const ask = (question: PrimaryQuestion, withinMs = 45_000) => line.ask(question, withinMs);
  return { ask, version, clock, done, holds };
}

test('a version that was opened when nobody waited for it any more is given back', async (t) => {
  const { ask, version, clock, done, holds } = await arrange(t);
  const late = ask({ kind: 'prepare', version: version(2) });
  const failed = t.rejects(late, /did not answer in time/);
  clock.wind(45_000);
  await failed;
  await ask({ kind: 'abort', number: 2 });
  t.same(done, [], 'it is still being opened');
  holds[0]?.();
  await new Promise((resolve) => setImmediate(resolve));
  t.same(done, ['abort 1']);
  await ask({ kind: 'commit', number: 2 });
  t.same(done, ['abort 1'], 'it cannot come into force any more');

  const next = ask({ kind: 'prepare', version: version(3) });
  await new Promise((resolve) => setImmediate(resolve));
  holds[1]?.();
  t.equal(await next, true);
  await ask({ kind: 'abort', number: 2 });
  await ask({ kind: 'commit', number: 3 });
  t.same(done, ['abort 1', 'commit 2'], 'the next one does');
});
