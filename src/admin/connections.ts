import type { EventEmitter } from 'node:events';
import type { Server, Socket } from 'node:net';
import { networkOf } from '../client-network.ts';
import { peerAddress } from '../listen/forwarded.ts';

/** Of all clients together, and of one address, where a /64 of IPv6 is one. Those over a Unix socket count together alone. */
const most = 512;
const mostOfOne = 64;
/** What may be open at all, until those that are too many have been found: as many as come in one turn of the event loop. */
const mostAtOnce = 2 * most;

interface Open {
  socket: Socket;
  /** Undefined over a Unix socket. */
  client: string | undefined;
  /** Requests whose answers have not ended. */
  requests: number;
  /** It has asked for something. */
  hasAsked: boolean;
}

/**
 * Whoever holds connections keeps nobody from asking for the health: above a limit those give way that ask for nothing, of the
 * client that has most of them. Who has just come is let in, and has the time to say what for.
 */
export function boundConnections(server: Server): void {
  // The longest idle first.
  const open = new Map<Socket, Open>();
  const ofClients = new Map<string, number>();
  let isLooking = false;

  const isTooMany = ({ client }: Open) =>
    open.size > most || (client !== undefined && (ofClients.get(client) ?? 0) > mostOfOne);
  const look = () => {
    isLooking = false;
    for (const each of [...open.values()].reverse()) {
      while (open.has(each.socket) && isTooMany(each)) end(givesWay(each, open, ofClients));
    }
  };
  const lookSoon = () => {
    if (isLooking) return;
    isLooking = true;
    // What was sent with the connections of this turn is read in the next one.
    setImmediate(() => setImmediate(look));
  };
  const forget = ({ socket, client }: Open) => {
    if (!open.delete(socket) || client === undefined) return;
    const left = (ofClients.get(client) ?? 1) - 1;
    if (left > 0) ofClients.set(client, left);
    else ofClients.delete(client);
  };
  const end = (each: Open) => {
    forget(each);
    each.socket.destroy();
  };

  server.maxConnections = mostAtOnce;
  server.on('connection', (socket: Socket) => {
    const { remoteAddress } = socket;
    const client = remoteAddress === undefined ? undefined : networkOf(peerAddress(remoteAddress));
    const each: Open = { socket, client, requests: 0, hasAsked: false };
    open.set(socket, each);
    if (client !== undefined) ofClients.set(client, (ofClients.get(client) ?? 0) + 1);
    socket.once('close', () => forget(each));
    if (isTooMany(each)) lookSoon();
  });
  server.on('request', ({ socket }: { socket: Socket }, response: EventEmitter) => {
    const each = open.get(socket);
    if (!each) return;
    each.requests += 1;
    each.hasAsked = true;
    response.once('close', () => {
      each.requests -= 1;
      if (open.delete(socket)) open.set(socket, each);
    });
  });
}

/** Of those that are too many together with this one: what asked for nothing yet, what is idle, and what is not. */
function givesWay(
  { client }: Open,
  open: ReadonlyMap<Socket, Open>,
  ofClients: ReadonlyMap<string, number>,
): Open {
  const isOfOne = client !== undefined && (ofClients.get(client) ?? 0) > mostOfOne;
  const whose = isOfOne ? client : greediest(ofClients);
  const theirs = [...open.values()].filter((each) => whose === undefined || each.client === whose);
  const found =
    theirs.find(({ hasAsked }) => !hasAsked) ?? theirs.find(({ requests }) => requests === 0) ?? theirs[0];
  return found as Open;
}

/** Who has most of them; undefined where they are all over a Unix socket. */
function greediest(ofClients: ReadonlyMap<string, number>): string | undefined {
  let found: string | undefined;
  let largest = 0;
  for (const [client, count] of ofClients) {
    if (count > largest) {
      found = client;
      largest = count;
    }
  }
  return found;
}
