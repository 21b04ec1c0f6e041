import { readdirSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type Test, test } from 'tap';
import { parse, stringify } from 'yaml';
import { parseConfig } from '../../src/config/load.ts';
import { acceptHandshakes, handshake } from '../attack/handshake.ts';
import { arrangePeople, type People } from '../refresh/people.ts';
import { arrangeUpstream } from '../support/arrange.ts';
import { openRaw } from '../support/raw.ts';
import { startRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';

// alone: it measures the heap and the open descriptors

/** Every so many of them the access tokens end. */
const expireEvery = 50;
/** How many there are with sessions in one place, where all that grows would be seen; elsewhere fewer will do. */
const most = 500;
const fewer = 300;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

type Document = { routes?: Record<string, unknown>[]; [key: string]: unknown };

/** The configuration that is running, with changes of many kinds. */
function variant(yaml: string, upstream: string, number: number) {
  const document = parse(yaml) as Document;
  const changes: ((document: Document) => void)[] = [
    () => undefined,
    ({ routes }) => void routes?.push({ path: '/more', upstream, allow: 'signed-in' }),
    (changed) => {
      changed.headers = { 'X-Number': String(number) };
    },
    ({ routes }) =>
      void routes?.push({ path: '/other', upstream, timeout: { connect: '3s' }, allow: 'public' }),
    (changed) => {
      changed.limits = { bodySilence: `${30 + number}s`, keepAlive: '70s' };
    },
    ({ routes }) => void Object.assign(routes?.[0] ?? {}, { csrf: 'header' }),
    (changed) => {
      changed.provider = { ...(changed.provider as object), timeout: `${5 + number}s` };
    },
    (changed) => {
      changed.bearer = [{ issuer: `http://127.0.0.1:9/${number}`, audience: 'api' }];
    },
  ];
  changes[number % changes.length]?.(document);
  return parseConfig(stringify(document), { file: 'sallyport.yaml', env: {} }).config;
}

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

/** @param seen what the application of the test keeps of each request, which is none of the gateway's memory */
async function heapUsed(seen: unknown[]): Promise<number> {
  seen.length = 0;
  for (let round = 0; round < 3; round++) {
    await turn();
    collectGarbage();
  }
  return process.memoryUsage().heapUsed;
}

/** Lets people ask, or has them wait: a command under way would time out at once when the clock is wound. */
function createGate() {
  let open: Promise<void> = Promise.resolve();
  const underWay = new Set<Promise<unknown>>();
  return {
    async pass<T>(ask: () => Promise<T>): Promise<T> {
      await open;
      const asking = ask();
      underWay.add(asking);
      return asking.finally(() => underWay.delete(asking));
    },
    async whileClosed(act: () => void): Promise<void> {
      let reopen = () => {};
      open = new Promise((resolve) => {
        reopen = resolve;
      });
      await Promise.all(underWay);
      act();
      reopen();
    },
  };
}

type Gate = ReturnType<typeof createGate>;

/** Somebody who asks again as soon as there is an answer. */
function poll({ gateway, client }: People, name: string, statuses: Map<number, number>, gate: Gate) {
  let stopped = false;
  const running = (async () => {
    while (!stopped) {
      const { status } = await gate.pass(() => client(name).get(`${gateway.url}/poll`));
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  })();
  return async () => {
    stopped = true;
    await running;
  };
}

async function adoptUnderLoad(t: Test, adoptions: number, session: Record<string, unknown>) {
  const downloads: ServerResponse[] = [];
  const upstream = await arrangeUpstream(t, (request, response) => {
    if (request.url !== '/download') return response.end(request.url);
    response.write('begun ');
    return downloads.push(response);
  });
  acceptHandshakes(upstream);
  const people = await arrangePeople(t, {
    config: {
      routes: [{ path: '/', upstream: upstream.url, allow: 'signed-in' }],
      session,
    },
  });
  const { gateway, client, expire, sent } = people;

  const download = client('ada').get(`${gateway.url}/download`);
  await until('a download under way', () => downloads[0]);
  const socket = await openRaw(gateway.url);
  t.teardown(() => socket.destroy());
  socket.write(
    handshake(new URL(gateway.url).host, '/socket', [
      `Cookie: ${client('ada').cookies.headerFor(gateway.url)}`,
    ]),
  );
  await socket.until(/101 Switching/);

  const statuses = new Map<number, number>();
  const gate = createGate();
  const stops = ['ada', 'grace', 'zoe'].map((name) => poll(people, name, statuses, gate));
  let before = { heap: 0, descriptors: 0 };
  for (let number = 1; number <= adoptions; number++) {
    await gateway.adopt(variant(gateway.yaml, upstream.url, number));
    const asked = [...statuses.values()].reduce((sum, count) => sum + count, 0);
    if (number % 5 === 0)
      await until(
        'requests under this plan',
        () => [...statuses.values()].reduce((a, b) => a + b, 0) > asked + 3,
      );
    if (number % expireEvery === 0) await gate.whileClosed(expire);
    // What is counted settles in the first half of them; the log is in memory here, and grows.
    if (number === adoptions / 2)
      before = { heap: await heapUsed(upstream.requests), descriptors: openDescriptors() };
  }
  await gateway.adopt(variant(gateway.yaml, upstream.url, 0));
  for (const stop of stops) await stop();
  for (const name of ['ada', 'grace', 'zoe']) await client(name).get(`${gateway.url}/last`);
  const after = { heap: await heapUsed(upstream.requests), descriptors: openDescriptors() };

  t.strictSame([...statuses.keys()], [200], 'no request is lost, and nobody is signed out');
  t.ok((statuses.get(200) ?? 0) > adoptions / 2);
  const tokens = sent.map(({ token }) => token);
  t.equal(tokens.length, new Set(tokens).size, 'no refresh token is sent twice');
  t.equal(
    tokens.length,
    3 * Math.floor(adoptions / expireEvery),
    'one refresh of each person for each expiry',
  );
  downloads[0]?.end('ended');
  t.equal((await download).text, 'begun ended', 'a download goes on over all of them');
  socket.write('hello');
  await socket.until(/hello/);
  t.ok(after.heap < before.heap * 1.1, `memory is flat: ${before.heap} and ${after.heap}`);
  t.ok(
    after.descriptors <= before.descriptors + 2,
    `descriptors: ${before.descriptors}, ${after.descriptors}`,
  );
}

test('500 plans in turn under load, with sessions in cookies', (t) => adoptUnderLoad(t, most, {}));

test('300 plans in turn under load, with sessions in memory', (t) =>
  adoptUnderLoad(t, fewer, { store: 'memory' }));

test('300 plans in turn under load, with sessions in Redis', async (t) => {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  await adoptUnderLoad(t, fewer, { store: redis.url });
});
