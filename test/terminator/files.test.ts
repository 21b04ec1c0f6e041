import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { parseConfig } from '../../src/config/load.ts';
import { projectRoot } from '../docs/documents.ts';
import { startTestGateway } from '../support/gateway.ts';
import { openRaw } from '../support/raw.ts';

const read = (path: string) => readFileSync(join(projectRoot, path), 'utf8');

/** Where each file says for how many seconds a connection to the gateway may be idle. */
const idle: Readonly<Record<string, RegExp>> = {
  'nginx.conf': /^ {2}keepalive_timeout (\d+)s;/m,
  'apache.conf': /^ {2}ProxyPass .* ttl=(\d+)/m,
  'haproxy.cfg': /^ {2}server .* pool-purge-delay (\d+)s/m,
  'traefik.yaml': /^ {4}idleConnTimeout: (\d+)s/m,
  'envoy.yaml': /^ {12}idle_timeout: (\d+)s/m,
  Caddyfile: /^\t\t\tkeepalive (\d+)s/m,
};

/** Files that say nothing of connections to the gateway: another one, beside them, does. */
const beside = ['traefik-dynamic.yaml'];

test('every file for a front that ends TLS is run by a test, and documented', async (t) => {
  const files = readdirSync(join(projectRoot, 'config/terminator')).sort();
  t.strictSame(files, [...Object.keys(idle), ...beside].sort());
  const tests = readdirSync(join(projectRoot, 'test/terminator'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && name !== 'files.test.ts')
    .map((name) => read(`test/terminator/${name}`))
    .join('');
  const page = read('docs/deployment.md');
  for (const file of files) {
    t.ok(tests.includes(`'${file}'`), `${file} is run`);
    t.ok(page.includes(`(../config/terminator/${file})`), `${file} is in the documentation`);
  }
});

test('each front closes an idle connection well before the gateway does', async (t) => {
  const gateway = await startTestGateway({ upstream: 'http://127.0.0.1:9' });
  t.teardown(() => gateway.close());
  const { keepAlive: keepAliveMs } = parseConfig(gateway.yaml, { file: 'sallyport.yaml', env: {} }).config
    .limits;
  const connection = await openRaw(gateway.url);
  connection.write('GET /oauth2/none HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
  const said = /^keep-alive: timeout=(\d+)/im.exec(await connection.until(/\r\n\r\n/))?.[1];
  connection.destroy();
  t.equal(Number(said) * 1000, keepAliveMs, 'the gateway says how long');
  for (const [file, pattern] of Object.entries(idle)) {
    const seconds = Number(pattern.exec(read(`config/terminator/${file}`))?.[1]);
    t.ok(seconds > 0 && seconds * 1000 <= keepAliveMs - 10_000, `${file}: ${seconds} s`);
  }
});
