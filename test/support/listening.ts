import type { Server, Socket } from 'node:net';

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
 * @param wanted a port of one's own choice; 0 is any
 */
export async function listenOnLoopback(server: Server, scheme = 'http', wanted = 0): Promise<Listening> {
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
  const port = await listen(wanted);
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
