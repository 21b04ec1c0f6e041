import { Readable } from 'node:stream';
import { GatewayError } from '../errors.ts';
import type { Inbound, Outbound } from '../listen/inbound.ts';

/** The client went away before its request or the answer to it was complete: nobody's fault but its own. */
export class ClientLeft extends Error {
  override readonly name = 'ClientLeft';
}

/** Whether a request has a body (RFC 9112 §6.3). */
export function hasBody(request: Pick<Inbound, 'headers'>): boolean {
  const length = request.headers['content-length'];
  return request.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}

/**
 * The body of a request on its way upstream. It stands between the two so that a failed upload can be ended
 * without ending the client's connection, on which the answer still has to travel; and it counts bytes.
 */
export class Upload extends Readable {
  readonly #request: Inbound;
  readonly #limit: number;
  readonly #onFirstRead: () => void;
  #started = false;
  #received = 0;

  /**
   * @param limit the largest number of bytes; one more ends the upload with GatewayError 413
   * @param onFirstRead called when the upstream is ready to take the body
   */
  constructor(request: Inbound, limit: number, onFirstRead: () => void) {
    super({ autoDestroy: true });
    this.#request = request;
    this.#limit = limit;
    this.#onFirstRead = onFirstRead;
  }

  /** Bytes that were read from the client. */
  get received(): number {
    return this.#received;
  }

  override _read(): void {
    if (!this.#started) {
      this.#started = true;
      this.#onFirstRead();
      this.#request.on('data', this.#onData);
      this.#request.on('end', this.#onEnd);
      this.#request.on('close', this.#onClose);
      this.#request.on('error', this.#onError);
    }
    this.#request.resume();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#request.off('data', this.#onData);
    this.#request.off('end', this.#onEnd);
    this.#request.off('close', this.#onClose);
    // What is still on its way is read and dropped, so that the client gets to read the answer. A body that was
    // not begun is left for another upstream.
    if (this.#started) this.#request.resume();
    callback(error);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#received += chunk.length;
    if (this.#received > this.#limit) this.destroy(new GatewayError('body_too_large'));
    else if (!this.push(chunk)) this.#request.pause();
  };

  readonly #onEnd = (): void => {
    this.push(null);
  };

  readonly #onClose = (): void => {
    if (!this.#request.complete) this.destroy(new ClientLeft('the client left in the middle of its request'));
  };

  /** Node reports nothing else of a request than that its connection has gone. */
  readonly #onError = (cause: Error): void => {
    this.destroy(new ClientLeft('the client left in the middle of its request', { cause }));
  };
}

/**
 * The body of a request, once for each time that it is sent.
 * @param maxBody the largest number of bytes; undefined for any
 */
export function openUpload(request: Inbound, response: Outbound, maxBody: number | undefined): Upload {
  return new Upload(request, maxBody ?? Number.POSITIVE_INFINITY, () => {
    // RFC 9110 §10.1.1: only now is it certain that somebody wants the body.
    if (request.headers.expect?.toLowerCase() === '100-continue') response.writeContinue();
  });
}
