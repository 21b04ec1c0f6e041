import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { type Child, startChild } from './child.ts';
import { freePort } from './free-port.ts';

export interface TestRedis {
  url: string;
  port: number;
  /** Kills it without a word, as a crash does. */
  kill(): Promise<void>;
  /** Sends it a signal, such as SIGSTOP. */
  signal(name: NodeJS.Signals): void;
  /** Every key with its value and the seconds until its end (-1 for none). */
  dump(): Promise<{ key: string; value: string; ttl: number }[]>;
  /** Starts it again on the same port, with the data that it had written. */
  restart(...args: string[]): Promise<void>;
  stop(): Promise<void>;
}

/** A real Redis server on a free port of 127.0.0.1, with a folder of its own. */
export async function startRedis(...args: string[]): Promise<TestRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-redis-'));
  const port = await freePort();
  const start = (...more: string[]): Promise<Child> =>
    startChild(
      'redis-server',
      [
        '--port',
        String(port),
        '--bind',
        '127.0.0.1',
        '--dir',
        folder,
        '--appendonly',
        'yes',
        ...args,
        ...more,
      ],
      { ready: port, install: 'apt-get install -y redis-server' },
    );
  let server = await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    async kill() {
      server.process.kill('SIGKILL');
      await server.exited;
    },
    signal: (name) => void server.process.kill(name),
    async dump() {
      const client = new Redis({ port, host: '127.0.0.1' });
      try {
        const keys = await client.keys('*');
        const all = await Promise.all(
          keys.map(async (key) => {
            const isText = (await client.type(key)) === 'string';
            const value = isText ? await client.get(key) : (await client.zrange(key, '0', '-1')).join(' ');
            const leftMs = await client.pttl(key);
            return { key, value: value ?? '', ttl: leftMs < 0 ? leftMs : leftMs / 1000 };
          }),
        );
        // One may have ended since they were listed.
        return all.filter(({ ttl }) => ttl !== -2);
      } finally {
        client.disconnect();
      }
    },
    async restart(...more) {
      server = await start(...more);
    },
    async stop() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
