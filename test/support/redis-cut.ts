import { connect, createServer, type Socket } from 'node:net';
import { listenOnLoopback } from './listening.ts';

/** A way to a Redis server that a test can cut, for one instance alone. */
export interface RedisCut {
  url: string;
  /** Ends every connection and takes none. */
  cut(): Promise<void>;
  /** Keeps every connection and carries nothing any more: those that are open, and new ones. */
  hush(): void;
  /** Carries what is asked and no reply: the server does what nobody here hears of. */
  deafen(): void;
  heal(): Promise<void>;
  close(): Promise<void>;
}

export async function startRedisCut(port: number): Promise<RedisCut> {
  const sockets = new Set<Socket>();
  let isSilent = false;
  let isDeaf = false;
  const join = (from: Socket, to: Socket, isReply: boolean) => {
    sockets.add(from);
    from.on('data', (chunk) => {
      if (!isSilent && !(isDeaf && isReply)) to.write(chunk);
    });
    from.on('error', () => {});
    from.on('close', () => {
      sockets.delete(from);
      to.destroy();
    });
  };
  const server = createServer((client) => {
    const redis = connect(port, '127.0.0.1');
    join(client, redis, false);
    join(redis, client, true);
  });
  const listening = await listenOnLoopback(server, 'redis');
  const destroyAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: listening.url,
    async cut() {
      const closed = listening.close();
      destroyAll();
      await closed;
    },
    hush() {
      isSilent = true;
    },
    deafen() {
      isDeaf = true;
    },
    async heal() {
      if (isSilent || isDeaf) destroyAll();
      isSilent = false;
      isDeaf = false;
      if (!server.listening) await listening.reopen();
    },
    async close() {
      destroyAll();
      if (server.listening) await listening.close();
    },
  };
}
