import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';

const program = fileURLToPath(new URL('../../support/applications/loaded-packages-app.js', import.meta.url));

/** Starts a gateway in a process of its own, and gives what it has loaded of OpenTelemetry. */
function loadedWith(config: Record<string, unknown>): string[] {
  const { stdout, stderr } = spawnSync(process.execPath, [program, JSON.stringify(config)], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH },
  });
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as string[];
}

test('nothing of OpenTelemetry is loaded without tracing', async (t) => {
  t.same(loadedWith({ metrics: 'off' }), []);
  t.notOk(
    loadedWith({}).some((file) => !file.includes('/@opentelemetry/api/')),
    'the library of the metrics has its interface',
  );
});

test('with tracing it is', async (t) => {
  const loaded = loadedWith({ tracing: { endpoint: 'http://127.0.0.1:9' } });
  for (const name of ['sdk-trace-base', 'exporter-trace-otlp-proto'])
    t.ok(loaded.some((file) => file.includes(`/@opentelemetry/${name}/`)));
});
