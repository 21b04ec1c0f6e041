import { EventEmitter } from 'node:events';
import { test } from 'tap';
import { promiseOf } from '../../src/clock.ts';
import { parseConfig } from '../../src/config/load.ts';
import { createReloader } from '../../src/control/reloader.ts';
import { superviseReloads } from '../../src/control/supervise.ts';
import type { Event } from '../../src/observe/events.ts';
import { createWoundClock } from '../support/clock.ts';
import { gatewayYaml } from '../support/gateway-config.ts';

const idle = () => new Promise((resolve) => setImmediate(resolve));

test('many signals while a reload is under way are one more, which reads what is there after the last', async (t) => {
  const text = gatewayYaml({ upstream: 'http://127.0.0.1:9' }, 4180);
  const events: Event[] = [];
  const emit = (event: Event) => void events.push(event);
  const hold = promiseOf();
  let reads = 0;
  const nothing = { commit() {}, async abort() {} };
  const reloader = createReloader(parseConfig(text, { env: {} }), {
    running: {
      async prepare() {
        await hold.promise;
        return nothing;
      },
    },
    load(files) {
      reads += 1;
      return parseConfig(text, { env: {}, files });
    },
    prepareRest: async () => nothing,
    emit,
  });
  const host = new EventEmitter();
  superviseReloads(reloader, { emit, clock: createWoundClock(), host: host as never });
  host.emit('SIGHUP');
  await idle();
  t.equal(reads, 1);
  for (let count = 0; count < 100; count++) {
    host.emit('SIGHUP');
    await idle();
  }
  hold.resolve();
  await idle();
  await reloader.idle();
  await idle();
  await reloader.idle();
  t.equal(reads, 2);
  t.equal(events.filter(({ kind }) => kind === 'reloaded').length, 2);
  host.emit('SIGHUP');
  await idle();
  await reloader.idle();
  t.equal(reads, 3, 'the next one counts again');
});

test('`workers` is named for as long as it differs from what the gateway was started with', async (t) => {
  const text = gatewayYaml({ upstream: 'http://127.0.0.1:9' }, 4180);
  const nothing = { commit() {}, async abort() {} };
  let workers = 3;
  const reloader = createReloader(parseConfig(`${text}\nworkers: 1\n`, { env: {} }), {
    running: { prepare: async () => nothing },
    load: (files) => parseConfig(`${text}\nworkers: ${workers}\n`, { env: {}, files }),
    prepareRest: async () => nothing,
    emit() {},
  });
  const named = async () => {
    const answer = await reloader.reload({ by: 'admin' });
    return answer.result === 'refused' ? answer.problems : answer.differences?.fixed;
  };
  t.same(await named(), ['workers']);
  t.same(await named(), ['workers'], 'still so');
  workers = 1;
  t.same(await named(), [], 'that is what runs');
});
