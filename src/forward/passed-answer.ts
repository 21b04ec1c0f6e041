import type { Dispatcher } from 'undici';
import { type AnswerHead, trailersOf } from './answer-head.ts';
import type { DeferredWrite } from './end-of-turn.ts';
import { SentRequest } from './sent-request.ts';

/** Node writes a text of up to 16 KiB, with the head, at once and without memory of its own. */
const smallEnd = 12 * 1024;

/**
 * The answer side of a transfer: head, body and end on their way to the client. What only some answers need, such as a
 * listener for `drain`, is made when it is needed.
 */
export abstract class PassedAnswer extends SentRequest implements DeferredWrite {
  /** The head of the answer, as long as it can be taken back. */
  protected head: AnswerHead | undefined;
  /** The head went on to the client. */
  protected hasBegun = false;
  /** Bytes of the body that are still to come; undefined where the upstream did not say. */
  #remaining: number | undefined;
  /** It waits for the end of the turn. */
  #isDeferred = false;
  /** It has waited for a turn with a head alone. */
  #hasWaited = false;
  /** The whole answer was written, and is held back by its socket. */
  #isWhole = false;

  /** Milliseconds of the monotonic clock: when the head went on to the client. */
  beganAt: number | undefined;
  bytesOut = 0;
  isEventStream = false;

  /** Nothing more belongs to the answer. */
  protected get isEnded(): boolean {
    return this.#isWhole || this.client.response.writableEnded;
  }

  /**
   * Takes the head, which is written with what follows, or soon.
   * @param length bytes of the body; undefined where the upstream did not say
   */
  protected takeHead(head: AnswerHead, length: number | undefined, isEventStream: boolean): void {
    this.head = head;
    this.#remaining = length;
    if (isEventStream) this.#stayOpen();
    this.#writeSoon();
  }

  /** From here on the answer cannot be taken back. */
  protected begin(): void {
    const { status, reason, headers } = this.head as AnswerHead;
    this.head = undefined;
    this.hasBegun = true;
    this.beganAt = this.settings.clock.monotonic();
    const { response } = this.client;
    try {
      if (reason === undefined) response.writeHead(status, headers);
      else response.writeHead(status, reason, headers);
    } catch (error) {
      // At the end of a turn nothing above would catch it.
      this.controller?.abort(error as Error);
    }
  }

  /** When the session or the gateway ends, the answer ends in order, and the upstream need not go on. */
  #stayOpen(): void {
    const { response } = this.client;
    this.isEventStream = true;
    this.begin();
    const off = this.settings.stayOpen(
      this.forwarding,
      ({ reason }) => {
        // A stream that said how long it is has no other end: what comes behind would be taken for its rest.
        if (this.#remaining === undefined) response.end();
        else response.destroy();
        this.controller?.abort(new Error(reason));
      },
      'event-stream',
    );
    response.on('close', off);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const { response } = this.client;
    if (this.head) this.begin();
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
    const { response } = this.client;
    const { socket } = response;
    if (!socket || chunk.length > smallEnd) {
      response.end(chunk);
      return;
    }
    // Head and text become one text, which costs less to write than a list of three pieces.
    socket.cork();
    response.write(chunk.toString('latin1'), 'latin1');
    this.#isWhole = true;
    this.#writeSoon();
  }

  /** @param trailers as they came, if any did */
  protected end(trailers: Dispatcher.DispatchController['rawTrailers']): void {
    const { response } = this.client;
    if (this.head) this.begin();
    if (this.isEnded) return;
    // Trailers need chunked framing (RFC 9112 §7.1.2).
    if (this.#remaining === undefined && trailers) response.addTrailers(trailersOf(trailers));
    response.end();
  }

  #writeSoon(): void {
    if (this.#isDeferred) return;
    this.#isDeferred = true;
    this.settings.turnEnds.add(this);
  }

  write(): void {
    const { response } = this.client;
    this.#isDeferred = false;
    if (this.head) {
      if (!this.#hasWaited) {
        // The library tells of what is wrong behind a head when the connection is closed: after this turn.
        this.#hasWaited = true;
        this.#writeSoon();
        return;
      }
      this.begin();
    }
    if (this.#isWhole) {
      response.socket?.uncork();
      response.end();
    } else if (this.hasBegun && !response.destroyed && !response.writableEnded) {
      // Headers usually leave with the first bytes of the body; an event stream may not have any for long.
      response.flushHeaders();
    }
  }
}
