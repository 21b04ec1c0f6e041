import type { Teardown } from './arrange.ts';
import { startChild } from './child.ts';
import { until } from './until.ts';

/** How long a slow one takes. */
const slowMs = 3000;

/**
 * One target of an application, in a process of its own that can be frozen, killed and started again at its port. It
 * answers with its name and how many requests it has had, or, once it was told so, with a status, late, or not at all.
 */
const program = `
const { createServer } = require('node:http');
const [port, name, host] = process.argv.slice(1);
let mode = 'ok', seen = 0, checks = 0;
const server = createServer((request, response) => {
  const [, told] = /^\\/be\\/(.*)$/.exec(request.url) ?? [];
  if (told) { mode = told; response.end(); return; }
  if (request.url === '/seen') { response.end(JSON.stringify({ seen, checks })); return; }
  if (request.url === '/healthz') checks++; else seen++;
  if (mode === 'reset') { request.socket.resetAndDestroy(); return; }
  if (mode === 'silent') return;
  if (mode === 'slow') { setTimeout(() => response.end(name), ${slowMs}); return; }
  if (/^\\d+$/.test(mode)) response.statusCode = Number(mode);
  response.end(name);
});
server.on('upgrade', (request, socket) => socket.write(
  'HTTP/1.1 101 Switching Protocols\\r\\nConnection: Upgrade\\r\\nUpgrade: websocket\\r\\nX-Target: ' + name + '\\r\\n\\r\\n'));
server.listen(Number(port), host, () => console.log('at ' + server.address().port));
`;

export interface TargetProcess {
  url: string;
  name: string;
  /** How it answers from now on: `ok`, a status, `slow`, `reset`, or `silent`. */
  be(mode: string): Promise<void>;
  /** The requests that it has had, and among them not those to `/healthz`. */
  seen(): Promise<{ seen: number; checks: number }>;
  /** It stops in the middle of whatever it does; its connections stay open, and new ones are taken by the system. */
  freeze(): void;
  thaw(): void;
  /** Ends it at once; resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts it anew, at the same port. */
  restart(): Promise<void>;
}

export async function startTarget(
  t: Teardown,
  name: string,
  place: { host?: string; port?: string } = {},
): Promise<TargetProcess> {
  const { host = '127.0.0.1' } = place;
  const start = async (port: string) =>
    startChild('env', ['-u', 'NODE_OPTIONS', process.execPath, '-e', program, port, name, host], {
      ready: ({ stdout }) => stdout.join('').startsWith('at '),
    });
  let child = await start(place.port ?? '0');
  const port = child.stdout.join('').replace(/\D/g, '');
  const url = `http://${host}:${port}`;
  const kill = async () => {
    child.process.kill('SIGKILL');
    await child.exited;
  };
  t.teardown(kill);
  return {
    url,
    name,
    async be(mode) {
      await fetch(`${url}/be/${mode}`);
    },
    seen: async () => (await (await fetch(`${url}/seen`)).json()) as { seen: number; checks: number },
    freeze: () => void child.process.kill('SIGSTOP'),
    thaw: () => void child.process.kill('SIGCONT'),
    kill,
    async restart() {
      await kill();
      child = await until('the port to be free', () => start(port).catch(() => undefined));
    },
  };
}
