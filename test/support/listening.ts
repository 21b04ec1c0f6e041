import type { Socket } from 'node:net';
import { createServer, type Server } from 'node:net';

/** A server of a test, with its connections in hand. */
export interface Listening {
  /** `http://127.0.0.1:port`. */
  url: string;
  port: number;
  /** The connections that are open now. */
  open: ReadonlySet<Socket>;
  /** The number of connections that were ever accepted. */
  readonly accepted: number;
  /** Stops to listen and cuts every connection. */
  close(): Promise<void>;
  /** Listens on the same port again after `close`. */
  reopen(): Promise<void>;
}

/**
 * Lets a server listen on a free port of 127.0.0.1.
 * @param scheme what its URL begins with
 */
export async function listenOnLoopback(server: Server, scheme = 'http'): Promise<Listening> {
  const open = new Set<Socket>();
  let accepted = 0;
  server.on('connection', (socket: Socket) => {
    accepted++;
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    // A test that resets connections must not end with an uncaught error.
    socket.on('error', () => socket.destroy());
  });
  const listen = (port: number) =>
    new Promise<number>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', () => {
        server.off('error', reject);
        const address = server.address();
        resolve(typeof address === 'object' && address ? address.port : port);
      });
    });
  const port = await listen(0);
  return {
    url: `${scheme}://127.0.0.1:${port}`,
    port,
    open,
    get accepted() {
      return accepted;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
    async reopen() {
      await listen(port);
    },
  };
}

/** A port of 127.0.0.1 that was free a moment ago; somebody else may take it before it is used. */
export async function freePort(): Promise<number> {
  const { port, close } = await listenOnLoopback(createServer());
  await close();
  return port;
}
