import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock, Timer } from '../clock.ts';
import type { Answer } from '../pages/answer.ts';
import { currentAnswer, endInOrder, unreadRequest } from './answers.ts';
import type { Inbound } from './inbound.ts';
import { beginPace, isTooSlow, keepPace, type Pace } from './pace.ts';
import { wireFormat } from './write-answer.ts';

/** Milliseconds of silence after which a connection ends. */
export interface SilenceLimits {
  /** Of a client, while its body is read and no answer has begun; and of one whose body is no longer wanted. */
  bodySilence: number;
  /** Of somebody who does not read what is there for them. */
  answerSilence: number;
  /** Of a WebSocket on which nothing passes; undefined for none. */
  idle: number | undefined;
}

export interface SilenceWatch {
  /** The limits from now on, for what is open as well; before the first call there are none. */
  apply(limits: SilenceLimits): void;
  /** Watches a connection of a client, or one to an upstream, until it has closed. */
  add(socket: Socket): void;
  /** Calls back when nothing has passed through a WebSocket for the limit. */
  addTunnel(client: Duplex, upstream: Socket, goneIdle: () => void): void;
  close(): void;
}

export interface SilenceEnds {
  /**
   * The rest of a body does not come, or too slowly while others wait, and nothing of an answer was sent: gives the last one
   * of its connection.
   */
  silentBody(request: Inbound, isSlow: boolean): Answer;
  /** A connection is about to be cut, for the log. */
  cut(socket: Socket, limit: 'bodySilence' | 'answerSilence'): void;
  /** Whether others wait for what slow bodies hold. */
  isCrowded(): boolean;
}

/** How long the other side may take to close, after one side has ended. */
const closeGraceMs = 5000;

/** The longest time between two looks. */
const mostBetweenMs = 1000;

/** What a connection is waiting for. While the mark stays the same, nothing happens. */
interface Wait {
  for: 'reader' | 'close' | 'body' | 'rest';
  mark: number;
}

interface Since extends Wait {
  at: number;
  /** Of a body. */
  pace: Pace | undefined;
}

/** A connection as it was at the last look. */
interface Seen {
  since: Since | undefined;
  bytesRead: number;
}

/**
 * Ends connections whose other side is silent. It looks at all of them every second, and compares numbers that are
 * counted anyway: a request costs nothing more by it.
 */
export function watchSilence(clock: Clock, ends: SilenceEnds): SilenceWatch {
  const sockets = new Map<Socket, Seen>();
  const tunnels = watchTunnels(clock);
  let idle: number | undefined;
  let limitOf: Record<Wait['for'], number> | undefined;
  let timer: Timer | undefined;

  const end = (socket: Socket, wait: Wait, isSlow: boolean) => {
    const answer = currentAnswer(socket);
    if (wait.for === 'body' && answer) {
      endInOrder(socket, wireFormat(ends.silentBody(answer.req, isSlow), clock.now()));
      return;
    }
    if (wait.for !== 'close') ends.cut(socket, wait.for === 'reader' ? 'answerSilence' : 'bodySilence');
    socket.destroy();
  };
  const lookAtSockets = (now: number) => {
    const isCrowded = ends.isCrowded();
    for (const [socket, seen] of sockets) {
      const wait = waitOf(socket);
      const silentMs = note(seen, wait, now);
      seen.bytesRead = socket.bytesRead;
      if (!wait) continue;
      if (limitOf && silentMs >= limitOf[wait.for]) end(socket, wait, false);
      else if (isCrowded && seen.since?.pace && isTooSlow(seen.since.pace)) end(socket, wait, true);
    }
  };
  const look = () => {
    const now = clock.monotonic();
    lookAtSockets(now);
    tunnels.look(now, idle);
  };

  return {
    apply({ bodySilence, answerSilence, idle: tunnelIdle }) {
      idle = tunnelIdle;
      limitOf = { reader: answerSilence, close: closeGraceMs, body: bodySilence, rest: bodySilence };
      const least = Math.min(bodySilence, answerSilence, idle ?? answerSilence);
      timer?.cancel();
      timer = clock.every(Math.max(10, Math.min(mostBetweenMs, least / 4)), look).unref();
    },
    add(socket) {
      if (sockets.has(socket)) return;
      sockets.set(socket, { since: undefined, bytesRead: 0 });
      socket.on('close', () => sockets.delete(socket));
    },
    addTunnel: tunnels.add,
    close: () => timer?.cancel(),
  };
}

/** Writes down what a connection waits for now. Gives for how long it has been silent; 0 for what is new. */
function note(seen: Seen, wait: Wait | undefined, now: number): number {
  const { since, bytesRead } = seen;
  if (!wait) {
    seen.since = undefined;
    return 0;
  }
  if (since?.for !== wait.for) {
    // What of a body came before it was first looked at counts as well.
    const pace = wait.for === 'body' ? beginPace(bytesRead, now) : undefined;
    if (pace) keepPace(pace, wait.mark, now);
    seen.since = { ...wait, at: now, pace };
    return 0;
  }
  if (since.pace) keepPace(since.pace, wait.mark, now);
  if (since.mark !== wait.mark) Object.assign(since, { mark: wait.mark, at: now });
  return now - since.at;
}

interface OpenTunnel {
  upstream: Socket;
  mark: number;
  at: number;
  goneIdle(): void;
}

/** WebSockets, and since when nothing has passed through each of them. */
function watchTunnels(clock: Pick<Clock, 'monotonic'>) {
  const tunnels = new Map<Duplex, OpenTunnel>();
  return {
    add(client: Duplex, upstream: Socket, goneIdle: () => void) {
      if (client.destroyed) return;
      tunnels.set(client, { upstream, mark: -1, at: clock.monotonic(), goneIdle });
      client.on('close', () => tunnels.delete(client));
    },
    look(now: number, idle: number | undefined) {
      for (const [client, tunnel] of tunnels) {
        const { upstream } = tunnel;
        // What the client sends is written here: of a stream in HTTP/2 nobody counts it elsewhere.
        const mark = upstream.bytesRead + upstream.bytesWritten;
        if (mark !== tunnel.mark) Object.assign(tunnel, { mark, at: now });
        else if (idle !== undefined && now - tunnel.at >= idle) {
          tunnels.delete(client);
          tunnel.goneIdle();
        }
      }
    },
  };
}

function waitOf(socket: Socket): Wait | undefined {
  if (socket.writableLength > 0) return { for: 'reader', mark: takenBytes(socket) };
  if (socket.writableFinished || socket.readableEnded) return { for: 'close', mark: 0 };
  const answer = currentAnswer(socket);
  if (answer) return isReadingBody(answer) ? { for: 'body', mark: socket.bytesRead } : undefined;
  return unreadRequest(socket) ? { for: 'rest', mark: socket.bytesRead } : undefined;
}

/**
 * Whether it is the client's turn to send: somebody reads the body, which is not so while the upstream is slower
 * than the client, and no answer has begun. Where one has, both sides talk as they like.
 */
function isReadingBody({ req: request, headersSent }: ServerResponse): boolean {
  return !request.complete && !headersSent && request.readableFlowing === true;
}

/** A number that grows when the system takes bytes of what is to be sent, and does not when more is to be sent. */
function takenBytes(socket: Socket): number {
  // Of the piece that is being written, Node's own idle timer looks at the same number.
  const { _handle: handle } = socket as Socket & { _handle?: { writeQueueSize?: number } | null };
  return socket.bytesWritten - socket.writableLength - (handle?.writeQueueSize ?? 0);
}
