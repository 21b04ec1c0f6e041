import type { Dispatcher } from 'undici';
import type { Timer } from '../clock.ts';
import { GatewayError } from '../errors.ts';
import { isWholeWithout, reasonOf } from './answer-head.ts';
import type { Forwarding, HttpClient, UpstreamRequest } from './forwarding.ts';
import { PassedAnswer } from './passed-answer.ts';
import type { ReadHeaders } from './raw-headers.ts';
import { isRepeatable } from './repeats.ts';
import type { RouteTransfer } from './route-transfer.ts';
import { tiedTo } from './sticky.ts';
import { ClientLeft, hasBody } from './upload.ts';
import { isOddAnswer, upstreamError } from './upstream-error.ts';

/**
 * Sends a request upstream and its answer back; bodies stream both ways with back-pressure. What fails is told to the
 * client: as GatewayError 413 for a body beyond `maxBody` bytes, and 502, 503 or 504 for what the upstream does.
 */
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

/**
 * One request and its answer, as undici reports them: what begins and ends an answer. The methods are those of undici's
 * current interface, which version 7 has beside an older one and version 8 has alone; what came over the wire is in the
 * controller (from 7.28 on). `raw-headers.ts` says what the headers cost.
 */
class Transfer extends PassedAnswer implements Dispatcher.DispatchHandler, UpstreamRequest {
  /** An answer has come with which the request is sent again. */
  #isRetried = false;
  /** The answer was taken over, and does not go on to the client. */
  #isTaken = false;
  /** Ends the request, where the upstream answers with interim answers only. */
  #patience: Timer | undefined;

  /** Milliseconds of the monotonic clock: when the head of the answer came, and when the answer ended or broke. */
  headAt: number | undefined;
  endedAt: number | undefined;

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
    this.headAt = this.settings.clock.monotonic();
    this.call?.answered(status);
    const { targets, retry } = this.settings;
    const { member } = this;
    targets.answered(member, status);
    if (retry.statuses.has(status) && this.takeAttempt()) {
      this.#isRetried = true;
      controller.abort(new Error('the request is sent again'));
      return;
    }
    const raw = member.target.readHeaders(controller.rawHeaders ?? [], read);
    if (status === 401 && this.client.challenged(raw)) {
      this.#isTaken = true;
      controller.abort(new Error('the answer was taken over'));
      return;
    }
    const tied = tiedTo(this.forwarding, member.target, this.settings.sticky, this.tie);
    const { headers, contentLength, isEventStream } = this.settings.rewriteHeaders(raw, tied);
    const head = { status, reason: reason === 'OK' ? reason : reasonOf(reason), headers };
    this.takeHead(head, contentLength, isEventStream);
  }

  /** The library counts from the last of them; a server that sends them without end would never be late. */
  #waitForLast(): void {
    const { clock, timeout } = this.settings;
    if (this.#patience !== undefined || timeout.response === 0) return;
    const late = () => this.controller?.abort(new GatewayError('upstream_timeout'));
    this.#patience = clock.after(timeout.response, late);
  }

  onResponseEnd({ rawTrailers }: Dispatcher.DispatchController): void {
    this.endedAt = this.settings.clock.monotonic();
    this.call?.end(undefined);
    this.leaveTarget();
    this.end(rawTrailers);
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    const { response } = this.client;
    this.leaveTarget();
    this.#patience?.cancel();
    this.#patience = undefined;
    this.endedAt = this.settings.clock.monotonic();
    this.call?.end(this.#wordOf(error));
    if (this.#isTaken || this.hasLeft || error instanceof ClientLeft) return;
    if (this.#isRetried) {
      this.#isRetried = false;
      this.sendElsewhere();
      return;
    }
    const isOdd = !this.isRepaired && isOddAnswer(error, this.head !== undefined || this.hasBegun);
    if (isOdd) this.settings.targets.isOdd(this.member, error);
    const isWhole = isWholeWithout(this.head?.status ?? response.statusCode, error);
    if (this.head && isWhole) this.begin();
    this.head = undefined;
    if (!this.hasBegun) {
      this.failed(error, isOdd);
    } else if (isWhole) {
      response.end();
    } else if (!response.destroyed && !this.isEnded) {
      // Half an answer must look like half an answer: the connection breaks.
      this.client.broke(upstreamError(error));
      response.destroy();
    }
  }

  /** The error as it is recorded; undefined where the answer was good enough. */
  #wordOf(error: Error): string | undefined {
    if (this.#isTaken || this.#isRetried) return undefined;
    return this.hasLeft || error instanceof ClientLeft ? 'client_left' : upstreamError(error).code;
  }
}
