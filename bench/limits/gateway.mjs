import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A gateway in a process of its own, in front of one application and with more of a configuration. */
export async function startGateway(upstream, more) {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-limits-'));
  const file = join(folder, 'sallyport.yaml');
  const config = {
    publicUrl: `http://127.0.0.1:${port}`,
    listen: `127.0.0.1:${port}`,
    admin: { listen: 'off' },
    provider: { issuer: 'http://127.0.0.1:9', clientId: 'app', clientSecret: 'never used' },
    session: { secret: Buffer.alloc(32, 7).toString('base64') },
    routes: [{ path: '/', upstream, allow: 'public' }],
    ...more,
  };
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  const child = spawn(process.execPath, ['dist/src/main.js', 'serve', '-c', file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve, reject) => {
    child.on('exit', () => reject(new Error('the gateway ended')));
    child.stdout.on('data', (text) => String(text).includes('"listening"') && resolve());
  });
  return {
    port,
    /** Seconds of the processor so far. */
    cpu() {
      const [, fields] = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ');
      const [user, system] = fields.split(' ').slice(11, 13).map(Number);
      return (user + system) / 100;
    },
    /** Bytes of memory now. */
    rss: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))[1]) * 1024,
    stop() {
      child.removeAllListeners('exit');
      child.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function freePort() {
  return new Promise((resolve) => {
    const server = createTcpServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
