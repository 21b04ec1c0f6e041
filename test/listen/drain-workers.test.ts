import { once } from 'node:events';
import { createServer } from 'node:http';
import { type Test, test } from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import { childrenOf } from '../support/children.ts';
import { createClient } from '../support/client.ts';
import { freePort } from '../support/free-port.ts';
import { listenOnLoopback } from '../support/listening.ts';
import { startProvider } from '../support/provider.ts';
import { spawnGateway } from '../support/spawned-gateway.ts';
import { until } from '../support/until.ts';
import { startWorkerApp } from '../support/worker-app.ts';

/** Milliseconds; processes start slowly on a busy machine. */
const patience = 20_000;

/** Two workers in front of an application with WebSockets. */
async function arrange(t: Test, delay: string) {
  const server = createServer((_request, response) => response.end('whole'));
  new WebSocketServer({ server });
  const application = await listenOnLoopback(server);
  t.teardown(() => application.close());
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const routes = [{ path: '/', upstream: application.url, allow: 'public' }];
  const admin = { listen: `127.0.0.1:${await freePort()}` };
  const shutdown = { delay };
  const gateway = await spawnGateway({ provider, config: { routes, admin, workers: 2, shutdown } });
  t.teardown(() => gateway.stop());
  const listening = () => gateway.log.lines.filter(({ msg }) => msg === 'listening').length;
  await until('all workers', () => listening() === 2, patience);
  const client = createClient();
  t.teardown(() => client.close());
  const readiness = () => client.get(`http://${admin.listen}/readyz`, { connection: 'close' });
  await until('readiness', async () => (await readiness()).status === 200, patience);
  return { gateway, client, readiness, listening };
}

async function openSocket(t: Test, url: string) {
  const socket = new WebSocket(url.replace('http', 'ws'));
  t.teardown(() => socket.terminate());
  socket.on('error', () => undefined);
  const closed = new Promise<number>((resolve) => socket.on('close', resolve));
  await once(socket, 'open');
  return { socket, closed };
}

test('a worker that is stopped alone is a restart: 1012, no request is lost, and the gateway stays ready', async (t) => {
  const { gateway, client, readiness, listening } = await arrange(t, '0s');
  // One for each of the workers, which take connections in turn.
  const sockets = await Promise.all(Array.from({ length: 4 }, () => openSocket(t, gateway.url)));
  const [first] = childrenOf(gateway.pid);
  let isReplaced = false;
  const asked: number[] = [];
  const asking = (async () => {
    while (!isReplaced) {
      // The worker that answers may be the one that ends.
      await readiness().then(
        ({ status }) => asked.push(status),
        () => undefined,
      );
      asked.push((await client.get(`${gateway.url}/page`)).status);
    }
  })();
  process.kill(first as number, 'SIGTERM');
  const code = await Promise.race(sockets.map(({ closed }) => closed));
  t.equal(code, 1012);
  await until('the next worker', () => listening() === 3, patience);
  isReplaced = true;
  await asking;
  t.same([...new Set(asked)], [200], `${asked.length} answers`);
  const open = sockets.filter(({ socket }) => socket.readyState === WebSocket.OPEN);
  t.ok(open.length > 0, 'those of the other worker stay');

  gateway.process.kill('SIGTERM');
  await gateway.log.line(({ msg }) => msg === 'stopping');
  t.same(
    await Promise.all(open.map(({ closed }) => closed)),
    open.map(() => 1001),
  );
  t.same(await gateway.exited, { code: 0, signal: null });
});

test('of a gateway that is stopped, every worker takes requests for the delay and is not ready', async (t) => {
  const { gateway, client, readiness } = await arrange(t, '3s');
  const asked = performance.now();
  gateway.process.kill('SIGTERM');
  await until('the end of readiness', async () => (await readiness()).status === 503);
  for (let at = 0; at < 4; at++) {
    t.match(await client.get(`${gateway.url}/page`), { status: 200, headers: { connection: 'close' } });
    t.equal((await readiness()).status, 503);
  }
  t.same(await gateway.exited, { code: 0, signal: null });
  t.ok(performance.now() - asked >= 3000);
});

test('all workers drain, those that are started later too', async (t) => {
  const { child, client, url } = await startWorkerApp(t, 'drain-workers-app');
  const ask = async (path = '/') => (await client.get(`${url}${path}`)).text.split(' ');
  const [first, before] = await ask();
  t.equal(before, 'serves');
  child.process.kill('SIGUSR2');
  await until('the message', async () => (await ask())[1] === 'drains');
  await t.rejects(ask('/end'));
  const drains = async () => {
    const [pid, says] = await ask().catch(() => []);
    return pid !== undefined && pid !== first && says === 'drains';
  };
  await until('another worker that drains', drains, patience);
});
