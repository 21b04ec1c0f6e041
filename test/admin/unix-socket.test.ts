import { existsSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { arrangeAdmin } from './scene.ts';
import { busyStatus } from './status-example.ts';

async function arrange(t: Test) {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-admin-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return join(folder, 'admin.sock');
}

const read = (socketPath: string, path: string): Promise<string> =>
  new Promise((resolve, reject) => {
    request({ agent: false, socketPath, path }, async (answer) =>
      resolve(String(Buffer.concat(await answer.toArray()))),
    )
      .on('error', reject)
      .end();
  });

const ask = (socketPath: string, method: string, path: string): Promise<number> =>
  new Promise((resolve, reject) => {
    request({ agent: false, socketPath, method, path }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    })
      .on('error', reject)
      .end();
  });

test('who may open the socket may do everything, and that is the user of the gateway alone', async (t) => {
  const path = await arrange(t);
  const before = process.umask(0);
  t.teardown(() => process.umask(before));
  const scene = await arrangeAdmin(t, { listen: { path }, token: undefined });
  t.equal(scene.admin.url, `unix:${path}`);
  t.equal(statSync(path).mode & 0o777, 0o600, 'whatever the umask is');
  t.equal(process.umask(), 0, 'which stays as it was');
  t.equal(await ask(path, 'POST', '/drain'), 200);
  t.equal(await ask(path, 'GET', '/config'), 200);
  t.same(scene.done, ['drain', 'config']);
  t.match(scene.events, [{ kind: 'admin-call', client: 'unix', path: '/drain' }, {}]);
  await scene.admin.close();
  t.notOk(existsSync(path), 'no file is left');
});

test('who may open the socket sees all of the status page, without a token', async (t) => {
  const path = await arrange(t);
  await arrangeAdmin(t, { listen: { path }, token: undefined, controls: { status: async () => busyStatus } });
  const page = await read(path, '/');
  t.match(page, 'none holds: allow[0].groups');
  t.match(page, 'http://10.1.4.22:8080');
});

test('the file of a gateway that was killed is no obstacle, and that of a living one is', async (t) => {
  const path = await arrange(t);
  const first = await arrangeAdmin(t, { listen: { path } });
  await t.rejects(arrangeAdmin(t, { listen: { path } }), { code: 'EADDRINUSE' });
  t.equal(await ask(path, 'GET', '/healthz'), 200);
  await first.admin.close();
  await arrangeAdmin(t, { listen: { path } });
  t.equal(await ask(path, 'GET', '/healthz'), 200);
});
