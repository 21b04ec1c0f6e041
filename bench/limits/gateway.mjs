import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A gateway in a process of its own, in front of one application and with more of a configuration.
 * @param core the only core that it may use, where that matters
 */
export async function startGateway(upstream, more, core) {
  const port = await freePort();
  const adminPort = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-limits-'));
  const file = join(folder, 'sallyport.yaml');
  const config = {
    publicUrl: `http://127.0.0.1:${port}`,
    listen: `127.0.0.1:${port}`,
    admin: { listen: `127.0.0.1:${adminPort}` },
    provider: { issuer: 'http://127.0.0.1:9', clientId: 'app', clientSecret: 'never used' },
    session: { secret: Buffer.alloc(32, 7).toString('base64') },
    routes: [{ path: '/', upstream, allow: 'public' }],
    ...more,
  };
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  const command = [process.execPath, 'dist/src/main.js', 'serve', '-c', file];
  const [program, ...args] = core === undefined ? command : ['taskset', '-c', core, ...command];
  const child = spawn(program, args, {
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
    /** What it has counted: the sum of the series of a name that have a text in their labels. */
    async counted(name, label = '') {
      const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
      const lines = text.split('\n').filter((line) => line.startsWith(name) && line.includes(label));
      return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
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
