import { fileURLToPath } from 'node:url';
import type { Teardown } from './arrange.ts';
import { startChild } from './child.ts';
import { createClient } from './client.ts';
import { freePort } from './free-port.ts';

/** Runs one of the programs in `applications/` that starts workers, and gives a client of it. */
export async function startWorkerApp(t: Teardown, name: string) {
  const program = fileURLToPath(new URL(`./applications/${name}.js`, import.meta.url));
  const port = await freePort();
  // The test runner's own loader, in NODE_OPTIONS, would run in it too.
  const args = ['-u', 'NODE_OPTIONS', process.execPath, program, String(port)];
  const child = await startChild('env', args, { ready: port });
  t.teardown(() => child.stop());
  const client = createClient();
  t.teardown(() => client.close());
  return { child, client, url: `http://127.0.0.1:${port}` };
}
