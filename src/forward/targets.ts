import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { Agent, buildConnector, type Dispatcher } from 'undici';
import type { Clock } from '../clock.ts';
import type { RouteConfig, UpstreamTls } from '../config/schema/index.ts';
import { createTurnEnds } from './end-of-turn.ts';
import { RepairingConnection } from './repair/connection.ts';

/** Answers with more header bytes than this are refused; legacy applications like long Set-Cookie lists. */
const largestResponseHeaders = 64 * 1024;

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

/** One address of an application, as it is connected to. */
export interface TargetAddress {
  /** As it was configured. */
  name: string;
  /** Scheme, host and port for the request; of a socket the host is `localhost`. */
  origin: string;
  /** What tells it from others: two routes that connect alike have one key, and so one set of connections. */
  key: string;
  connectTimeout: number;
  http2: boolean;
  connect: ConnectOptions;
}

/** A target with its connections and what is known of its health. */
export interface Target extends Pick<TargetAddress, 'name' | 'origin' | 'connect'> {
  dispatcher: Dispatcher;
  /** Makes a connection for each request. */
  single: Dispatcher;
  /** No parser takes its answers as they are: they are repaired, each on a connection of its own. */
  isOdd: boolean;
  /** When it refused a connection last, by a clock that never goes back. */
  refusedAt: number;
}

export type TargetRoute = Pick<RouteConfig, 'timeout' | 'tls' | 'http2'>;

/**
 * How a target of a route is connected to. Throws when a file of the route's `tls` cannot be read.
 * @param read gives the contents of a file
 */
export function targetAddress(
  name: string,
  { timeout, tls, http2 }: TargetRoute,
  read: (file: string) => string,
): TargetAddress {
  const socketPath = name.startsWith('unix:') ? name.slice('unix:'.length) : undefined;
  const origin = socketPath === undefined ? name : 'http://localhost';
  const { protocol, hostname, port } = new URL(origin);
  const place =
    socketPath === undefined
      ? { host: hostname.replace(/^\[|\]$/g, ''), ...(port !== '' && { port: Number(port) }) }
      : { socketPath };
  const connect = { ...place, ...(tls && protocol === 'https:' && readTls(tls, read)) };
  const settings = JSON.stringify([name, timeout.connect, http2, connect]);
  // The settings have a private key among them.
  const key = createHash('sha256').update(settings).digest('base64url');
  return { name, origin, key, connectTimeout: timeout.connect, http2, connect };
}

/**
 * Opens the connections of a target, when requests need them.
 * @param opened called with each connection
 */
export function openTarget(
  address: TargetAddress,
  clock: Clock,
  opened: (socket: Socket) => void = () => undefined,
): Target {
  const { name, origin, http2, connect: options } = address;
  const turnEnds = createTurnEnds();
  const { host: _host, port: _port, ...secure } = options;
  const connect = buildConnector({
    timeout: address.connectTimeout,
    ...secure,
    allowH2: http2,
    // Without TLS there is nothing to agree by: HTTP/2 is then spoken from the first byte (RFC 9113 §3.3).
    ...(http2 && origin.startsWith('http:') && { useH2c: true }),
  });
  const dispatcher = new Agent({
    connect: (options, done) =>
      connect(options, (...outcome) => {
        const [, socket] = outcome;
        if (socket) {
          turnEnds.hold(socket);
          opened(socket);
        }
        done(...outcome);
      }),
    maxHeaderSize: largestResponseHeaders,
  });
  const target: Target = {
    name,
    origin,
    dispatcher,
    // One of HTTP/2 carries many requests, and no library reads its frames in two ways.
    single: http2 ? dispatcher : singleRequests(connect, { clock, opened }, () => target.isOdd),
    isOdd: false,
    refusedAt: Number.NEGATIVE_INFINITY,
    connect: options,
  };
  return target;
}

/** Ends every connection of a target, those in use included. */
export async function closeTarget({ dispatcher, single }: Target): Promise<void> {
  await Promise.all([dispatcher.destroy(), single.destroy()]);
}

/** A connection for each request, with an answer that is repaired where it has to be. */
function singleRequests(
  connect: buildConnector.connector,
  { clock, opened }: { clock: Clock; opened(socket: Socket): void },
  isOdd: () => boolean,
): Dispatcher {
  return new Agent({
    connect: (options, done) =>
      connect(options, (...outcome) => {
        const [, socket] = outcome;
        if (socket) opened(socket);
        if (!socket || !isOdd()) done(...outcome);
        else done(null, new RepairingConnection(socket, largestResponseHeaders, clock) as unknown as Socket);
      }),
    // The server is asked to close the connection behind its answer.
    pipelining: 0,
    maxHeaderSize: largestResponseHeaders,
  });
}

function readTls(
  { ca, cert, key, serverName, insecureSkipVerify }: UpstreamTls,
  read: (file: string) => string,
): ConnectOptions {
  return {
    ...(ca !== undefined && { ca: read(ca) }),
    ...(cert !== undefined && { cert: read(cert) }),
    ...(key !== undefined && { key: read(key) }),
    ...(serverName !== undefined && { servername: serverName }),
    ...(insecureSkipVerify && { rejectUnauthorized: false }),
  };
}
