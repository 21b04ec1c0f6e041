import type { Server, Socket } from 'node:net';

/** Of all clients together, and of one address: some of them have to be left for those who ask for the health. */
const most = 512;
const mostOfOne = 64;

/** Connections above a limit are closed at once. Those over a Unix socket count together alone. */
export function boundConnections(server: Server): void {
  const byAddress = new Map<string, number>();
  server.maxConnections = most;
  server.on('connection', (socket: Socket) => {
    const { remoteAddress } = socket;
    if (remoteAddress === undefined) return;
    const open = (byAddress.get(remoteAddress) ?? 0) + 1;
    if (open > mostOfOne) {
      socket.destroy();
      return;
    }
    byAddress.set(remoteAddress, open);
    socket.once('close', () => {
      const left = (byAddress.get(remoteAddress) ?? 1) - 1;
      if (left > 0) byAddress.set(remoteAddress, left);
      else byAddress.delete(remoteAddress);
    });
  });
}
