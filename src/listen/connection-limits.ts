import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { networkOf } from '../client-network.ts';
import type { Config } from '../config/schema/index.ts';
import type { LimitReports } from '../limits/limit-reports.ts';
import { peerAddress } from './forwarded.ts';

/** The limits of connections that are in force. */
export interface ConnectionRules extends Pick<Config['limits'], 'connections' | 'connectionsPerClient'> {
  /** Whether an address is one of the trusted proxies, which come for many. */
  isTrusted(address: string): boolean;
}

/** Counts the connections of this process, on all of its addresses together. */
export interface ConnectionLimits {
  apply(rules: ConnectionRules): void;
  /** From now on a connection that is one too many is closed at once, before TLS and before anybody is told of it. */
  guard(server: Server): void;
}

export function createConnectionLimits(reports: LimitReports): ConnectionLimits {
  let rules: ConnectionRules = {
    connections: undefined,
    connectionsPerClient: undefined,
    isTrusted: () => false,
  };
  const counted = new WeakSet<Socket>();
  /** As many as there are connections. */
  const ofClients = new Map<string, number>();
  let open = 0;

  const refuse = (limit: string, who: string | undefined): false => {
    reports.refused(limit, who);
    return false;
  };
  const admit = (socket: Socket): boolean => {
    // One that offered another protocol is given back to the server, and so comes here again.
    if (counted.has(socket)) return true;
    const address = peerAddress(socket.remoteAddress);
    const client = address === '' ? undefined : networkOf(address);
    const { connections, connectionsPerClient, isTrusted } = rules;
    if (connections !== undefined && open >= connections) return refuse('limits.connections', client);
    const mine = (client !== undefined && ofClients.get(client)) || 0;
    if (connectionsPerClient !== undefined && mine >= connectionsPerClient && !isTrusted(address))
      return refuse('limits.connectionsPerClient', client);
    counted.add(socket);
    open += 1;
    if (client !== undefined) ofClients.set(client, mine + 1);
    socket.once('close', () => {
      open -= 1;
      if (client === undefined) return;
      const left = (ofClients.get(client) ?? 1) - 1;
      if (left > 0) ofClients.set(client, left);
      else ofClients.delete(client);
    });
    return true;
  };

  return {
    apply(next) {
      rules = next;
    },
    guard(server) {
      // Listeners of a destroyed connection would begin TLS on it, or wait for a request: it must come to none of them.
      const emit = server.emit.bind(server) as (name: string | symbol, ...values: unknown[]) => boolean;
      server.emit = (name: string | symbol, ...values: unknown[]): boolean => {
        if (name !== 'connection' || admit(values[0] as Socket)) return emit(name, ...values);
        (values[0] as Socket).destroy();
        return true;
      };
    },
  };
}
