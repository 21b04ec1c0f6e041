import { type Test, test } from 'tap';
import { arrangeUpstream } from '../support/arrange.ts';
import { childrenOf } from '../support/children.ts';
import { createClient } from '../support/client.ts';
import { spawnGateway } from '../support/spawned-gateway.ts';
import { until } from '../support/until.ts';
import { startWorkerApp } from '../support/worker-app.ts';

/** Milliseconds; processes start slowly on a busy machine. */
const patience = 20_000;

/** A gateway in a process group of its own, with a request that its upstream holds. */
async function arrange(t: Test, workers: number) {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const upstream = await arrangeUpstream(t, async (request, response) => {
    if (request.url === '/held') await held;
    response.end('whole');
  });
  const routes = [{ path: '/', upstream: upstream.url, allow: 'public' }];
  const gateway = await spawnGateway({ config: { routes, workers }, ownGroup: true });
  t.teardown(() => gateway.stop());
  const listening = () => gateway.log.lines.filter(({ msg }) => msg === 'listening').length;
  await until('all workers', () => listening() === workers, patience);
  const client = createClient();
  t.teardown(() => client.close());
  const underWay = client.get(`${gateway.url}/held`);
  await until('the request upstream', () => upstream.requests.length === 1, patience);
  return { gateway, underWay, release, client };
}

for (const workers of [1, 2]) {
  test(`SIGTERM to the whole process group, and again, lets requests end: workers ${workers}`, async (t) => {
    const { gateway, underWay, release } = await arrange(t, workers);
    process.kill(-gateway.pid, 'SIGTERM');
    process.kill(-gateway.pid, 'SIGTERM');
    await gateway.log.line(({ msg }) => msg === 'stopping');
    process.kill(-gateway.pid, 'SIGTERM');
    release();
    t.equal((await underWay).text, 'whole');
    t.same(await gateway.exited, { code: 0, signal: null });
  });
}

test('SIGTERM to the workers alone lets requests end, and others take their place', async (t) => {
  const { gateway, underWay, release } = await arrange(t, 2);
  const before = childrenOf(gateway.pid);
  for (const pid of before) process.kill(pid, 'SIGTERM');
  await until(
    'both stopping',
    () => gateway.log.lines.filter(({ msg }) => msg === 'stopping').length === 2,
    patience,
  );
  release();
  t.equal((await underWay).text, 'whole');
  const after = await until(
    'two new ones',
    () => {
      const now = childrenOf(gateway.pid).filter((pid) => !before.includes(pid));
      return now.length === 2 && now;
    },
    patience,
  );
  t.equal(after.length, 2);
  await until(
    'their listening',
    () => gateway.log.lines.filter(({ msg }) => msg === 'listening').length >= 4,
  );
  const client = createClient();
  t.teardown(() => client.close());
  t.equal((await client.get(`${gateway.url}/next`)).text, 'whole');
});

test('a primary that is killed leaves no worker behind', async (t) => {
  const { gateway, release, underWay } = await arrange(t, 2);
  const workers = childrenOf(gateway.pid);
  underWay.catch(() => {});
  process.kill(gateway.pid, 'SIGKILL');
  await until(
    'the end of the workers',
    () =>
      workers.every((pid) => {
        try {
          process.kill(pid, 0);
          return false;
        } catch {
          return true;
        }
      }),
    patience,
  );
  release();
  t.pass();
});

test('SIGUSR1 opens no debugger', async (t) => {
  const { gateway, underWay, release } = await arrange(t, 2);
  for (const pid of [gateway.pid, ...childrenOf(gateway.pid)]) process.kill(pid, 'SIGUSR1');
  release();
  t.equal((await underWay).text, 'whole');
  gateway.process.kill('SIGTERM');
  t.same(await gateway.exited, { code: 0, signal: null });
  t.notMatch(gateway.stderr.join(''), /Debugger/);
});

test('a worker whose event loop does not turn any more is replaced', async (t) => {
  const { child, client, url } = await startWorkerApp(t, 'stuck-worker-app');
  const { text: first } = await client.get(`${url}/`);
  await t.rejects(client.get(`${url}/hang`), 'it is lost with the worker');
  await until('the line', () => child.stdout.join('').includes('a worker is stuck; it is ended'), patience);
  const second = await until(
    'another worker',
    async () => {
      const answer = await client.get(`${url}/`).catch(() => undefined);
      return answer?.text;
    },
    patience,
  );
  t.not(second, first);
});
