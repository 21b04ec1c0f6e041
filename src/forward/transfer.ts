import type { Dispatcher } from 'undici';
import type { Clock, Timer } from '../clock.ts';
import { GatewayError } from '../errors.ts';
import type { Inbound, Outbound } from '../listen/inbound.ts';
import type { UpstreamCall } from '../observe/trace.ts';
import { type AnswerHead, isWholeWithout, reasonOf, trailersOf } from './answer-head.ts';
import type { Member } from './balance/member.ts';
import type { Targets } from './balance.ts';
import type { DeferredWrite, TurnEnds } from './end-of-turn.ts';
import type { Forwarding, HttpClient, UpstreamRequest } from './forwarding.ts';
import type { Ending, LiveKind } from './live-connections.ts';
import type { ReadHeaders } from './raw-headers.ts';
import { isClosed, isRepeatable } from './repeats.ts';
import type { RawHeaders } from './request-headers.ts';
import type { ResponseHeaderWriter } from './response-headers.ts';
import type { RetryPolicy, Wait } from './retry.ts';
import { type Sticky, type Tie, tiedTo } from './sticky.ts';
import type { TargetTurns, Turn, TurnLimits, Waiter } from './target-turns.ts';
import type { Target } from './targets.ts';
import { ClientLeft, hasBody, Upload } from './upload.ts';
import { isFailure, isLate, isOddAnswer, upstreamError } from './upstream-error.ts';

/** What the requests of one route have in common on their way; compiled once. */
export interface RouteTransfer {
  clock: Clock;
  turnEnds: TurnEnds;
  targets: Targets;
  /** Undefined where any number of requests may be at a target. */
  turns: TurnLimits | undefined;
  retry: RetryPolicy;
  /** Undefined where every request goes its own way. */
  sticky: Sticky | undefined;
  /** The headers for one of the targets, whose name may stand in Host. */
  headersFor(forwarding: Forwarding, target: Target): RawHeaders;
  rewriteHeaders: ResponseHeaderWriter;
  /** Milliseconds until the answer's headers, and of silence in its body; 0 is without limit. */
  timeout: { response: number; idle: number };
  /** Bytes. */
  maxBody: number | undefined;
  /** Registers an answer that stays open, with what ends it; returns what takes it off. */
  stayOpen(forwarding: Forwarding, end: (ending: Ending) => void, kind: LiveKind): () => void;
}

/** Sends a request upstream and its answer back; bodies stream both ways with back-pressure. */
export function transfer(
  forwarding: Forwarding,
  client: HttpClient,
  settings: RouteTransfer,
): UpstreamRequest {
  const { request } = forwarding;
  const withBody = hasBody(request);
  const passage = new Transfer(forwarding, client, settings, withBody);
  const length = withBody ? Number(request.headers['content-length'] ?? 0) : 0;
  if (settings.maxBody !== undefined && length > settings.maxBody)
    client.fail(new GatewayError('body_too_large'));
  else {
    settings.retry.count?.();
    passage.send(!withBody && isRepeatable(request));
  }
  return passage;
}

const noMembers: readonly Member[] = [];

function openUpload(request: Inbound, response: Outbound, maxBody: number | undefined): Upload {
  return new Upload(request, maxBody ?? Number.POSITIVE_INFINITY, () => {
    // RFC 9110 §10.1.1: only now is it certain that somebody wants the body.
    if (request.headers.expect?.toLowerCase() === '100-continue') response.writeContinue();
  });
}

/**
 * One request and its answer, as undici reports them. The hot path: it is one object, and what only some answers
 * need, such as a listener for `drain`, is made when it is needed. The methods are those of undici's current
 * interface, which version 7 has beside an older one and version 8 has alone; what came over the wire is in the
 * controller (from 7.28 on). `raw-headers.ts` says what the headers cost.
 */
class Transfer implements Dispatcher.DispatchHandler, UpstreamRequest, DeferredWrite, Waiter {
  readonly #forwarding: Forwarding;
  readonly #client: HttpClient;
  readonly #settings: RouteTransfer;
  readonly #withBody: boolean;
  #mayRepeat = false;
  /** The target that was asked, and those that this request did not reach, or had no good answer from. */
  #member: Member | undefined;
  #tried: readonly Member[] = noMembers;
  /** The target that its browser is tied to. */
  readonly #tie: Tie | undefined;
  /** How often it was sent again. */
  #attempts = 0;
  /** An answer has come with which it is sent again. */
  #isRetried = false;
  /** Nobody can be reached, and it tries again and again. */
  #wait: Wait | undefined;
  /** It has the connection for itself, since its target is odd or another connection was closed. */
  #isSingle = false;
  /** Its answer is repaired on the way. */
  #isRepaired = false;
  /** Its turn at the target. */
  #turn: Turn | undefined;
  /** What ends it, where the upstream answers with interim answers only. */
  #patience: Timer | undefined;
  /** The head of the answer, as long as it can be taken back. */
  #head: AnswerHead | undefined;
  /** Of the connection that the request was written to; undefined where there was none. */
  #controller: Dispatcher.DispatchController | undefined;
  #answering = false;
  /** Bytes of the body that are still to come; undefined where nobody said. */
  #remaining: number | undefined;
  #isTaken = false;
  /** Nobody waits for the answer any more. */
  #hasLeft = false;
  /** It waits for the end of the turn. */
  #isDeferred = false;
  /** It has waited for a turn with a head alone. */
  #hasWaited = false;
  /** The whole answer was written, and is held back by its socket. */
  #isWhole = false;
  #upload: Upload | undefined;
  /** What is recorded of this attempt, and which of them it is. */
  #call: UpstreamCall | undefined;
  #sent = 0;

  /** For those who watch. */
  sentAt: number | undefined;
  headAt: number | undefined;
  beganAt: number | undefined;
  endedAt: number | undefined;
  bytesOut = 0;
  isEventStream = false;

  constructor(forwarding: Forwarding, client: HttpClient, settings: RouteTransfer, withBody: boolean) {
    this.#forwarding = forwarding;
    this.#client = client;
    this.#settings = settings;
    this.#withBody = withBody;
    this.#tie = settings.sticky?.read(forwarding.request.headers.cookie);
  }

  get target(): string | undefined {
    return this.#member?.target.name;
  }

  get bytesIn(): number {
    return this.#upload?.received ?? 0;
  }

  send(mayRepeat: boolean): void {
    this.#mayRepeat = mayRepeat;
    this.#sendTo(this.#settings.targets.pick(this.#tried, this.#tie?.target), false);
  }

  /** @param isFresh the connection has to be a new one */
  #sendTo(member: Member, isFresh: boolean): void {
    this.#enter(member, isFresh);
    this.#controller = undefined;
    const { turns } = this.#settings;
    if (turns === undefined) {
      this.#dispatch(member.target);
      return;
    }
    this.#turn = member.target.turns.ask(turns, this);
    this.#turn.start();
  }

  #enter(member: Member, isFresh: boolean): void {
    const { target } = member;
    this.#member = member;
    this.#isSingle = isFresh || target.isOdd;
    this.#isRepaired = target.isOdd;
    target.inFlight += 1;
  }

  turnCame(at: TargetTurns): void {
    const { target } = this.#member as Member;
    if (target.turns !== at) {
      target.inFlight -= 1;
      this.#enter(this.#settings.targets.memberOf(at), this.#isSingle);
    }
    this.#dispatch((this.#member as Member).target);
  }

  noTurn(error: GatewayError): void {
    this.#leaveTarget();
    this.#give(error);
  }

  elsewhere(): readonly TargetTurns[] {
    return this.#settings.targets.elsewhere(this.#tried, this.#tie?.target);
  }

  wants(at: TargetTurns): boolean {
    return this.#settings.targets.takes(at);
  }

  #dispatch(target: Target): void {
    const { request, path, trace } = this.#forwarding;
    const { timeout, maxBody, clock } = this.#settings;
    this.sentAt ??= clock.monotonic();
    this.#upload = this.#withBody ? openUpload(request, this.#client.response, maxBody) : undefined;
    const dispatcher = this.#isSingle ? target.single : target.dispatcher;
    const { method } = request;
    const headers = this.#settings.headersFor(this.#forwarding, target);
    if (trace) this.#call = trace.call(headers, { method: method ?? '', path, target }, this.#sent++);
    dispatcher.dispatch(
      {
        origin: target.origin,
        path,
        method: method as Dispatcher.HttpMethod,
        headers,
        body: this.#upload ?? null,
        headersTimeout: timeout.response,
        bodyTimeout: timeout.idle,
      },
      this,
    );
  }

  clientLeft(): void {
    if (this.#client.response.writableFinished) return;
    this.#hasLeft = true;
    if (this.#turn?.leave()) this.#leaveTarget();
    this.#wait?.cancel();
    this.#controller?.abort(new ClientLeft('the client left'));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    this.#wait?.cancel();
    this.#wait = undefined;
    if (this.#hasLeft || this.#client.response.destroyed) controller.abort(new ClientLeft('the client left'));
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    read: ReadHeaders,
    reason = '',
  ): void {
    // Interim answers (RFC 9110 §15.2) concern the connection to the upstream only.
    if (status < 200) {
      this.#waitForLast();
      return;
    }
    this.#patience?.cancel();
    this.headAt = this.#settings.clock.monotonic();
    this.#call?.answered(status);
    const { targets, retry } = this.#settings;
    targets.answered(this.#member as Member, status);
    if (retry.statuses.has(status) && this.#takeAttempt()) {
      this.#isRetried = true;
      controller.abort(new Error('the request is sent again'));
      return;
    }
    const raw = (this.#member as Member).target.readHeaders(controller.rawHeaders ?? [], read);
    if (status === 401 && this.#client.challenged(raw)) {
      this.#isTaken = true;
      controller.abort(new Error('the answer was taken over'));
      return;
    }
    const { headers, contentLength, isEventStream } = this.#settings.rewriteHeaders(raw, this.#tied());
    this.#head = { status, reason: reason === 'OK' ? reason : reasonOf(reason), headers };
    this.#remaining = contentLength;
    if (isEventStream) this.#stayOpen();
    this.#leaveSoon();
  }

  #tied(): Forwarding {
    return tiedTo(this.#forwarding, (this.#member as Member).target, this.#settings.sticky, this.#tie);
  }

  /** The library counts from the last of them; a server that sends them without end would never be late. */
  #waitForLast(): void {
    const { clock, timeout } = this.#settings;
    if (this.#patience !== undefined || timeout.response === 0) return;
    const late = () => this.#controller?.abort(new GatewayError('upstream_timeout'));
    this.#patience = clock.after(timeout.response, late);
  }

  /** From here on the answer cannot be taken back. */
  #begin(): void {
    const { status, reason, headers } = this.#head as AnswerHead;
    this.#head = undefined;
    this.#answering = true;
    this.beganAt = this.#settings.clock.monotonic();
    const { response } = this.#client;
    try {
      if (reason === undefined) response.writeHead(status, headers);
      else response.writeHead(status, reason, headers);
    } catch (error) {
      // Nobody is above who would catch it at the end of a turn.
      this.#controller?.abort(error as Error);
    }
  }

  /** When the session or the gateway ends, the answer ends in order, and the upstream need not go on. */
  #stayOpen(): void {
    const { response } = this.#client;
    this.isEventStream = true;
    this.#begin();
    const off = this.#settings.stayOpen(
      this.#forwarding,
      ({ reason }) => {
        // A stream that said how long it is has no other end: what comes behind would be taken for its rest.
        if (this.#remaining === undefined) response.end();
        else response.destroy();
        this.#controller?.abort(new Error(reason));
      },
      'event-stream',
    );
    response.on('close', off);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const { response } = this.#client;
    if (this.#head) this.#begin();
    this.bytesOut += chunk.length;
    if (this.#remaining !== undefined) {
      this.#remaining -= chunk.length;
      if (this.#remaining === 0) {
        this.#endWith(chunk);
        return;
      }
    }
    if (response.write(chunk)) return;
    controller.pause();
    response.once('drain', () => controller.resume());
  }

  /** Writes the last bytes of an answer whose length is known, so that head, bytes and end leave in one system call. */
  #endWith(chunk: Buffer): void {
    const { response } = this.#client;
    const { socket } = response;
    if (!socket || chunk.length > smallEnd) {
      response.end(chunk);
      return;
    }
    // Head and text become one text, which costs less to write than a list of three pieces.
    socket.cork();
    response.write(chunk.toString('latin1'), 'latin1');
    this.#isWhole = true;
    this.#leaveSoon();
  }

  /** Nothing more belongs to the answer. */
  get #isEnded(): boolean {
    return this.#isWhole || this.#client.response.writableEnded;
  }

  #leaveSoon(): void {
    if (this.#isDeferred) return;
    this.#isDeferred = true;
    this.#settings.turnEnds.add(this);
  }

  write(): void {
    const { response } = this.#client;
    this.#isDeferred = false;
    if (this.#head) {
      if (!this.#hasWaited) {
        // The library tells of what is wrong behind a head when the connection is closed: after this turn.
        this.#hasWaited = true;
        this.#leaveSoon();
        return;
      }
      this.#begin();
    }
    if (this.#isWhole) {
      response.socket?.uncork();
      response.end();
    } else if (this.#answering && !response.destroyed && !response.writableEnded) {
      // Headers usually leave with the first bytes of the body; an event stream may not have any for long.
      response.flushHeaders();
    }
  }

  onResponseEnd({ rawTrailers: trailers }: Dispatcher.DispatchController): void {
    const { response } = this.#client;
    this.endedAt = this.#settings.clock.monotonic();
    this.#call?.end(undefined);
    this.#leaveTarget();
    if (this.#head) this.#begin();
    if (this.#isEnded) return;
    // Trailers need chunked framing (RFC 9112 §7.1.2).
    if (this.#remaining === undefined && trailers) response.addTrailers(trailersOf(trailers));
    response.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    const { response } = this.#client;
    this.#leaveTarget();
    this.#patience?.cancel();
    this.#patience = undefined;
    this.endedAt = this.#settings.clock.monotonic();
    this.#call?.end(this.#wordOf(error));
    if (this.#isTaken || this.#hasLeft || error instanceof ClientLeft) return;
    if (this.#isRetried) {
      this.#isRetried = false;
      this.#sendElsewhere();
      return;
    }
    const member = this.#member as Member;
    const isOdd = !this.#isRepaired && isOddAnswer(error, this.#head !== undefined || this.#answering);
    if (isOdd) this.#settings.targets.isOdd(member, error);
    const isWhole = isWholeWithout(this.#head?.status ?? response.statusCode, error);
    if (this.#head && isWhole) this.#begin();
    this.#head = undefined;
    if (!this.#answering) {
      this.#failed(error, isOdd);
    } else if (isWhole) {
      response.end();
    } else if (!response.destroyed && !this.#isEnded) {
      // Half an answer must look like half an answer: the connection breaks.
      this.#client.broke(upstreamError(error));
      response.destroy();
    }
  }

  /** As it is recorded; undefined where the answer was good enough. */
  #wordOf(error: Error): string | undefined {
    if (this.#isTaken || this.#isRetried) return undefined;
    return this.#hasLeft || error instanceof ClientLeft ? 'client_left' : upstreamError(error).code;
  }

  /** The request failed before anything of an answer went on. */
  #failed(error: Error, isOdd: boolean): void {
    const { targets, retry } = this.#settings;
    const member = this.#member as Member;
    const wasSent = this.#controller !== undefined;
    // The connection may have been closed while nothing was asked on it, which says nothing of the target.
    const isStale = !this.#isSingle && isClosed(error);
    if (!wasSent) {
      targets.unreachable(member, error);
      if (this.#sendUnsent()) return;
    } else if (isOdd && this.#mayRepeat && !this.#client.response.destroyed) {
      this.#sendTo(member, true);
      return;
    } else if (isStale && retry.onClosed && this.#takeAttempt(true)) {
      this.#sendTo(targets.pick(this.#tried, this.#tie?.target), true);
      return;
    } else {
      if (isFailure(error, this.#forwarding.request)) targets.failed(member, error);
      const isCause = (retry.onClosed && isClosed(error)) || (retry.onTimeout && isLate(error));
      if (isCause && this.#takeAttempt()) {
        this.#sendElsewhere();
        return;
      }
    }
    this.#give(upstreamError(error));
  }

  /** Whether a request that was sent may be sent again, as often as it was already. */
  #takeAttempt(isFree = false): boolean {
    const { retry } = this.#settings;
    const mayRepeat = this.#mayRepeat && !this.#client.response.destroyed;
    if (!mayRepeat || this.#attempts >= retry.attempts) return false;
    if (!(isFree && this.#attempts === 0) && !retry.take()) return false;
    this.#attempts += 1;
    return true;
  }

  #sendElsewhere(): void {
    this.#tried = [...this.#tried, this.#member as Member];
    this.#sendTo(this.#settings.targets.pick(this.#tried, this.#tie?.target), true);
  }

  /** No connection was made. Sends it to a target that was not tried, now, or to any after a pause. */
  #sendUnsent(): boolean {
    const { targets, retry } = this.#settings;
    if (!retry.onConnect || this.#client.response.destroyed) return false;
    this.#tried = [...this.#tried, this.#member as Member];
    if (this.#tried.length < targets.size) {
      this.send(this.#mayRepeat);
      return true;
    }
    this.#wait ??= retry.wait();
    return !!this.#wait?.again(() => {
      this.#tried = noMembers;
      this.send(this.#mayRepeat);
    });
  }

  /** The target has nothing more to do with it, and another request may have its turn. */
  #leaveTarget(): void {
    (this.#member as Member).target.inFlight -= 1;
    this.#turn?.end();
  }

  /** Answers with an error. */
  #give(error: GatewayError): void {
    this.#wait?.cancel();
    // What is still on its way is read and dropped, so that the client gets to read the answer.
    this.#forwarding.request.resume();
    this.#client.fail(error);
  }
}

/** Node writes a text of up to 16 KiB, with the head, at once and without memory of its own. */
const smallEnd = 12 * 1024;
