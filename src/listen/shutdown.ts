import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Clock } from '../clock.ts';
import type { Emit } from '../observe/events.ts';

/** Below the ten seconds after which a container engine kills what it asked to stop. */
export const graceMs = 8000;
/** How often kept-alive connections that have become idle are looked for. */
const sweepMs = 100;

/** The open connections of a server, upgraded ones included. */
export function trackConnections(server: Server): ReadonlySet<Socket> {
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    if (open.has(socket)) return;
    open.add(socket);
    socket.on('close', () => open.delete(socket));
  });
  return open;
}

/** Stops accepting and waits for what is under way; ends by force what takes longer than the limit. */
export async function closeGracefully(
  app: FastifyInstance,
  connections: ReadonlySet<Socket>,
  emit: Emit,
  clock: Clock,
): Promise<void> {
  const sweep = clock.every(sweepMs, () => app.server.closeIdleConnections());
  const limit = clock.after(graceMs, () => {
    emit({ kind: 'connections-left-open', connections: connections.size });
    for (const socket of connections) socket.destroy();
  });
  await app.close();
  // The server does not wait for those that came by another address (listen.ts).
  for (const socket of connections) await new Promise((resolve) => socket.once('close', resolve));
  sweep.cancel();
  limit.cancel();
}
