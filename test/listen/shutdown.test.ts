import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import WebSocket from 'ws';
import { arrangeUpstream } from '../support/arrange.ts';
import { startChild } from '../support/child.ts';
import { childrenOf } from '../support/children.ts';
import { createClient } from '../support/client.ts';
import { createWoundClock } from '../support/clock.ts';
import { freePort } from '../support/free-port.ts';
import { startTestGateway } from '../support/gateway.ts';
import { gatewayYaml } from '../support/gateway-config.ts';
import { spawnGateway } from '../support/spawned-gateway.ts';
import { until } from '../support/until.ts';

const main = fileURLToPath(new URL('../../src/main.js', import.meta.url));

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const isRefused = ({ code }: NodeJS.ErrnoException) => code === 'ECONNREFUSED';

for (const workers of [1, 2]) {
  test(`SIGTERM lets requests end, takes no new ones and exits 0: workers ${workers}`, async (t) => {
    let goOn = () => {};
    const upstream = await arrangeUpstream(t, (_request, response) => {
      response.write('the first half, ');
      goOn = () => response.end('the second half');
    });
    const routes = [{ path: '/', upstream: upstream.url, allow: 'public' }];
    const gateway = await spawnGateway({ config: { routes, workers } });
    t.teardown(() => gateway.stop());
    const client = createClient();
    t.teardown(() => client.close());

    const idle = client.get(`${gateway.url}/idle`);
    await until('the first request upstream', () => upstream.requests.length === 1);
    goOn();
    t.equal((await idle).status, 200, 'this connection is kept alive, and does not hold up the end');
    const underWay = client.get(`${gateway.url}/slow`);
    await until('the request upstream', () => upstream.requests.length === 2);
    const asked = performance.now();
    gateway.process.kill('SIGTERM');
    await gateway.log.line(({ msg }) => msg === 'stopping');
    goOn();
    const { text } = await underWay;
    t.equal(text, 'the first half, the second half');
    const { code, signal } = await gateway.exited;
    t.strictSame([code, signal], [0, null]);
    t.ok(performance.now() - asked < 4000, 'soon after the last answer');
    await t.rejects(createClient().get(`${gateway.url}/new`), { code: 'ECONNREFUSED' });
    const messages = gateway.log.lines.map(({ msg }) => msg);
    t.ok(messages.indexOf('stopping') < messages.indexOf('stopped'));
  });
}

test('what does not end by itself is ended after the grace period', async (t) => {
  const upstream = await arrangeUpstream(t, ({ url }, response) => {
    if (url === '/download') response.write('a download that never ends');
    else response.end();
  });
  const clock = createWoundClock();
  const routes = [{ path: '/', upstream: upstream.url, allow: 'public' }];
  const gateway = await startTestGateway({ config: { routes }, clock });
  const client = createClient();
  const { answer } = await client.open(`${gateway.url}/download`);
  answer.on('error', () => {});
  let isClosed = false;
  const closing = gateway.close().then(() => {
    isClosed = true;
  });
  clock.wind(20_000);
  await until('no new connection', () => client.get(gateway.url).then(() => false, isRefused));
  t.notOk(isClosed || answer.destroyed, 'it gets its time');
  clock.wind(4500);
  await closing;
  t.ok(gateway.log.text().includes('connections were still open'), 'before Kubernetes kills it');
});

for (const workers of [1, 2]) {
  test(`a second signal ends it at once: workers ${workers}`, async (t) => {
    const upstream = await arrangeUpstream(t, () => {});
    const routes = [{ path: '/', upstream: upstream.url, allow: 'public' }];
    const gateway = await spawnGateway({ config: { routes, workers } });
    t.teardown(() => gateway.stop());
    const listening = () => gateway.log.lines.filter(({ msg }) => msg === 'listening').length;
    await until('all workers', () => listening() === workers, 20_000);
    const socket = new WebSocket(gateway.url.replace('http', 'ws'));
    socket.on('error', () => {});
    await until('the handshake upstream', () => upstream.accepted > 0);
    const children = childrenOf(gateway.pid);
    gateway.process.kill('SIGINT');
    await gateway.log.line(({ msg }) => msg === 'stopping');
    gateway.process.kill('SIGINT');
    t.equal((await gateway.exited).code, 1);
    await until('the end of the workers', () => children.every((pid) => !isRunning(pid)));
  });
}

test('a signal while it starts ends it in order', async (t) => {
  const upstream = await arrangeUpstream(t);
  const routes = [{ path: '/', upstream: upstream.url, allow: 'public' }];
  for (const workers of [1, 2]) {
    const port = await freePort();
    const file = join(t.testdir(), 'sallyport.yaml');
    // One process may have started before the line is read; of several, none has.
    const shutdown = { delay: workers === 1 ? '0s' : '20s' };
    await writeFile(file, gatewayYaml({ config: { routes, workers, shutdown } }, port));
    const child = await startChild(
      'env',
      ['-u', 'NODE_OPTIONS', process.execPath, main, 'serve', '-c', file],
      {
        ready: ({ stdout }) => stdout.join('').includes('"msg":"starting"'),
      },
    );
    t.teardown(() => child.stop());
    const asked = performance.now();
    child.process.kill('SIGTERM');
    t.same(await child.exited, { code: 0, signal: null }, `workers ${workers}`);
    t.ok(performance.now() - asked < 15_000, 'nobody has to notice what has not served');
    t.match(child.stdout.join(''), /"msg":"stopped"/);
  }
});

test('a port that is taken ends the gateway with a sentence and exit code 1: workers 1 and 2', async (t) => {
  const upstream = await arrangeUpstream(t);
  const folder = t.testdir();
  for (const workers of [1, 2]) {
    const file = join(folder, `${workers}.json`);
    await writeFile(
      file,
      JSON.stringify({
        publicUrl: 'http://127.0.0.1',
        upstream: upstream.url,
        listen: new URL(upstream.url).host,
        admin: { listen: 'off' },
        workers,
        provider: { issuer: 'http://127.0.0.1:9', clientId: 'a', clientSecret: 'b' },
        session: { secret: Buffer.alloc(32, 1).toString('base64') },
      }),
    );
    const child = spawn(process.execPath, [main, 'serve', '-c', file], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const words: string[] = [];
    child.stderr.on('data', (chunk: Buffer) => words.push(chunk.toString()));
    const [code] = (await once(child, 'exit')) as [number];
    t.equal(code, 1);
    t.match(words.join(''), /EADDRINUSE.*Another program uses this address/);
  }
});
