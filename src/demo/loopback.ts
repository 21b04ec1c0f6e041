import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server that listens on this machine only. */
export interface Served {
  /** `http://127.0.0.1:port`. */
  url: string;
  /** Stops to listen and cuts every connection. */
  close(): Promise<void>;
}

/** Lets a server listen on a port of 127.0.0.1, 0 for any. Rejects when the port is taken. */
export function serve(server: Server, port: number): Promise<Served> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve({
        url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed());
            server.closeAllConnections();
          }),
      });
    });
  });
}

const mostAttempts = 10;

/**
 * Starts something on the wanted port, or on another one when somebody else has that. A port is known to be
 * free only once it is taken, so `start` is asked again for as long as it rejects with EADDRINUSE.
 */
export async function onFreePort<T>(wanted: number, start: (port: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const port = attempt === 1 ? wanted : await somePort();
    try {
      return await start(port);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || attempt === mostAttempts) throw error;
    }
  }
}

async function somePort(): Promise<number> {
  const { url, close } = await serve(createServer(), 0);
  await close();
  return Number(new URL(url).port);
}
