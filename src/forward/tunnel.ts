import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../clock.ts';
import { GatewayError } from '../errors.ts';
import type { Tunnel } from '../listen/inbound.ts';
import type { Trace, UpstreamCall } from '../observe/trace.ts';
import type { Member } from './balance/member.ts';
import type { Targets } from './balance.ts';
import { readEarly } from './early-bytes.ts';
import { closeSoon, endTunnel, type OpenTunnel } from './end-tunnel.ts';
import type { TunnelPassage } from './forwarding.ts';
import { FrameBoundary } from './frame-boundary.ts';
import type { Ending } from './live-connections.ts';
import { probeAfterMs } from './probe.ts';
import type { RawHeaders } from './request-headers.ts';
import type { ResponseHeaders } from './response-headers.ts';
import type { RetryPolicy, Wait } from './retry.ts';
import { type HandshakeAnswer, type SentHandshake, sendHandshake } from './send-handshake.ts';
import type { Turn, TurnLimits } from './target-turns.ts';
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
  retry: Pick<RetryPolicy, 'onConnect' | 'wait'>;
  /** The name of the target that the browser is tied to. */
  tie: string | undefined;
  path: string;
  trace: Trace | undefined;
  passage: TunnelPassage;
  headersFor(target: Target): RawHeaders;
  /** Milliseconds until the upstream answers the handshake. */
  responseTimeout: number;
  /** @param target the one that answers */
  rewriteHeaders(raw: readonly (string | Buffer)[], target: Target): ResponseHeaders;
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

/**
 * Passes a WebSocket handshake (RFC 6455 §4) on and, when the upstream accepts it, joins the two connections
 * byte by byte: subprotocols, extensions, close codes and back-pressure are between the two ends.
 */
export function openTunnel(job: TunnelJob, tried: readonly Member[] = [], wait?: Wait): void {
  const { targets, tunnel, turns, passage } = job;
  const { stream } = tunnel;
  const member = targets.pick(tried, job.tie);
  const attempt = { member, tried, wait };
  passage.target = member.target.name;
  const place = enter(member.target);
  if (turns === undefined) {
    shake(job, attempt, place.leave);
    return;
  }
  const early = readEarly(stream, job.head, () => {
    place.leave();
    wait?.cancel();
    stream.destroy();
    job.left();
  });
  place.turn = member.target.turns.ask(turns, {
    turnCame(at) {
      const found = targets.memberOf(at);
      place.moveTo(found.target);
      passage.target = found.target.name;
      shake({ ...job, head: early.take() }, { ...attempt, member: found }, place.leave);
    },
    noTurn(error) {
      early.take();
      place.leave();
      wait?.cancel();
      job.fail(error);
    },
    elsewhere: () => targets.elsewhere(tried, job.tie),
    wants: targets.takes,
  });
  place.turn.start();
}

/** A tunnel among those of a target. */
interface Place {
  turn: Turn | undefined;
  moveTo(target: Target): void;
  /** To be called when the target has nothing more to do with it; again, it does nothing. */
  leave(): void;
}

/** Counts it with its target. */
function enter(first: Target): Place {
  let target: Target | undefined = first;
  first.inFlight += 1;
  const count = (next: Target | undefined) => {
    if (target) target.inFlight -= 1;
    target = next;
    if (target) target.inFlight += 1;
  };
  const place: Place = {
    turn: undefined,
    moveTo: count,
    leave() {
      count(undefined);
      place.turn?.end();
    },
  };
  return place;
}

/** @param leave called when the target has nothing more to do with it */
function shake(job: TunnelJob, attempt: Attempt, leave: () => void): void {
  const { targets, tunnel, passage, clock } = job;
  const { member, wait } = attempt;
  const { target } = member;
  const { stream } = tunnel;
  passage.sentAt ??= clock.monotonic();
  const { upstream, call } = send(job, attempt);
  leaveWith(upstream, leave);
  let isSettled = false;
  const early = readEarly(stream, job.head, () => {
    isSettled = true;
    call?.end('client_left');
    wait?.cancel();
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
    passage.endedAt = clock.monotonic();
    leave();
    if (!upstream.wasSent() && tryElsewhere({ ...job, head }, error, attempt)) return;
    wait?.cancel();
    job.fail(upstreamError(error));
  });
  upstream.on('upgrade', (answer, upstreamSocket, upstreamHead) => {
    const head = settle();
    passage.headAt = clock.monotonic();
    wait?.cancel();
    if (head === undefined) upstreamSocket.destroy();
    else if (isWebSocketAnswer(answer)) {
      targets.answered(member, 101);
      join({ ...job, head }, target, answer, upstreamSocket, upstreamHead);
    } else {
      upstreamSocket.destroy();
      const cause = new Error(`the upstream switched to another protocol than WebSocket`);
      job.fail(new GatewayError('upstream_invalid', { cause }));
    }
  });
  upstream.on('response', (answer) => {
    passage.headAt = clock.monotonic();
    wait?.cancel();
    if (settle() === undefined) upstream.destroy();
    else {
      targets.answered(member, answer.statusCode ?? 502);
      relayRefusal(job, target, upstream, answer);
    }
  });
}

function send(job: TunnelJob, { member, tried }: Attempt) {
  const { path, responseTimeout: timeout } = job;
  const { target } = member;
  const headers = job.headersFor(target);
  const call = job.trace?.call(headers, { method: 'GET', path, target }, tried.length);
  const upstream = sendHandshake(target, { path, headers, timeout });
  if (call) record(upstream, call);
  return { upstream, call };
}

/** The first of these ends what is recorded. */
function record(upstream: SentHandshake, call: UpstreamCall): void {
  const answered = (status: number) => {
    call.answered(status);
    call.end(undefined);
  };
  upstream.on('error', (error) => call.end(upstreamError(error).code));
  upstream.on('upgrade', () => answered(101));
  upstream.on('response', ({ statusCode = 502 }) => answered(statusCode));
}

interface Attempt {
  member: Member;
  tried: readonly Member[];
  wait: Wait | undefined;
}

/**
 * No connection was made: says it of the target, and whether the tunnel is opened elsewhere. Where one was made, a handshake
 * that nobody answers says nothing of its target: applications close what comes to a path where they have no WebSocket,
 * or forget it, and anybody can ask for such a path.
 */
function tryElsewhere(job: TunnelJob, error: Error, { member, tried, wait }: Attempt): boolean {
  job.targets.unreachable(member, error);
  return openElsewhere(job, [...tried, member], wait);
}

/** No connection was made: opens the tunnel to a target that was not tried, now, or to any after a pause. */
function openElsewhere(job: TunnelJob, tried: readonly Member[], before: Wait | undefined): boolean {
  const { targets, retry, tunnel, head, left } = job;
  if (!retry.onConnect) return false;
  if (tried.length < targets.size) {
    openTunnel(job, tried, before);
    return true;
  }
  const wait = before ?? retry.wait();
  if (!wait) return false;
  const early = readEarly(tunnel.stream, head, () => {
    wait.cancel();
    tunnel.stream.destroy();
    left();
  });
  const isWaiting = wait.again(() => openTunnel({ ...job, head: early.take() }, [], wait));
  if (!isWaiting) early.take();
  return isWaiting;
}

/** Leaves the target with the end of a handshake, or of the tunnel that comes of it. */
function leaveWith(upstream: SentHandshake, leave: () => void): void {
  let isTunnel = false;
  upstream.on('upgrade', (_answer, socket) => {
    isTunnel = true;
    socket.once('close', leave);
  });
  upstream.on('close', () => {
    if (!isTunnel) leave();
  });
}

/** RFC 6455 §4.1: an answer that names anything else opens no WebSocket, and so no way around the routes. */
function isWebSocketAnswer({ headers }: HandshakeAnswer): boolean {
  return headers.upgrade?.trim().toLowerCase() === 'websocket';
}

function join(
  job: TunnelJob,
  target: Target,
  answer: HandshakeAnswer,
  upstreamSocket: Socket,
  upstreamHead: Buffer,
): void {
  const { clock, tunnel, head } = job;
  const { stream } = tunnel;
  upstreamSocket.on('error', () => stream.destroy());
  stream.on('error', () => upstreamSocket.destroy());
  upstreamSocket.on('close', () => (stream.writableEnded ? closeSoon(stream, clock) : stream.destroy()));
  let off = () => {};
  stream.on('close', () => {
    upstreamSocket.destroy();
    off();
  });
  if (stream.destroyed) {
    upstreamSocket.destroy();
    return;
  }
  upstreamSocket.setTimeout(0);
  upstreamSocket.setNoDelay(true);
  upstreamSocket.setKeepAlive(true, probeAfterMs);
  const { headers } = job.rewriteHeaders(answer.rawHeaders, target);
  tunnel.open(answer.statusMessage ?? 'Switching Protocols', headers);
  if (upstreamHead.length > 0) stream.write(upstreamHead);
  if (head.length > 0) upstreamSocket.write(head);
  job.passage.beganAt = clock.monotonic();
  job.answered(101);
  stream.pipe(upstreamSocket).pipe(stream);
  const open: OpenTunnel = {
    client: stream,
    upstream: upstreamSocket,
    toClient: new FrameBoundary(),
    toUpstream: new FrameBoundary(),
    clock,
  };
  const stopFollowing = follow(open, upstreamHead, head, job.passage);
  const end = (ending: Ending) => {
    stopFollowing();
    endTunnel(open, ending);
  };
  off = job.stayOpen(end);
  job.watch.add(upstreamSocket);
  job.watch.addTunnel(stream, upstreamSocket, () => end(goneIdle));
}

const goneIdle: Ending = { code: 1001, reason: 'nothing passed for too long', mayFinish: false };

/** Knows where frames end in both directions, and counts bytes; returns what stops that for those to the client. */
function follow(
  { client, upstream, toClient, toUpstream }: OpenTunnel,
  upstreamHead: Buffer,
  clientHead: Buffer,
  passage: TunnelPassage,
): () => void {
  const pass = (chunk: Buffer) => {
    passage.bytesOut += chunk.length;
    toClient.pass(chunk);
  };
  const passUp = (chunk: Buffer) => {
    passage.bytesIn += chunk.length;
    toUpstream.pass(chunk);
  };
  pass(upstreamHead);
  upstream.on('data', pass);
  passUp(clientHead);
  client.on('data', passUp);
  return () => upstream.off('data', pass);
}

/** The upstream's own 401, 403 or 404 reaches the client as it is; then the connection ends. */
function relayRefusal(
  { tunnel, answered, rewriteHeaders, passage, clock }: TunnelJob,
  target: Target,
  upstream: SentHandshake,
  answer: HandshakeAnswer,
): void {
  const { stream } = tunnel;
  const { headers } = rewriteHeaders(answer.rawHeaders, target);
  passage.beganAt = clock.monotonic();
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
