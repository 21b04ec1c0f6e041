import { WebSocket } from 'ws';
import type { Client } from '../../support/client.ts';

/** WebSockets that live through all of a run. */
export interface Sockets {
  /** Those that have ended, or have not answered their last message. */
  cut(): number;
  close(): void;
}

const messageEveryMs = 1000;

/** Opens them through the gateway; each sends something each second, which has to come back. */
export async function openSockets(url: string, count: number, clients: readonly Client[]): Promise<Sockets> {
  const closed = new Set<number>();
  const unanswered = new Map<number, number>();
  const sockets = await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const client = clients[index % clients.length];
      const socket = new WebSocket(`${url.replace('http', 'ws')}/socket`, {
        headers: { cookie: client?.cookies.headerFor(url) ?? '', origin: url },
      });
      // A handshake may bring a session that was refreshed: whoever drops it goes on with tokens that are used up.
      socket.on('upgrade', ({ headers }) => client?.cookies.take(url, headers['set-cookie'] ?? []));
      await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
      socket.on('message', () => unanswered.set(index, 0));
      socket.on('close', () => closed.add(index)).on('error', () => closed.add(index));
      return socket;
    }),
  );
  const timer = setInterval(() => {
    for (const [index, socket] of sockets.entries()) {
      if (socket.readyState !== WebSocket.OPEN) continue;
      unanswered.set(index, (unanswered.get(index) ?? 0) + 1);
      socket.send('still there?');
    }
  }, messageEveryMs);
  return {
    cut: () => {
      // An answer may be on its way, and the machine slow.
      const silent = [...unanswered].filter(([index, count]) => count > 10 && !closed.has(index));
      return closed.size + silent.length;
    },
    close() {
      clearInterval(timer);
      for (const socket of sockets) socket.terminate();
    },
  };
}
