import { connect, createServer, type Socket } from 'node:net';
import { type Listening, listenOnLoopback } from '../support/listening.ts';

/** The way from a front to the gateway, which can be cut, or go silent. */
export interface Relay {
  /** Host and port. */
  address: string;
  /** Connections are accepted, and nothing ever comes back. */
  hang(): void;
  /** Nobody listens. */
  cut(): Promise<void>;
  close(): Promise<void>;
}

/** @param to host and port, asked at each connection */
export async function startRelay(to: () => string): Promise<Relay> {
  let isHung = false;
  let listening: Listening | undefined;
  const server = createServer((socket: Socket) => {
    if (isHung) {
      socket.resume();
      return;
    }
    const [host, port] = to().split(':');
    const onward = connect(Number(port), host ?? '');
    onward.setNoDelay(true);
    socket.setNoDelay(true);
    socket.pipe(onward);
    onward.pipe(socket);
    onward.on('error', () => socket.destroy());
    socket.on('close', () => onward.destroy());
  });
  const at = await listenOnLoopback(server);
  listening = at;
  const cut = async () => {
    await listening?.close();
    listening = undefined;
  };
  return {
    address: new URL(at.url).host,
    hang() {
      isHung = true;
      // Connections from before would still be answered.
      for (const socket of at.open) socket.destroy();
    },
    cut,
    close: cut,
  };
}
