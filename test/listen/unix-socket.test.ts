import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Test, test } from 'tap';
import { arrangeUpstream } from '../support/arrange.ts';
import { type Child, startChild } from '../support/child.ts';

const main = fileURLToPath(new URL('../../src/main.js', import.meta.url));

/** Writes a configuration that listens on a socket; gives what starts a gateway with it. */
async function arrange(t: Test, workers: number) {
  const upstream = await arrangeUpstream(t);
  // The path of a socket has at most 107 bytes, and a folder of the test runner is long.
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'gateway.sock');
  const file = join(folder, 'sallyport.json');
  const config = {
    publicUrl: 'http://app.example.com',
    listen: `unix:${path}`,
    admin: { listen: 'off' },
    bearer: [{ issuer: 'https://id.example.com', audience: 'app' }],
    routes: [{ path: '/', upstream: upstream.url, allow: 'public' }],
    workers,
  };
  writeFileSync(file, JSON.stringify(config));
  const start = async (): Promise<Child> => {
    const args = ['-u', 'NODE_OPTIONS', process.execPath, main, 'serve', '-c', file];
    const ready = ({ stdout }: Child) => stdout.join('').includes('"msg":"listening"');
    const gateway = await startChild('env', args, { ready });
    t.teardown(() => gateway.stop());
    return gateway;
  };
  return { path, start };
}

const statusOn = (socketPath: string) =>
  new Promise<number | undefined>((resolve, reject) => {
    const asked = request({ socketPath, path: '/', headers: { host: 'app.example.com' } }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode));
    });
    asked.on('error', reject).end();
  });

for (const workers of [1, 2]) {
  test(`the socket of a gateway that was killed is taken over: workers ${workers}`, async (t) => {
    const { path, start } = await arrange(t, workers);
    const first = await start();
    t.equal(await statusOn(path), 200);
    first.process.kill('SIGKILL');
    await first.exited;
    t.ok(existsSync(path), 'it has left its socket');
    await start();
    t.equal(await statusOn(path), 200);
  });

  test(`the socket of a gateway that runs stays with it: workers ${workers}`, async (t) => {
    const { path, start } = await arrange(t, workers);
    await start();
    await t.rejects(start(), /Another program uses this address/);
    t.equal(await statusOn(path), 200, 'the first one still answers');
  });
}

test('a file that is no socket is never removed', async (t) => {
  const { path, start } = await arrange(t, 1);
  writeFileSync(path, 'somebody wrote this');
  await t.rejects(start(), /EADDRINUSE/);
  t.ok(existsSync(path));
});

test('a socket of another program that answers is never removed', async (t) => {
  const { path, start } = await arrange(t, 1);
  const other = createServer((socket) => socket.on('error', () => {}).end('hello'));
  await new Promise<void>((resolve) => other.listen(path, resolve));
  t.teardown(() => other.close());
  await t.rejects(start(), /Another program uses this address/);
  t.ok(existsSync(path));
});
