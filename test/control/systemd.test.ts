import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { test } from 'tap';
import { projectRoot } from '../docs/documents.ts';
import { spawnGateway } from '../support/spawned-gateway.ts';

const unit = readFileSync(join(projectRoot, 'config/systemd/sallyport.service'), 'utf8');
const settingOf = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(unit)?.[1] ?? '';
const run = promisify(execFile);

test('systemd takes the unit as it is, and finds it well shielded', async (t) => {
  const file = join(t.testdir(), 'sallyport.service');
  // The program is not installed here.
  writeFileSync(file, unit.replace('/usr/local/bin/sallyport', process.execPath));
  const { stderr } = await run('systemd-analyze', ['verify', file]);
  t.equal(stderr, '');
  await t.resolves(run('systemd-analyze', ['security', '--offline=yes', '--threshold=20', file]));
});

test('its command of a reload reloads', async (t) => {
  const gateway = await spawnGateway({ upstream: 'http://127.0.0.1:9' });
  t.teardown(() => gateway.stop());
  const env = { ...process.env, MAINPID: String(gateway.pid) };
  await run('sh', ['-c', settingOf('ExecReload')], { env });
  t.match(await gateway.log.line(({ msg }) => msg === 'reloaded'), { by: 'SIGHUP' });
});

test('it waits longer than the gateway takes to stop, and does not start again what cannot be used', async (t) => {
  t.ok(Number(settingOf('TimeoutStopSec')) >= 30);
  const file = join(t.testdir(), 'sallyport.yaml');
  writeFileSync(file, 'publicUrl: nowhere\n');
  const [, ...args] = settingOf('ExecStart').replace('/etc/sallyport/sallyport.yaml', file).split(' ');
  const main = join(projectRoot, 'dist/src/main.js');
  const code = await run(process.execPath, [main, ...args]).then(
    () => 0,
    (error: { code: number }) => error.code,
  );
  t.equal(code, Number(settingOf('RestartPreventExitStatus')));
});
