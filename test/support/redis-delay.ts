import { connect, createServer, type Socket } from 'node:net';
import { listenOnLoopback } from './listening.ts';

/** A way to a Redis server that is long, and of which a test can hold one part. */
export interface RedisDelay {
  url: string;
  /** Nothing that Redis answers arrives from now on; what it tells those that listen does. */
  holdAnswers(): void;
  /** What was held arrives, and all that follows. */
  letGo(): void;
  /** Nothing that Redis tells those that listen arrives any more, and no connection ends. */
  deafen(): void;
  /** Whether some answer is held that has this in it. */
  holds(text: string): boolean;
  /** What Redis has told those that listen. */
  heard(): string;
  close(): Promise<void>;
}

/** @param ms that a command and its answer take on the way, half of it in each direction */
export async function startRedisDelay(port: number, ms = 0): Promise<RedisDelay> {
  const held: { to: Socket; chunk: Buffer }[] = [];
  let isHolding = false;
  let isDeaf = false;
  let heard = '';
  const later = (to: Socket, chunk: Buffer) => {
    // Timers of one length come in the order in which they were set.
    if (ms > 0) setTimeout(() => to.write(chunk), ms / 2);
    else to.write(chunk);
  };
  const server = createServer((client) => {
    const redis = connect(port, '127.0.0.1');
    let isListener = false;
    client.on('data', (chunk) => {
      isListener ||= chunk.toString('latin1').toLowerCase().includes('subscribe');
      later(redis, chunk);
    });
    redis.on('data', (chunk) => {
      if (isListener && isDeaf) return;
      if (isListener) heard += chunk.toString('latin1');
      if (!isListener && isHolding) held.push({ to: client, chunk });
      else later(client, chunk);
    });
    for (const [one, other] of [
      [client, redis],
      [redis, client],
    ] as const) {
      one.on('error', () => {});
      one.on('close', () => other.destroy());
    }
  });
  const listening = await listenOnLoopback(server, 'redis');
  return {
    url: listening.url,
    holdAnswers() {
      isHolding = true;
    },
    letGo() {
      isHolding = false;
      for (const { to, chunk } of held.splice(0)) later(to, chunk);
    },
    deafen() {
      isDeaf = true;
    },
    holds: (text) => held.some(({ chunk }) => chunk.toString('latin1').includes(text)),
    heard: () => heard,
    close: () => listening.close(),
  };
}
