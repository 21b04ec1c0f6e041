import { isIP, type Socket } from 'node:net';
import type { buildConnector } from 'undici';
import type { Clock } from '../clock.ts';
import { createConnect } from '../egress/connect.ts';
import type { ForwardProxy } from '../egress/proxy.ts';
import type { TurnEnds } from './end-of-turn.ts';
import { RepairingConnection } from './repair/connection.ts';

/** Answers with more header bytes than this are refused; legacy applications like long Set-Cookie lists. */
export const largestResponseHeaders = 64 * 1024;

/** How to connect by hand, for tunnels: what Node's `request` takes. */
export interface ConnectOptions {
  host?: string;
  port?: number;
  socketPath?: string;
  ca?: string;
  cert?: string;
  key?: string;
  servername?: string;
  rejectUnauthorized?: boolean;
}

/** Where and how a connection is made. */
export interface ConnectAddress {
  /** Scheme, host and port for the request; of a socket the host is `localhost`. */
  origin: string;
  connectTimeout: number;
  http2: boolean;
  connect: ConnectOptions;
  /** What every connection goes through; undefined for none. */
  proxy: ForwardProxy | undefined;
}

/**
 * What is done to a connection before undici gets it, which owns it from then on. Each has a test that asks a real
 * connection of undici's whether it was done (`test/forward/connector.test.ts`).
 */
export interface ConnectionOptions {
  /** Called with each connection as it was opened, such as by the watch that ends silent ones. */
  opened(socket: Socket): void;
  /** What is written to it in one turn of the event loop leaves at the end of the turn, in one piece. */
  holdsWrites?: Pick<TurnEnds, 'hold'>;
  /** The answer on it is repaired on its way, where that is needed; asked of each connection. */
  repairs?: { isNeeded(): boolean; clock: Clock };
}

/** Opens the connections to one address, as undici's `connect` option takes it. */
export function createConnector(
  address: ConnectAddress,
  { opened, holdsWrites, repairs }: ConnectionOptions,
): buildConnector.connector {
  const connect = createDial(address, address.http2);
  return (options, done) =>
    connect(options, (...outcome) => {
      const [, socket] = outcome;
      if (!socket) {
        done(...outcome);
        return;
      }
      opened(socket);
      holdsWrites?.hold(socket);
      if (!repairs?.isNeeded()) done(null, socket);
      // It has of a socket what undici asks for.
      else
        done(
          null,
          new RepairingConnection(socket, largestResponseHeaders, repairs.clock) as unknown as Socket,
        );
    });
}

/** Opens connections to one address, through its proxy where it has one. @param http2 it is agreed on, where it can be */
export function createDial(
  { origin, connectTimeout, connect: place, proxy }: Omit<ConnectAddress, 'http2'>,
  http2: boolean,
): buildConnector.connector {
  const { host = '', port: _port, ...secure } = place;
  // An address has no name (RFC 6066 §3): its certificate is for the address.
  const servername = secure.servername ?? (isIP(host) === 0 && host !== '' ? host : undefined);
  const connect = createConnect(() => proxy, {
    timeout: connectTimeout,
    ...secure,
    allowH2: http2,
    // Without TLS there is nothing to agree by: HTTP/2 is then spoken from the first byte (RFC 9113 §3.3).
    ...(http2 && origin.startsWith('http:') && { useH2c: true }),
  });
  // The library would take the name of the request's Host for that of the certificate, and `serverName` for nothing.
  return ({ servername: _named, ...options }, done) =>
    connect({ ...options, ...(servername !== undefined && { servername }) }, done);
}
