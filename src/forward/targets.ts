import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { Agent, type Dispatcher } from 'undici';
import type { Clock } from '../clock.ts';
import type { RouteConfig, UpstreamTls } from '../config/schema/index.ts';
import { parseProxy } from '../egress/proxy.ts';
import {
  type ConnectAddress,
  type ConnectOptions,
  createConnector,
  largestResponseHeaders,
} from './connector.ts';
import type { TurnEnds } from './end-of-turn.ts';
import { createHeaderReader, type HeaderReader } from './raw-headers.ts';
import { createTargetTurns, type TargetTurns } from './target-turns.ts';

/** One address of an application, as it is connected to. */
export interface TargetAddress extends ConnectAddress {
  /** As it was configured. */
  name: string;
  /** What tells it from others: two routes that connect alike have one key, and so one set of connections. */
  key: string;
}

/** A target with its connections. */
export interface Target
  extends Pick<TargetAddress, 'name' | 'origin' | 'connect' | 'proxy' | 'connectTimeout'> {
  dispatcher: Dispatcher;
  /** Who may send to it now, where that is limited. */
  turns: TargetTurns;
  /** Reads the headers of its answers. */
  readHeaders: HeaderReader;
  /** Makes a connection for each request. */
  single: Dispatcher;
  /** No parser takes its answers as they are: they are repaired, each on a connection of its own. */
  isOdd: boolean;
  /** Makes new connections from now on; those that are there end with their requests. */
  renew(): void;
  /** Those that are ending so. */
  retired: Set<Dispatcher>;
  /** The requests and tunnels of this process that are under way to it; those that wait for their turn are. */
  inFlight: number;
}

export type TargetRoute = Pick<RouteConfig, 'timeout' | 'tls' | 'http2' | 'proxy'>;

/**
 * How a target of a route is connected to. Throws when a file of the route's `tls` cannot be read.
 * @param read gives the contents of a file
 */
export function targetAddress(
  name: string,
  { timeout, tls, http2, proxy: through }: TargetRoute,
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
  const proxy = through === undefined ? undefined : parseProxy(through);
  const settings = JSON.stringify([name, timeout.connect, http2, connect, proxy]);
  // The settings have a private key among them, and the password of a proxy.
  const key = createHash('sha256').update(settings).digest('base64url');
  return { name, origin, key, connectTimeout: timeout.connect, http2, connect, proxy };
}

/** What connections to targets are opened with. */
export interface Opening {
  /** Called with each connection. */
  opened(socket: Socket): void;
  clock: Clock;
  turnEnds: TurnEnds;
}

/** Opens the connections of a target, when requests need them. */
export function openTarget(address: TargetAddress, opening: Opening): Target {
  const { name, origin, http2, connect, proxy, connectTimeout } = address;
  const { opened, clock, turnEnds } = opening;
  const openAgent = () =>
    new Agent({
      connect: createConnector(address, { opened, holdsWrites: turnEnds }),
      maxHeaderSize: largestResponseHeaders,
    });
  const dispatcher = openAgent();
  const retired = new Set<Dispatcher>();
  const target: Target = {
    name,
    origin,
    dispatcher,
    turns: createTargetTurns(clock),
    readHeaders: createHeaderReader(),
    // One of HTTP/2 carries many requests, and no library reads its frames in two ways.
    single: http2
      ? dispatcher
      : new Agent({
          connect: createConnector(address, { opened, repairs: { isNeeded: () => target.isOdd, clock } }),
          // A connection for each request: the server is asked to close it behind its answer.
          pipelining: 0,
          maxHeaderSize: largestResponseHeaders,
        }),
    isOdd: false,
    renew() {
      const old = target.dispatcher;
      target.dispatcher = openAgent();
      if (http2) target.single = target.dispatcher;
      retired.add(old);
      const end = () => retired.delete(old);
      old.close().then(end, end);
    },
    retired,
    inFlight: 0,
    connect,
    proxy,
    connectTimeout,
  };
  return target;
}

/** Ends every connection of a target, those in use included. */
export async function closeTarget({ dispatcher, single, retired }: Target): Promise<void> {
  await Promise.all([dispatcher, single, ...retired].map((each) => each.destroy()));
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
