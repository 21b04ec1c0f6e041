import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../clock.ts';
import { GatewayError } from '../errors.ts';
import type { Tunnel } from '../listen/inbound.ts';
import type { Targets } from './balance.ts';
import { readEarly } from './early-bytes.ts';
import { closeFrame, FrameBoundary } from './frame-boundary.ts';
import { probeAfterMs } from './probe.ts';
import type { RawHeaders } from './request-headers.ts';
import type { ResponseHeaders } from './response-headers.ts';
import { type HandshakeAnswer, type SentHandshake, sendHandshake } from './send-handshake.ts';
import type { Target } from './targets.ts';
import { upstreamError } from './upstream-error.ts';

export interface TunnelJob {
  clock: Clock;
  /** The client's end, and what it had sent behind its handshake. */
  tunnel: Tunnel;
  head: Buffer;
  targets: Targets;
  path: string;
  headersFor(target: Target): RawHeaders;
  /** Milliseconds until the upstream answers the handshake. */
  responseTimeout: number;
  rewriteHeaders(raw: readonly (string | Buffer)[]): ResponseHeaders;
  /** The upstream answered: 101 when the tunnel is open, any other status when it refused. */
  answered(status: number): void;
  /** Registers the open tunnel, with what ends it; returns what takes it off. */
  stayOpen(end: (reason: string) => void): () => void;
  fail(error: GatewayError): void;
  /** The client left before the handshake was answered. */
  left(): void;
  watch: SocketWatch;
}

/** Ends connections whose other side is silent for too long. */
export interface SocketWatch {
  add(socket: Socket): void;
  /** Calls back when nothing passes through a tunnel for too long. */
  addTunnel(client: Duplex, upstream: Socket, goneIdle: () => void): void;
}

/** Codes of connections that were never made: another target may take the handshake. */
const refusals: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'ENOENT',
]);

/**
 * Passes a WebSocket handshake (RFC 6455 §4) on and, when the upstream accepts it, joins the two connections
 * byte by byte: subprotocols, extensions, close codes and back-pressure are between the two ends.
 */
export function openTunnel(job: TunnelJob, tried: readonly Target[] = []): void {
  const { targets, tunnel } = job;
  const { stream } = tunnel;
  const target = targets.pick(tried);
  const upstream = sendHandshake(target, {
    path: job.path,
    headers: job.headersFor(target),
    timeout: job.responseTimeout,
  });
  let isSettled = false;
  const early = readEarly(stream, job.head, () => {
    isSettled = true;
    upstream.destroy();
    stream.destroy();
    job.left();
  });
  /** What had come of the client, for the first of the ways in which a handshake ends; undefined for others. */
  const settle = () => {
    if (isSettled) return undefined;
    isSettled = true;
    return early.take();
  };
  upstream.on('error', (error) => {
    const head = settle();
    if (head === undefined) return;
    const others = [...tried, target];
    const wasRefused = refusals.has((error as NodeJS.ErrnoException).code ?? '');
    if (wasRefused) targets.refused(target);
    if (wasRefused && others.length < targets.size) openTunnel({ ...job, head }, others);
    else job.fail(upstreamError(error));
  });
  upstream.on('upgrade', (answer, upstreamSocket, upstreamHead) => {
    const head = settle();
    if (head === undefined) upstreamSocket.destroy();
    else if (isWebSocketAnswer(answer)) join({ ...job, head }, answer, upstreamSocket, upstreamHead);
    else {
      upstreamSocket.destroy();
      const cause = new Error(`the upstream switched to another protocol than WebSocket`);
      job.fail(new GatewayError('upstream_invalid', { cause }));
    }
  });
  upstream.on('response', (answer) => {
    if (settle() === undefined) upstream.destroy();
    else relayRefusal(job, upstream, answer);
  });
}

/** RFC 6455 §4.1: an answer that names anything else opens no WebSocket, and so no way around the routes. */
function isWebSocketAnswer({ headers }: HandshakeAnswer): boolean {
  return headers.upgrade?.trim().toLowerCase() === 'websocket';
}

function join(job: TunnelJob, answer: HandshakeAnswer, upstreamSocket: Socket, upstreamHead: Buffer): void {
  const { clock, tunnel, head } = job;
  const { stream } = tunnel;
  upstreamSocket.on('error', () => stream.destroy());
  stream.on('error', () => upstreamSocket.destroy());
  upstreamSocket.on('close', () => (stream.writableEnded ? closeSoon(stream, clock) : stream.destroy()));
  stream.on('close', () => upstreamSocket.destroy());
  if (stream.destroyed) {
    upstreamSocket.destroy();
    return;
  }
  upstreamSocket.setTimeout(0);
  upstreamSocket.setNoDelay(true);
  upstreamSocket.setKeepAlive(true, probeAfterMs);
  const { headers } = job.rewriteHeaders(answer.rawHeaders);
  tunnel.open(answer.statusMessage ?? 'Switching Protocols', headers);
  if (upstreamHead.length > 0) stream.write(upstreamHead);
  if (head.length > 0) upstreamSocket.write(head);
  job.answered(101);
  stream.pipe(upstreamSocket).pipe(stream);
  const boundary = new FrameBoundary();
  boundary.pass(upstreamHead);
  const follow = (chunk: Buffer) => boundary.pass(chunk);
  upstreamSocket.on('data', follow);
  const end = (code: number, reason: string) => {
    upstreamSocket.off('data', follow);
    const close = closeFrame(code, reason);
    endTunnel(stream, upstreamSocket, { boundary, close, clock });
  };
  stream.on(
    'close',
    job.stayOpen((reason) => end(sessionEndedCode, reason)),
  );
  job.watch.add(upstreamSocket);
  job.watch.addTunnel(stream, upstreamSocket, () => end(goingAwayCode, 'nothing passed for too long'));
}

/** RFC 6455 §7.4.1. */
const goingAwayCode = 1001;

/** As applications use it: signing in again helps (RFC 6455 §7.4.2 leaves 4000 to 4999 to them). */
const sessionEndedCode = 4401;
/** How long the message that is under way may take. */
const messageGraceMs = 3000;
/** How long a client may take to read the last bytes and to close its side. */
const closeGraceMs = 5000;

/** Ends a tunnel: nothing more goes upstream, and downstream only the rest of a message before the close frame. */
function endTunnel(
  socket: Duplex,
  upstreamSocket: Duplex,
  { boundary, close, clock }: { boundary: FrameBoundary; close: Buffer; clock: Clock },
): void {
  upstreamSocket.unpipe(socket);
  socket.unpipe(upstreamSocket);
  socket.resume();
  const goOn = () => upstreamSocket.resume();
  const end = () => {
    grace.cancel();
    upstreamSocket.off('data', passRest);
    upstreamSocket.off('end', end);
    socket.off('drain', goOn);
    if (boundary.atFrameEnd) socket.write(close);
    socket.end();
    upstreamSocket.destroy();
  };
  const passRest = (chunk: Buffer) => {
    const length = boundary.passMessage(chunk);
    if (!socket.write(chunk.subarray(0, length))) upstreamSocket.pause();
    if (length !== undefined) end();
  };
  const grace = clock.after(messageGraceMs, end);
  if (boundary.atMessageEnd) {
    end();
    return;
  }
  upstreamSocket.on('data', passRest);
  upstreamSocket.on('end', end);
  socket.on('drain', goOn);
  if (!socket.writableNeedDrain) goOn();
}

/**
 * Lets a connection end in order. Closing it while the client still sends would break it, and what the client
 * has not read yet would be lost.
 */
function closeSoon(socket: Duplex, clock: Clock): void {
  socket.resume();
  const grace = clock.after(closeGraceMs, () => socket.destroy());
  socket.on('close', () => grace.cancel());
}

/** The upstream's own 401, 403 or 404 reaches the client as it is; then the connection ends. */
function relayRefusal(
  { tunnel, answered, rewriteHeaders }: TunnelJob,
  upstream: SentHandshake,
  answer: HandshakeAnswer,
): void {
  const { stream } = tunnel;
  const { headers } = rewriteHeaders(answer.rawHeaders);
  const status = answer.statusCode ?? 502;
  tunnel.refuse(status, answer.statusMessage ?? '', headers);
  answered(status);
  answer.on('error', () => stream.destroy());
  answer.on('close', () => upstream.destroy());
  for (const event of ['end', 'close']) stream.on(event, () => upstream.destroy());
  answer.pipe(stream);
  // What the client still sends is nobody's, and only who reads learns that it has left.
  stream.resume();
}
