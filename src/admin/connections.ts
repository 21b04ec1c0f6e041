import type { Server, Socket } from 'node:net';
import { networkOf } from '../client-network.ts';
import { peerAddress } from '../listen/forwarded.ts';

/**
 * Of all clients together, and of one address, where a /64 of IPv6 is one: some of them have to be left for those who ask
 * for the health.
 */
const most = 512;
const mostOfOne = 64;

/** Connections above a limit are closed at once. Those over a Unix socket count together alone. */
export function boundConnections(server: Server): void {
  const byAddress = new Map<string, number>();
  server.maxConnections = most;
  server.on('connection', (socket: Socket) => {
    if (socket.remoteAddress === undefined) return;
    const client = networkOf(peerAddress(socket.remoteAddress));
    const open = (byAddress.get(client) ?? 0) + 1;
    if (open > mostOfOne) {
      socket.destroy();
      return;
    }
    byAddress.set(client, open);
    socket.once('close', () => {
      const left = (byAddress.get(client) ?? 1) - 1;
      if (left > 0) byAddress.set(client, left);
      else byAddress.delete(client);
    });
  });
}
