import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';
import { GatewayError } from '../errors.ts';
import type { RawHeaders } from './request-headers.ts';
import type { ResponseHeaders } from './response-headers.ts';
import type { Target, Targets } from './targets.ts';
import { hasBody, Upload } from './upload.ts';
import { upstreamError } from './upstream-error.ts';

export interface Transfer {
  request: IncomingMessage;
  response: ServerResponse;
  targets: Targets;
  /** Path and query, as the upstream gets them. */
  path: string;
  /** The headers for one of the targets, whose name may stand in Host. */
  headersFor(target: Target): RawHeaders;
  /** Milliseconds until the answer's headers, and of silence in its body; 0 is without limit. */
  timeout: { response: number; idle: number };
  /** Bytes. */
  maxBody: number | undefined;
  rewriteHeaders(raw: readonly (string | Buffer)[]): ResponseHeaders;
  /** Registers an answer that stays open, with what ends it; returns what takes it off. */
  stayOpen(end: (reason: string) => void): () => void;
  /** Called at most once, when the transfer failed while nothing of an answer had been sent. */
  fail(error: GatewayError): void;
  /** Called when the answer broke after it had begun. */
  broke(error: GatewayError): void;
  /** Takes over a 401, by its headers; false for one that goes on to the client. */
  challenged(rawHeaders: readonly (string | Buffer)[]): boolean;
}

/** RFC 9110 §9.2.1: a safe request may be sent again when the kept-alive connection turns out to be closed. */
const repeatable: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);
const closedConnection: ReadonlySet<string> = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

/** Sends a request upstream and its answer back; bodies stream both ways with back-pressure. */
export function transfer(job: Transfer): void {
  const { request } = job;
  const length = Number(request.headers['content-length'] ?? 0);
  if (job.maxBody !== undefined && length > job.maxBody) {
    job.fail(new GatewayError('body_too_large'));
    return;
  }
  const withBody = hasBody(request);
  dispatch(job, withBody, !withBody && repeatable.has(request.method ?? ''), []);
}

/** @param tried the targets that this request did not reach */
function dispatch(job: Transfer, withBody: boolean, mayRepeat: boolean, tried: readonly Target[]): void {
  const { request, response, targets } = job;
  const target = targets.pick(tried);
  target.dispatcher.dispatch(
    {
      origin: target.origin,
      path: job.path,
      method: request.method as Dispatcher.HttpMethod,
      headers: job.headersFor(target),
      body: withBody ? openUpload(job) : null,
      headersTimeout: job.timeout.response,
      bodyTimeout: job.timeout.idle,
    },
    new Exchange(job, (error, wasSent) => {
      const code = (error as NodeJS.ErrnoException).code ?? '';
      if (!wasSent) targets.refused(target);
      const others = [...tried, target];
      if (!wasSent && others.length < targets.size && !response.destroyed) {
        dispatch(job, withBody, mayRepeat, others);
      } else if (wasSent && mayRepeat && closedConnection.has(code) && !response.destroyed) {
        dispatch(job, withBody, false, tried);
      } else {
        // What is still on its way is read and dropped, so that the client gets to read the answer.
        request.resume();
        job.fail(upstreamError(error));
      }
    }),
  );
}

function openUpload({ request, response, maxBody }: Transfer): Upload {
  return new Upload(request, maxBody ?? Number.POSITIVE_INFINITY, () => {
    // RFC 9110 §10.1.1: only now is it certain that somebody wants the body.
    if (request.headers.expect?.toLowerCase() === '100-continue') response.writeContinue();
  });
}

function isLengthMismatch(error: Error): boolean {
  return (error as NodeJS.ErrnoException).code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH';
}

/** One request and its answer, as undici reports them. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #job: Transfer;
  readonly #onFailure: (error: Error, wasSent: boolean) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #answering = false;
  #trailersAllowed = false;
  #isTaken = false;

  /** @param onFailure called when the request failed before an answer came; it may have been sent or not */
  constructor(job: Transfer, onFailure: (error: Error, wasSent: boolean) => void) {
    this.#job = job;
    this.#onFailure = onFailure;
    job.response.on('close', this.#onClose);
  }

  readonly #onClose = (): void => {
    if (!this.#job.response.writableFinished) this.#controller?.abort(new Error('the client left'));
  };

  /** The answer ends in order, and the upstream need not go on. */
  readonly #onSessionEnd = (): void => {
    this.#job.response.end();
    this.#controller?.abort(new Error('the session has ended'));
  };

  readonly #onDrain = (): void => {
    this.#controller?.resume();
  };

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#job.response.destroyed) controller.abort(new Error('the client left'));
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    statusCode: number,
    _headers: unknown,
    statusMessage?: string,
  ): void {
    // Interim answers (RFC 9110 §15.2) concern the connection to the upstream only.
    if (statusCode < 200) return;
    const { response, rewriteHeaders, challenged } = this.#job;
    if (statusCode === 401 && challenged(controller.rawHeaders as (string | Buffer)[])) {
      this.#isTaken = true;
      controller.abort(new Error('the answer was taken over'));
      return;
    }
    const { headers, hasContentLength, isEventStream } = rewriteHeaders(
      controller.rawHeaders as (string | Buffer)[],
    );
    response.writeHead(statusCode, statusMessage ?? '', headers);
    this.#answering = true;
    this.#trailersAllowed = !hasContentLength;
    response.on('drain', this.#onDrain);
    if (isEventStream) response.on('close', this.#job.stayOpen(this.#onSessionEnd));
    // Headers usually leave with the first bytes of the body; an event stream may not have any for long.
    setImmediate(() => {
      if (!response.destroyed && !response.writableEnded) response.flushHeaders();
    });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#job.response.write(chunk)) controller.pause();
  }

  onResponseEnd(
    _controller: Dispatcher.DispatchController,
    trailers: Record<string, string | string[]>,
  ): void {
    const { response } = this.#job;
    if (this.#trailersAllowed && trailers && Object.keys(trailers).length > 0) {
      response.addTrailers(trailers as Record<string, string>);
    }
    response.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    const { response, broke } = this.#job;
    response.off('close', this.#onClose);
    if (this.#isTaken) return;
    if (!this.#answering) {
      this.#onFailure(error, this.#controller !== undefined);
    } else if (response.statusCode === 304 && isLengthMismatch(error)) {
      // RFC 9110 §8.6: the length is that of the answer which was not repeated. The library misses its bytes.
      response.end();
    } else if (!response.destroyed && !response.writableEnded) {
      // Half an answer must look like half an answer: the connection breaks.
      broke(upstreamError(error));
      response.destroy();
    }
  }
}
