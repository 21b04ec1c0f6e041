import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../clock.ts';
import { GatewayError } from '../errors.ts';
import type { Tunnel } from '../listen/inbound.ts';
import type { Targets } from './balance.ts';
import { readEarly } from './early-bytes.ts';
import { closeSoon, endTunnel, type OpenTunnel } from './end-tunnel.ts';
import { FrameBoundary } from './frame-boundary.ts';
import type { Ending } from './live-connections.ts';
import { probeAfterMs } from './probe.ts';
import type { RawHeaders } from './request-headers.ts';
import type { ResponseHeaders } from './response-headers.ts';
import { type HandshakeAnswer, type SentHandshake, sendHandshake } from './send-handshake.ts';
import type { TurnLimits } from './target-turns.ts';
import type { Target } from './targets.ts';
import { upstreamError } from './upstream-error.ts';

export interface TunnelJob {
  clock: Clock;
  /** The client's end, and what it had sent behind its handshake. */
  tunnel: Tunnel;
  head: Buffer;
  targets: Targets;
  /** As for requests; an open WebSocket has its turn until it ends. */
  turns: TurnLimits | undefined;
  path: string;
  headersFor(target: Target): RawHeaders;
  /** Milliseconds until the upstream answers the handshake. */
  responseTimeout: number;
  rewriteHeaders(raw: readonly (string | Buffer)[]): ResponseHeaders;
  /** The upstream answered: 101 when the tunnel is open, any other status when it refused. */
  answered(status: number): void;
  /** Registers the open tunnel, with what ends it; returns what takes it off. */
  stayOpen(end: (ending: Ending) => void): () => void;
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
  const { targets, tunnel, turns } = job;
  const { stream } = tunnel;
  const target = targets.pick(tried);
  if (turns === undefined) {
    shake(job, target, tried, () => {});
    return;
  }
  const early = readEarly(stream, job.head, () => {
    turn.end();
    stream.destroy();
    job.left();
  });
  const turn = target.turns.ask(
    turns,
    () => shake({ ...job, head: early.take() }, target, tried, () => turn.end()),
    (error) => {
      early.take();
      job.fail(error);
    },
  );
  stream.once('close', () => turn.end());
  turn.start();
}

/** @param over called when the target has nothing more to do with it */
function shake(job: TunnelJob, target: Target, tried: readonly Target[], over: () => void): void {
  const { targets, tunnel } = job;
  const { stream } = tunnel;
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
    over();
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
  const open: OpenTunnel = {
    client: stream,
    upstream: upstreamSocket,
    toClient: new FrameBoundary(),
    toUpstream: new FrameBoundary(),
    clock,
  };
  const stopFollowing = follow(open, upstreamHead, head);
  const end = (ending: Ending) => {
    stopFollowing();
    endTunnel(open, ending);
  };
  stream.on('close', job.stayOpen(end));
  job.watch.add(upstreamSocket);
  job.watch.addTunnel(stream, upstreamSocket, () => end(goneIdle));
}

const goneIdle: Ending = { code: 1001, reason: 'nothing passed for too long', mayFinish: false };

/** Knows where frames end in both directions; returns what stops that for those to the client. */
function follow(
  { client, upstream, toClient, toUpstream }: OpenTunnel,
  upstreamHead: Buffer,
  clientHead: Buffer,
): () => void {
  const pass = (chunk: Buffer) => toClient.pass(chunk);
  pass(upstreamHead);
  upstream.on('data', pass);
  toUpstream.pass(clientHead);
  client.on('data', (chunk: Buffer) => toUpstream.pass(chunk));
  return () => upstream.off('data', pass);
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
