import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { Agent, buildConnector, type Dispatcher } from 'undici';
import type { Clock } from '../clock.ts';
import type { RouteConfig, UpstreamTls } from '../config/schema/index.ts';
import { createTurnEnds, type TurnEnds } from './end-of-turn.ts';
import { RepairingConnection } from './repair/connection.ts';

/** Answers with more header bytes than this are refused; legacy applications like long Set-Cookie lists. */
const largestResponseHeaders = 64 * 1024;

/** How long a target that refused a connection is left out while there are others. */
const ejectionMs = 10_000;

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

/** One address of an application. */
export interface Target {
  /** As it was configured. */
  name: string;
  /** Scheme, host and port for the request; of a socket the host is `localhost`. */
  origin: string;
  dispatcher: Dispatcher;
  /** Makes a connection for each request. */
  single: Dispatcher;
  /** No parser takes its answers as they are: they are repaired, each on a connection of its own. */
  isOdd: boolean;
  connect: ConnectOptions;
}

/** The addresses of one route, taken in turn (round robin); the ones that refused lately come last. */
export interface Targets {
  size: number;
  origins: readonly string[];
  /** @param tried those that this request was refused by already */
  pick(tried: readonly Target[]): Target;
  /** No connection was made: nothing was sent. */
  refused(target: Target): void;
  /** The answer of this target is one that has to be repaired, as those that follow will be. */
  isOdd(target: Target, error: Error): void;
}

/** Makes the targets of routes; connections and health are shared by routes that connect alike. */
export interface TargetFactory {
  targetsOf(route: RouteConfig): Targets;
  close(): Promise<void>;
}

/**
 * Throws when a file of a route's `tls` cannot be read.
 * @param onOdd called once for a target whose answers have to be repaired
 * @param opened called with each connection to a target
 */
export function createTargetFactory(
  onOdd: (target: Target, error: Error) => void,
  opened: (socket: Socket) => void,
  clock: Clock,
): TargetFactory {
  const known = new Map<string, Target>();
  const refusedAt = new WeakMap<Target, number>();
  const opening = { opened, clock, turnEnds: createTurnEnds() };

  const targetOf = (name: string, route: RouteConfig): Target => {
    const key = JSON.stringify([name, route.timeout.connect, route.tls, route.http2]);
    const target = known.get(key) ?? openTarget(name, route, opening);
    known.set(key, target);
    return target;
  };

  return {
    targetsOf(route) {
      const targets = route.upstream.map((name) => targetOf(name, route));
      let turn = 0;
      const isOut = (target: Target) =>
        clock.monotonic() - (refusedAt.get(target) ?? Number.NEGATIVE_INFINITY) < ejectionMs;
      return {
        size: targets.length,
        origins: targets.map(({ origin }) => origin),
        pick(tried) {
          let fallback: Target | undefined;
          for (let step = 0; step < targets.length; step++) {
            const target = targets[(turn + step) % targets.length] as Target;
            if (tried.includes(target)) continue;
            fallback ??= target;
            if (targets.length > 1 && isOut(target)) continue;
            turn = (turn + step + 1) % targets.length;
            return target;
          }
          turn = (turn + 1) % targets.length;
          return fallback ?? (targets[turn] as Target);
        },
        refused: (target) => void refusedAt.set(target, clock.monotonic()),
        isOdd(target, error) {
          if (!target.isOdd) onOdd(target, error);
          target.isOdd = true;
        },
      };
    },
    async close() {
      const all = [...known.values()].flatMap(({ dispatcher, single }) => [dispatcher, single]);
      await Promise.all(all.map((dispatcher) => dispatcher.destroy()));
    },
  };
}

/** What connections to targets are opened with. */
interface Opening {
  opened(socket: Socket): void;
  clock: Clock;
  turnEnds: TurnEnds;
}

function openTarget(name: string, { timeout, tls, http2 }: RouteConfig, opening: Opening): Target {
  const socketPath = name.startsWith('unix:') ? name.slice('unix:'.length) : undefined;
  const origin = socketPath === undefined ? name : 'http://localhost';
  const { protocol, hostname, port } = new URL(origin);
  const secure = tls && protocol === 'https:' ? readTls(tls) : {};
  const connect = buildConnector({
    timeout: timeout.connect,
    ...(socketPath && { socketPath }),
    ...secure,
    allowH2: http2,
    // Without TLS there is nothing to agree by: HTTP/2 is then spoken from the first byte (RFC 9113 §3.3).
    ...(http2 && protocol === 'http:' && { useH2c: true }),
  });
  const dispatcher = new Agent({
    connect: (options, done) =>
      connect(options, (...outcome) => {
        const [, socket] = outcome;
        if (socket) {
          opening.turnEnds.hold(socket);
          opening.opened(socket);
        }
        done(...outcome);
      }),
    maxHeaderSize: largestResponseHeaders,
  });
  const place =
    socketPath === undefined
      ? { host: hostname.replace(/^\[|\]$/g, ''), ...(port !== '' && { port: Number(port) }) }
      : { socketPath };
  const target: Target = {
    name,
    origin,
    dispatcher,
    // One of HTTP/2 carries many requests, and no library reads its frames in two ways.
    single: http2 ? dispatcher : singleRequests(connect, opening, () => target.isOdd),
    isOdd: false,
    connect: { ...place, ...secure },
  };
  return target;
}

/** A connection for each request, with an answer that is repaired where it has to be. */
function singleRequests(
  connect: buildConnector.connector,
  { opened, clock }: Opening,
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

function readTls({ ca, cert, key, serverName, insecureSkipVerify }: UpstreamTls): ConnectOptions {
  return {
    ...(ca !== undefined && { ca: readFileSync(ca, 'utf8') }),
    ...(cert !== undefined && { cert: readFileSync(cert, 'utf8') }),
    ...(key !== undefined && { key: readFileSync(key, 'utf8') }),
    ...(serverName !== undefined && { servername: serverName }),
    ...(insecureSkipVerify && { rejectUnauthorized: false }),
  };
}
