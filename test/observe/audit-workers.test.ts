import { existsSync, mkdirSync, readFileSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { auditLines } from '../support/audit-lines.ts';
import { createClient } from '../support/client.ts';
import { logIn } from '../support/log-in.ts';
import { until } from '../support/until.ts';
import { arrangeAudit, fullDisk, type Scene } from './audit-scene.ts';

test('the audit of a gateway in several processes', async (t) => {
  const folder = join(t.testdir(), 'logs');
  mkdirSync(folder);
  const file = join(folder, 'audit.jsonl');
  symlinkSync('/dev/full', file);
  const scene = await arrangeAudit(t, file, { workers: 2 });
  await t.test('a disk that is full at the start stops nothing either', (each) => fullDisk(each, scene));
  await t.test('a worker that is started anew serves, though the file cannot be opened', (each) =>
    startedAnew(each, scene, folder),
  );
  await t.test('workers append to one file, and a stop loses no line', (each) => together(each, scene));
});

async function startedAnew(t: Test, { gateway, file, ask }: Scene, folder: string) {
  const started = (workers: number) =>
    until(
      `worker ${workers}`,
      () => gateway.log.lines.filter(({ msg }) => msg === 'listening').length === workers,
      60_000,
    );
  await started(2);
  renameSync(folder, `${folder}.gone`);
  const [worker] = readFileSync(`/proc/${gateway.pid}/task/${gateway.pid}/children`, 'utf8').split(' ');
  process.kill(Number(worker), 'SIGKILL');
  await started(3);
  const client = createClient();
  t.teardown(() => client.close());
  await logIn(client, gateway.url, 'ada');
  t.match(await (await ask('GET', '/readyz')).json(), { degraded: [{ reason: 'audit_not_written' }] });
  mkdirSync(folder);
  await until(
    'the line',
    () => existsSync(file) && auditLines(readFileSync(file, 'utf8')).some(({ event }) => event === 'login'),
  );
  await until('health', async () => {
    const { status } = (await (await ask('GET', '/readyz')).json()) as { status: string };
    return status === 'ok';
  });
}

async function together(t: Test, scene: Scene) {
  const { gateway } = scene;
  const client = scene.begin(t);
  await logIn(client, gateway.url, 'zoe');
  await scene.line('login');
  const asked = Array.from({ length: 200 }, (_, number) =>
    client.get(`${gateway.url}/admins/${number}`, { 'user-agent': '"\\n{"event":"login"}' }),
  );
  for (const { status } of await Promise.all(asked)) t.equal(status, 403);
  await gateway.stop();
  const lines = scene.lines();
  const denied = lines.filter(({ event }) => event === 'access_denied');
  const counted = denied.reduce((sum, { repeated = 1 }) => sum + repeated, 0);
  t.equal(counted, 200, 'all are told of or counted');
  t.ok(denied.length <= 2 * 11, `${denied.length} lines`);
  t.equal(lines.filter(({ event }) => event === 'login').length, 1);
}
