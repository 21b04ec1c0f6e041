import cluster from 'node:cluster';
import { lookup } from 'node:dns/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { ListenAddress } from '../config/schema/index.ts';
import { bufferedBytes } from './server.ts';
import { removeStaleSocket } from './stale-socket.ts';

/** The addresses of a name, in the order of preference. */
type Lookup = (host: string) => Promise<string[]>;

const lookUp: Lookup = async (host) => {
  const found = await lookup(host, { all: true });
  return found.map(({ address }) => address);
};

/**
 * Starts to listen; gives the address that can be connected to, such as `http://127.0.0.1:4180`. `localhost` has two
 * addresses on most machines. Fastify would make a second server for the other one, without anything that is set up on
 * the first: its connections are given to the first here.
 */
export async function listen(
  app: FastifyInstance,
  address: ListenAddress,
  addressesOf: Lookup = lookUp,
): Promise<string> {
  // Workers listen by their primary, which has looked before it started them.
  if (cluster.isPrimary) await removeStaleSocket(address);
  if ('path' in address) return app.listen({ path: address.path });
  const { host, port } = address;
  if (host !== 'localhost') return app.listen({ host, port });
  const [first = host, ...others] = await addressesOf(host);
  const doors: Server[] = [];
  app.addHook('preClose', (done) => {
    for (const door of doors) door.close();
    done();
  });
  const url = await app.listen({ host: first, port });
  const { port: listening } = app.server.address() as AddressInfo;
  for (const other of others) {
    const door = await openDoor(app.server, other, listening);
    if (door) doors.push(door);
  }
  return url;
}

/** Undefined where the address cannot be listened on, such as that of IPv6 where there is none. */
function openDoor(server: Server, host: string, port: number): Promise<Server | undefined> {
  const options = { allowHalfOpen: true, noDelay: true, highWaterMark: bufferedBytes };
  const door = createServer(options, (socket) => server.emit('connection', socket));
  if (server.maxConnections) door.maxConnections = server.maxConnections;
  return new Promise((resolve) => {
    door.once('error', () => resolve(undefined));
    door.listen({ host, port }, () => resolve(door));
  });
}
