import { existsSync, readFileSync, renameSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { AuditLine } from '../../src/observe/audit-schema.ts';
import { arrangeUpstream } from '../support/arrange.ts';
import { auditLines } from '../support/audit-lines.ts';
import { type Client, createClient } from '../support/client.ts';
import { freePort } from '../support/free-port.ts';
import { logIn } from '../support/log-in.ts';
import { startProvider } from '../support/provider.ts';
import { spawnGateway } from '../support/spawned-gateway.ts';
import { until } from '../support/until.ts';

/** Of the admin listener. */
export const token = 'an-admin-token-of-this-test';

export type Scene = Awaited<ReturnType<typeof arrangeAudit>>;

/** A gateway as a process of its own, whose audit goes to a file. */
export async function arrangeAudit(t: Test, file: string, config: Record<string, unknown> = {}) {
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  const admin = `127.0.0.1:${await freePort()}`;
  const gateway = await spawnGateway({
    provider,
    config: {
      routes: [
        { path: '/', upstream: upstream.url },
        { path: '/admins', upstream: upstream.url, allow: [{ groups: 'nobody-is-in-this' }] },
      ],
      admin: { listen: admin, token },
      audit: { file },
      session: { store: 'memory' },
      ...config,
    },
  });
  t.teardown(() => gateway.stop());
  let from = 0;
  const text = () => (existsSync(file) ? readFileSync(file, 'utf8') : '');
  /** Those since `begin`. */
  const lines = () => auditLines(text()).slice(from);
  return {
    provider,
    gateway,
    file,
    folder: t.testdirName,
    text,
    lines,
    yaml: () => readFileSync(gateway.file, 'utf8'),
    write: (yaml: string) => writeFileSync(gateway.file, yaml),
    /** A new browser; lines that are there already do not count from here on. */
    begin(each: Test): Client {
      from = auditLines(text()).length;
      const client = createClient();
      each.teardown(() => client.close());
      return client;
    },
    line: (event: string, more: Partial<AuditLine> = {}) =>
      until(`${event} ${JSON.stringify(more)}`, () =>
        lines().find((each) =>
          Object.entries({ event, ...more }).every(
            ([name, value]) => (each as Record<string, unknown>)[name] === value,
          ),
        ),
      ),
    ask: (method: string, path: string, shown = token) =>
      fetch(`http://${admin}${path}`, { method, headers: { authorization: `Bearer ${shown}` } }),
  };
}

/** The file becomes one that takes nothing, unless it is one already, and then a good one again. */
export async function fullDisk(t: Test, scene: Scene) {
  const { gateway, folder, file, ask } = scene;
  if (statSync(file).isFile()) {
    replace(file, '/dev/full');
    // At once: a line of this second could still go to the one before.
    t.equal((await ask('POST', '/reload')).status, 200);
  }
  const client = createClient();
  t.teardown(() => client.close());
  await logIn(client, gateway.url, 'ada');
  t.equal((await client.get(`${gateway.url}/`)).status, 200);
  await gateway.log.line(
    ({ msg, reason }) => msg === 'the audit cannot be written; its lines wait' && reason === 'ENOSPC',
  );
  const ready = await (await ask('GET', '/readyz')).json();
  t.match(ready, { status: 'degraded', degraded: [{ reason: 'audit_not_written' }] });
  t.notOk(JSON.stringify(ready).includes(folder), 'no path is told');
  const real = join(folder, 'real.jsonl');
  replace(file, real);
  await until('the line', () => existsSync(real) && readFileSync(real, 'utf8').includes('"login"'));
  const lines = auditLines(readFileSync(real, 'utf8'));
  t.match(
    lines.find(({ event }) => event === 'login'),
    { event: 'login', user: 'ada' },
  );
  await gateway.log.line(({ msg }) => msg === 'the audit is written again');
  t.match(await (await ask('GET', '/readyz')).json(), { status: 'ok' });
}

/** Puts a symbolic link in the place of a file, at once. */
function replace(file: string, target: string) {
  symlinkSync(target, `${file}.next`);
  renameSync(`${file}.next`, file);
}
