import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Clock, Timer } from '../clock.ts';
import type { Emit } from '../observe/events.ts';
import { hasBegun, isFollowed, pendingAnswers } from './answers.ts';

/** How often kept-alive connections that have become idle are looked for. */
const sweepMs = 100;
/** How long a client that has opened a connection may send nothing on it, once no others are accepted: it may be busy. */
const unusedMs = 5000;
/** What is kept of the time of an end for what comes after the last connection: a tenth, but no more than this. */
const mostLastWordsMs = 1000;

/** What is left of the time of an end, for each of its steps. */
export interface Countdown {
  /** Until connections are cut. */
  forConnections(): number;
  /** Until refreshes under way are no longer waited for, whose answers must be written down. */
  forRefreshes(): number;
  /** Until stores and calls to providers are no longer waited for. Then the last lines of the log are written. */
  forClosing(): number;
}

/** Begins to count. Every step fits into the time-out, so that nobody has to kill what takes its time. */
export function countDown(timeout: number, clock: Clock): Countdown {
  const end = clock.monotonic() + timeout;
  const lastWords = Math.min(mostLastWordsMs, timeout / 10);
  const until = (before: number) => () => Math.max(0, end - before - clock.monotonic());
  return {
    forConnections: until(lastWords),
    forRefreshes: until(lastWords / 2),
    forClosing: until(lastWords / 4),
  };
}

/** The open connections of a server, upgraded ones included. */
export interface Connections {
  accepted: ReadonlySet<Socket>;
  /** Those that requests come by; with TLS they are other sockets, which are there after the handshake. */
  speaking: ReadonlySet<Socket>;
  /** Whether a request or a handshake has come by it. */
  isUsed(socket: Socket): boolean;
}

export function trackConnections(server: Server, isTls: boolean): Connections {
  const upgraded = new WeakSet<Socket>();
  server.on('upgrade', (_request, socket) => upgraded.add(socket as Socket));
  const accepted = track(server, 'connection');
  return {
    accepted,
    speaking: isTls ? track(server, 'secureConnection') : accepted,
    isUsed: (socket) => hasBegun(socket) || upgraded.has(socket),
  };
}

function track(server: Server, event: 'connection' | 'secureConnection'): ReadonlySet<Socket> {
  const open = new Set<Socket>();
  server.on(event, (socket: Socket) => {
    if (open.has(socket)) return;
    open.add(socket);
    socket.on('close', () => open.delete(socket));
  });
  return open;
}

/**
 * Has every answer from now on end its connection, so that clients open the next one elsewhere, where they find
 * somebody who goes on. An idle connection stays: closing it might cross a request on its way.
 */
export function endWithAnswers(server: Server, { speaking }: Connections): void {
  for (const socket of speaking) {
    for (const answer of pendingAnswers(socket)) endConnectionWith(answer);
  }
  for (const event of ['request', 'checkContinue', 'checkExpectation']) {
    server.prependListener(event, (_request, response: ServerResponse) => endConnectionWith(response));
  }
}

/** Only when its head is written it is known whether another request waits behind, which shall have an answer too. */
function endConnectionWith(response: ServerResponse): void {
  if (response.headersSent) return;
  const writeHead = response.writeHead.bind(response) as (...head: unknown[]) => ServerResponse;
  response.writeHead = (...head: unknown[]) => {
    if (!isFollowed(response.req.socket)) response.shouldKeepAlive = false;
    return writeHead(...head);
  };
}

/**
 * Before the port closes, the connections that wait there are accepted, and the requests that have come are read: an
 * idle connection is one of which nothing is on its way. This is to be called before the server listens.
 */
export function readBeforeClose(app: FastifyInstance): void {
  app.addHook('preClose', (done) => afterReading(done));
}

/** Calls back when everything was read that had come: a process that is short of time may be far behind. */
function afterReading(callback: () => void): void {
  setImmediate(callback);
}

/** Stops accepting and waits for what is under way; ends by force what takes longer than the limit. */
export async function closeGracefully(
  app: FastifyInstance,
  connections: Connections,
  { emit, clock, withinMs }: { emit: Emit; clock: Clock; withinMs: number },
): Promise<void> {
  const { accepted } = connections;
  const sweep = clock.every(sweepMs, () => afterReading(() => app.server.closeIdleConnections()));
  const unused = endUnused(connections, clock);
  const limit = clock.after(withinMs, () => {
    emit({ kind: 'connections-left-open', connections: accepted.size });
    for (const socket of accepted) socket.destroy();
  });
  await app.close();
  // The server does not wait for those that came by another address (listen.ts).
  for (const socket of accepted) await new Promise((resolve) => socket.once('close', resolve));
  for (const timer of [sweep, unused, limit]) timer.cancel();
}

/** To Node.js a connection on which nothing has come yet is not idle; browsers and probes open some and send nothing. */
function endUnused({ accepted, speaking, isUsed }: Connections, clock: Clock): Timer {
  const bytes = new WeakMap<Socket, number>();
  const look = () => {
    for (const socket of accepted) {
      if (!speaking.has(socket) && socket.bytesRead === 0) endSilent(socket);
    }
    for (const socket of speaking) if (!isUsed(socket)) endSilent(socket);
  };
  const endSilent = (socket: Socket) => {
    if (bytes.get(socket) === socket.bytesRead) socket.destroy();
    bytes.set(socket, socket.bytesRead);
  };
  look();
  return clock.every(unusedMs, () => afterReading(look));
}
