import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { systemClock } from '../../src/clock.ts';
import type { AdminConfig, ListenAddress } from '../../src/config/schema/index.ts';
import { openAdmin } from '../../src/control/admin.ts';
import { createControls } from '../../src/control/create-controls.ts';
import type { Running } from '../../src/control/running.ts';
import type { Event } from '../../src/observe/events.ts';
import { createWoundClock } from '../support/clock.ts';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/until.ts';

const controls = () => createControls({ config: { shown: {} } } as never, systemClock);

async function arrange(t: Test, listen: AdminConfig['listen']) {
  const events: Event[] = [];
  const emit = (event: Event) => void events.push(event);
  const needs = { emit, clock: createWoundClock(), controls: controls() };
  const admin = await openAdmin({ listen, token: undefined }, needs);
  t.teardown(() => admin.close());
  const go = async (next: AdminConfig['listen']) =>
    (await admin.prepare({ listen: next, token: undefined })).commit();
  return { admin, events, go };
}

/** The path of a socket has to be short. */
function socketFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return folder;
}

const isHealthy = async (port: number) => (await fetch(`http://127.0.0.1:${port}/healthz`)).status === 200;

test('of two moves in a row the last one counts, also from an address that has to be left first', async (t) => {
  const [first, second] = [await freePort(), await freePort()];
  const { admin, go } = await arrange(t, { host: '127.0.0.1', port: first });
  await go({ host: '0.0.0.0', port: first });
  await go({ host: '127.0.0.1', port: second });
  t.equal(admin.url(), `http://127.0.0.1:${second}`);
  t.ok(await isHealthy(second));
  await t.rejects(isHealthy(first), 'the first address is left');
});

test('an address that could not be had is tried again by the next reload', async (t) => {
  const port = await freePort();
  const { admin, events, go } = await arrange(t, { host: '127.0.0.1', port });
  // Somebody else has it on the other loopback address alone, which shows when both are asked for.
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(port, '127.0.0.2', resolve));
  t.teardown(() => other.close());
  await go({ host: '0.0.0.0', port });
  await admin.prepare({ listen: { host: '127.0.0.1', port }, token: undefined }).then((one) => one.abort());
  t.match(events, [{ kind: 'listener-failed', listen: 'admin' }]);
  await new Promise((resolve) => other.close(resolve));
  await go({ host: '0.0.0.0', port });
  t.ok(await isHealthy(port));
});

test('a client of a Unix socket that says nothing does not hold up the end', async (t) => {
  const path = join(socketFolder(t), 'admin.sock');
  const { admin } = await arrange(t, { path } as never);
  const client = connect({ path });
  await new Promise((resolve) => client.once('connect', resolve));
  const ended = new Promise((resolve) => client.once('close', resolve));
  // It may be reset, where the server has not taken it up yet.
  client.on('error', () => {});
  client.resume();
  await admin.close();
  await ended;
  t.pass('it was closed');
});

test('a drain that is asked for while the gateway starts is not forgotten', async (t) => {
  const commanded = controls();
  await commanded.drain();
  const done: string[] = [];
  commanded.command(
    { drain: () => done.push('drain') } as unknown as Running,
    {} as never,
    undefined as never,
  );
  t.same(done, ['drain']);
});

test('an admin listener whose port was taken is opened by the next reload', async (t) => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.2', resolve));
  const { port } = other.address() as { port: number };
  const events: Event[] = [];
  const controls = createControls({ config: {} } as never, systemClock);
  const emit = (event: Event) => void events.push(event);
  const admin = await openAdmin(
    { listen: { host: '127.0.0.1', port }, token: undefined },
    { emit, clock: systemClock, controls },
  );
  t.teardown(() => admin.close());
  const wide = { listen: { host: '0.0.0.0', port } satisfies ListenAddress, token: undefined };
  await (await admin.prepare(wide)).commit();
  await until('the failure', () => events.some(({ kind }) => kind === 'listener-failed'), 10_000);
  t.equal(admin.url(), undefined);
  await t.rejects(admin.prepare(wide), { code: 'EADDRINUSE' }, 'a reload says that it is still so');

  await new Promise((resolve) => other.close(resolve));
  await (await admin.prepare(wide)).commit();
  t.equal((await fetch(`http://127.0.0.1:${port}/healthz`)).status, 200);
});
