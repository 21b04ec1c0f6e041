import { GatewayError } from '../errors.ts';
import type { UpstreamCall } from '../observe/trace.ts';
import type { Member } from './balance/member.ts';
import { readEarly } from './early-bytes.ts';
import { isWebSocketAnswer, join, relayRefusal } from './handshake-answer.ts';
import type { Wait } from './retry.ts';
import { type SentHandshake, sendHandshake } from './send-handshake.ts';
import type { Turn } from './target-turns.ts';
import type { Target } from './targets.ts';
import type { TunnelJob } from './tunnel-job.ts';
import { upstreamError } from './upstream-error.ts';

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
 * No connection was made: says it of the target, and opens the tunnel to one that was not tried, now, or to any after a
 * pause. Whether it does. Where a connection was made, a handshake without an answer says nothing of its target:
 * applications close what comes to a path where they have no WebSocket, or forget it, and anybody can ask for such a path.
 */
function tryElsewhere(job: TunnelJob, error: Error, attempt: Attempt): boolean {
  const { targets, retry, tunnel, head, left } = job;
  targets.unreachable(attempt.member, error);
  if (!retry.onConnect) return false;
  const tried = [...attempt.tried, attempt.member];
  if (tried.length < targets.size) {
    openTunnel(job, tried, attempt.wait);
    return true;
  }
  const wait = attempt.wait ?? retry.wait();
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
