import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';
import { GatewayError } from '../errors.ts';
import { type Leaving, leaveAtEndOfTurn } from './end-of-turn.ts';
import type { Forwarding, HttpClient, UnderWay } from './forwarding.ts';
import type { RawHeaders } from './request-headers.ts';
import { latin1, type ResponseHeaderWriter } from './response-headers.ts';
import type { Target, Targets } from './targets.ts';
import { hasBody, Upload } from './upload.ts';
import { upstreamError } from './upstream-error.ts';

/** What the requests of one route have in common on their way; compiled once. */
export interface Way {
  targets: Targets;
  /** The headers for one of the targets, whose name may stand in Host. */
  headersFor(forwarding: Forwarding, target: Target): RawHeaders;
  rewriteHeaders: ResponseHeaderWriter;
  /** Milliseconds until the answer's headers, and of silence in its body; 0 is without limit. */
  timeout: { response: number; idle: number };
  /** Bytes. */
  maxBody: number | undefined;
  /** Registers an answer that stays open, with what ends it; returns what takes it off. */
  stayOpen(forwarding: Forwarding, end: (reason: string) => void): () => void;
}

/** RFC 9110 §9.2.1: a safe request may be sent again when the kept-alive connection turns out to be closed. */
const repeatable: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);
const closedConnection: ReadonlySet<string> = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

/** Sends a request upstream and its answer back; bodies stream both ways with back-pressure. */
export function transfer(forwarding: Forwarding, client: HttpClient, way: Way): UnderWay {
  const { request } = forwarding;
  const withBody = hasBody(request);
  const passage = new Passage(forwarding, client, way, withBody);
  const length = withBody ? Number(request.headers['content-length'] ?? 0) : 0;
  if (way.maxBody !== undefined && length > way.maxBody) client.fail(new GatewayError('body_too_large'));
  else passage.send(!withBody && repeatable.has(request.method ?? ''), noTargets);
  return passage;
}

const noTargets: readonly Target[] = [];

function openUpload(request: IncomingMessage, response: ServerResponse, maxBody: number | undefined): Upload {
  return new Upload(request, maxBody ?? Number.POSITIVE_INFINITY, () => {
    // RFC 9110 §10.1.1: only now is it certain that somebody wants the body.
    if (request.headers.expect?.toLowerCase() === '100-continue') response.writeContinue();
  });
}

function isLengthMismatch(error: Error): boolean {
  return (error as NodeJS.ErrnoException).code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH';
}

/**
 * One request and its answer, as undici reports them. The hot path: it is one object, and what only some answers
 * need, such as a listener for `drain`, is made when it is needed. The methods are those of undici's older
 * interface, since for the newer one version 7 reads the headers of each answer into an object that nobody here
 * looks at, which took a twentieth of the time of a request.
 */
class Passage implements Dispatcher.DispatchHandler, UnderWay, Leaving {
  readonly #forwarding: Forwarding;
  readonly #client: HttpClient;
  readonly #way: Way;
  readonly #withBody: boolean;
  #mayRepeat = false;
  /** The target that was asked, and those that this request did not reach before. */
  #target: Target | undefined;
  #tried: readonly Target[] = noTargets;
  #abort: ((reason?: Error) => void) | undefined;
  #resume: (() => void) | undefined;
  #answering = false;
  /** Bytes of the body that are still to come; undefined where nobody said. */
  #remaining: number | undefined;
  #isTaken = false;
  /** It waits for the end of the turn. */
  #isLeaving = false;
  /** The whole answer was written, and is held back by its socket. */
  #isWhole = false;

  constructor(forwarding: Forwarding, client: HttpClient, way: Way, withBody: boolean) {
    this.#forwarding = forwarding;
    this.#client = client;
    this.#way = way;
    this.#withBody = withBody;
  }

  /** @param tried the targets that this request did not reach */
  send(mayRepeat: boolean, tried: readonly Target[]): void {
    const { request, path } = this.#forwarding;
    const { targets, timeout, maxBody } = this.#way;
    const target = targets.pick(tried);
    this.#mayRepeat = mayRepeat;
    this.#tried = tried;
    this.#target = target;
    this.#abort = undefined;
    target.dispatcher.dispatch(
      {
        origin: target.origin,
        path,
        method: request.method as Dispatcher.HttpMethod,
        headers: this.#way.headersFor(this.#forwarding, target),
        body: this.#withBody ? openUpload(request, this.#client.response, maxBody) : null,
        headersTimeout: timeout.response,
        bodyTimeout: timeout.idle,
      },
      this,
    );
  }

  clientLeft(): void {
    if (!this.#client.response.writableFinished) this.#abort?.(new Error('the client left'));
  }

  onConnect(abort: (reason?: Error) => void): void {
    this.#abort = abort;
    if (this.#client.response.destroyed) abort(new Error('the client left'));
  }

  onHeaders(statusCode: number, raw: Buffer[], resume: () => void, statusMessage: string): boolean {
    // Interim answers (RFC 9110 §15.2) concern the connection to the upstream only.
    if (statusCode < 200) return true;
    const { response } = this.#client;
    this.#resume = resume;
    if (statusCode === 401 && this.#client.challenged(raw)) {
      this.#isTaken = true;
      this.#abort?.(new Error('the answer was taken over'));
      return true;
    }
    const { headers, contentLength, isEventStream } = this.#way.rewriteHeaders(raw, this.#forwarding);
    response.writeHead(statusCode, writableReason(statusMessage), headers);
    this.#answering = true;
    this.#remaining = contentLength;
    if (isEventStream) this.#stayOpen();
    this.#leaveSoon();
    return true;
  }

  /** When the session ends, the answer ends in order, and the upstream need not go on. */
  #stayOpen(): void {
    const { response } = this.#client;
    const off = this.#way.stayOpen(this.#forwarding, () => {
      response.end();
      this.#abort?.(new Error('the session has ended'));
    });
    response.on('close', off);
  }

  onData(chunk: Buffer): boolean {
    const { response } = this.#client;
    if (this.#remaining !== undefined) {
      this.#remaining -= chunk.length;
      if (this.#remaining === 0) {
        this.#endWith(chunk);
        return true;
      }
    }
    if (response.write(chunk)) return true;
    response.once('drain', () => this.#resume?.());
    return false;
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
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    leaveAtEndOfTurn(this);
  }

  leave(): void {
    const { response } = this.#client;
    this.#isLeaving = false;
    if (this.#isWhole) {
      response.socket?.uncork();
      response.end();
    } else if (!response.destroyed && !response.writableEnded) {
      // Headers usually leave with the first bytes of the body; an event stream may not have any for long.
      response.flushHeaders();
    }
  }

  onComplete(trailers: RawTrailers): void {
    const { response } = this.#client;
    if (this.#isEnded) return;
    // Trailers need chunked framing (RFC 9112 §7.1.2).
    if (this.#remaining === undefined && trailers) response.addTrailers(trailersOf(trailers));
    response.end();
  }

  onError(error: Error): void {
    const { response } = this.#client;
    if (this.#isTaken) return;
    if (!this.#answering) {
      this.#failed(error, this.#abort !== undefined);
    } else if (response.statusCode === 304 && isLengthMismatch(error)) {
      // RFC 9110 §8.6: the length is that of the answer which was not repeated. The library misses its bytes.
      response.end();
    } else if (!response.destroyed && !this.#isEnded) {
      // Half an answer must look like half an answer: the connection breaks.
      this.#client.broke(upstreamError(error));
      response.destroy();
    }
  }

  /** The request failed before an answer came. */
  #failed(error: Error, wasSent: boolean): void {
    const { response } = this.#client;
    const { targets } = this.#way;
    const target = this.#target as Target;
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (!wasSent) targets.refused(target);
    const others = [...this.#tried, target];
    if (!wasSent && others.length < targets.size && !response.destroyed) {
      this.send(this.#mayRepeat, others);
    } else if (wasSent && this.#mayRepeat && closedConnection.has(code) && !response.destroyed) {
      this.send(false, this.#tried);
    } else {
      // What is still on its way is read and dropped, so that the client gets to read the answer.
      this.#forwarding.request.resume();
      this.#client.fail(upstreamError(error));
    }
  }
}

/** Node writes a text of up to 16 KiB, with the head, at once and without memory of its own. */
const smallEnd = 12 * 1024;

/** A reason that Node does not write, such as one in another language, says nothing to programs (RFC 9112 §4). */
const writableReason = (reason: string): string => (/^[\t\x20-\x7e\x80-\xff]*$/.test(reason) ? reason : '');

/** Names and values in turn, as HTTP/1.1 brings them, or the object that they are in HTTP/2. */
type RawTrailers = readonly (string | Buffer)[] | OutgoingHttpHeaders | null;

function trailersOf(raw: NonNullable<RawTrailers>): OutgoingHttpHeaders | [string, string][] {
  if (!Array.isArray(raw)) return raw as OutgoingHttpHeaders;
  const pairs: [string, string][] = [];
  for (let at = 0; at < raw.length; at += 2) pairs.push([latin1(raw[at]), latin1(raw[at + 1])]);
  return pairs;
}
