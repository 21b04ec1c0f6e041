import { createServer } from 'node:net';
import { test } from 'tap';
import { systemClock } from '../../src/clock.ts';
import type { ListenAddress } from '../../src/config/schema/index.ts';
import { openAdmin } from '../../src/control/admin.ts';
import { createControls } from '../../src/control/create-controls.ts';
import type { Event } from '../../src/observe/events.ts';
import { until } from '../support/until.ts';

test('an admin listener whose port was taken is opened by the next reload', async (t) => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.2', resolve));
  const { port } = other.address() as { port: number };
  const events: Event[] = [];
  const controls = createControls({ config: {} } as never);
  const emit = (event: Event) => void events.push(event);
  const admin = await openAdmin(
    { listen: { host: '127.0.0.1', port }, token: undefined },
    { emit, clock: systemClock, controls },
  );
  t.teardown(() => admin.close());
  const wide = { listen: { host: '0.0.0.0', port } satisfies ListenAddress, token: undefined };
  (await admin.prepare(wide)).commit();
  await until('the failure', () => events.some(({ kind }) => kind === 'listener-failed'), 10_000);
  t.equal(admin.url(), undefined);
  await t.rejects(admin.prepare(wide), { code: 'EADDRINUSE' }, 'a reload says that it is still so');

  await new Promise((resolve) => other.close(resolve));
  (await admin.prepare(wide)).commit();
  t.equal((await fetch(`http://127.0.0.1:${port}/healthz`)).status, 200);
});
