import type { Dispatcher } from 'undici';
import type { GatewayError } from '../errors.ts';
import type { UpstreamCall } from '../observe/trace.ts';
import type { Member } from './balance/member.ts';
import type { Forwarding, HttpClient } from './forwarding.ts';
import { isClosed } from './repeats.ts';
import type { Wait } from './retry.ts';
import type { RouteTransfer } from './route-transfer.ts';
import type { Tie } from './sticky.ts';
import type { TargetTurns, Turn, Waiter } from './target-turns.ts';
import type { Target } from './targets.ts';
import { ClientLeft, openUpload, type Upload } from './upload.ts';
import { isFailure, isLate, upstreamError } from './upstream-error.ts';

const noMembers: readonly Member[] = [];

/**
 * The request side of a transfer: which target it is sent to, its turn there, and when it is sent again.
 *
 * A transfer is the hot path, and one object: its sides are classes above each other, since a second object would cost
 * each request. Above this one are the answer (`passed-answer.ts`) and what undici reports (`transfer.ts`).
 */
export abstract class SentRequest implements Waiter {
  protected readonly forwarding: Forwarding;
  protected readonly client: HttpClient;
  protected readonly settings: RouteTransfer;
  /** The target that the browser is tied to. */
  protected readonly tie: Tie | undefined;
  readonly #withBody: boolean;
  #mayRepeat = false;
  /** The target that was asked, and those that were not reached, or gave no good answer. */
  #member: Member | undefined;
  #tried: readonly Member[] = noMembers;
  /** How often the request was sent again. */
  #attempts = 0;
  /** While no target can be reached. */
  #wait: Wait | undefined;
  /** The request has its connection for itself, since the target is odd or another connection was closed. */
  #isSingle = false;
  /** The answer is repaired on the way. */
  protected isRepaired = false;
  /** The turn at the target. */
  #turn: Turn | undefined;
  /** Of the connection that the request was written to; undefined where there was none. */
  protected controller: Dispatcher.DispatchController | undefined;
  /** The client does not wait for the answer any more. */
  protected hasLeft = false;
  #upload: Upload | undefined;
  /** The record of this attempt, and how many there were. */
  protected call: UpstreamCall | undefined;
  #sent = 0;

  /** Milliseconds of the monotonic clock: when the request went upstream for the first time. */
  sentAt: number | undefined;

  constructor(forwarding: Forwarding, client: HttpClient, settings: RouteTransfer, withBody: boolean) {
    this.forwarding = forwarding;
    this.client = client;
    this.settings = settings;
    this.#withBody = withBody;
    this.tie = settings.sticky?.read(forwarding.request.headers.cookie);
  }

  get target(): string | undefined {
    return this.#member?.target.name;
  }

  get bytesIn(): number {
    return this.#upload?.received ?? 0;
  }

  /** The target that was asked. */
  protected get member(): Member {
    return this.#member as Member;
  }

  send(mayRepeat: boolean): void {
    this.#mayRepeat = mayRepeat;
    this.#sendTo(this.#pick(), false);
  }

  #pick(): Member {
    return this.settings.targets.pick(this.#tried, this.tie?.target);
  }

  /** @param isFresh the connection has to be a new one */
  #sendTo(member: Member, isFresh: boolean): void {
    this.#enter(member, isFresh);
    this.controller = undefined;
    const { turns } = this.settings;
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
    this.isRepaired = target.isOdd;
    target.inFlight += 1;
  }

  turnCame(at: TargetTurns): void {
    const { target } = this.member;
    if (target.turns !== at) {
      target.inFlight -= 1;
      this.#enter(this.settings.targets.memberOf(at), this.#isSingle);
    }
    this.#dispatch(this.member.target);
  }

  noTurn(error: GatewayError): void {
    this.leaveTarget();
    this.#give(error);
  }

  elsewhere(): readonly TargetTurns[] {
    return this.settings.targets.elsewhere(this.#tried, this.tie?.target);
  }

  wants(at: TargetTurns): boolean {
    return this.settings.targets.takes(at);
  }

  #dispatch(target: Target): void {
    const { request, path, trace } = this.forwarding;
    const { timeout, maxBody, clock } = this.settings;
    this.sentAt ??= clock.monotonic();
    this.#upload = this.#withBody ? openUpload(request, this.client.response, maxBody) : undefined;
    const dispatcher = this.#isSingle ? target.single : target.dispatcher;
    const { method } = request;
    const headers = this.settings.headersFor(this.forwarding, target);
    if (trace) this.call = trace.call(headers, { method: method ?? '', path, target }, this.#sent++);
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

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    this.#wait?.cancel();
    this.#wait = undefined;
    if (this.hasLeft || this.client.response.destroyed) controller.abort(new ClientLeft('the client left'));
  }

  clientLeft(): void {
    if (this.client.response.writableFinished) return;
    this.hasLeft = true;
    if (this.#turn?.leave()) this.leaveTarget();
    this.#wait?.cancel();
    this.controller?.abort(new ClientLeft('the client left'));
  }

  /** The target has nothing more to do with the request, and another one may have its turn. */
  protected leaveTarget(): void {
    this.member.target.inFlight -= 1;
    this.#turn?.end();
  }

  /** The request failed before anything of an answer went on: it is sent again, or answered with the error. */
  protected failed(error: Error, isOdd: boolean): void {
    const { targets, retry } = this.settings;
    const { member } = this;
    const wasSent = this.controller !== undefined;
    // The connection may have been closed while nothing was asked on it, which says nothing of the target.
    const isStale = !this.#isSingle && isClosed(error);
    if (!wasSent) {
      targets.unreachable(member, error);
      if (this.#sendUnsent()) return;
    } else if (isOdd && this.#mayRepeat && !this.client.response.destroyed) {
      this.#sendTo(member, true);
      return;
    } else if (isStale && retry.onClosed && this.takeAttempt(true)) {
      this.#sendTo(this.#pick(), true);
      return;
    } else {
      if (isFailure(error, this.forwarding.request)) targets.failed(member, error);
      const isCause = (retry.onClosed && isClosed(error)) || (retry.onTimeout && isLate(error));
      if (isCause && this.takeAttempt()) {
        this.sendElsewhere();
        return;
      }
    }
    this.#give(upstreamError(error));
  }

  /** Whether a request that was sent may be sent again, as often as it was already. */
  protected takeAttempt(isFree = false): boolean {
    const { retry } = this.settings;
    const mayRepeat = this.#mayRepeat && !this.client.response.destroyed;
    if (!mayRepeat || this.#attempts >= retry.attempts) return false;
    if (!(isFree && this.#attempts === 0) && !retry.take()) return false;
    this.#attempts += 1;
    return true;
  }

  protected sendElsewhere(): void {
    this.#tried = [...this.#tried, this.member];
    this.#sendTo(this.#pick(), true);
  }

  /** No connection was made. Sends the request to a target that was not tried, now, or to any after a pause. */
  #sendUnsent(): boolean {
    const { targets, retry } = this.settings;
    if (!retry.onConnect || this.client.response.destroyed) return false;
    this.#tried = [...this.#tried, this.member];
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

  /** Answers with an error. */
  #give(error: GatewayError): void {
    this.#wait?.cancel();
    // What is still on its way is read and dropped, so that the client gets to read the answer.
    this.forwarding.request.resume();
    this.client.fail(error);
  }
}
