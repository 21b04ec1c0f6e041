import { ChunkRepair } from './chunks.ts';
import { type Doubt, type Framing, type Head, repairHead } from './head.ts';
import { unreadable } from './lines.ts';

/** Where a reader sees an end who takes only CRLF for one. */
const strictEnd = '\r\n\r\n';
/** A line of a head to that reader. */
const strictLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+:|[ \t]|$)/;

/**
 * Repairs one answer as its bytes come: interim answers are left out, the head is written anew, and the body is cut
 * where it ends. Nothing goes on of what comes behind it.
 */
export class AnswerRepair {
  readonly #longestHead: number;
  /** What has come of the head; then, while it is held, of the body. */
  #waiting: Buffer = Buffer.alloc(0);
  #state: 'head' | 'held' | 'body' | 'over' = 'head';
  #head: Buffer = Buffer.alloc(0);
  #framing: Framing = { kind: 'close' };
  #doubt: Doubt | undefined;
  #left = 0;
  #chunks: ChunkRepair | undefined;

  /** @param longestHead the largest number of bytes in a head */
  constructor(longestHead: number) {
    this.#longestHead = longestHead;
  }

  /** The whole answer has gone on. */
  get isOver(): boolean {
    return this.#state === 'over';
  }

  /** It waits for bytes that may show a second meaning. */
  get isHeld(): boolean {
    return this.#state === 'held';
  }

  /** What goes on of the bytes that came. Throws GatewayError 502 for what cannot be repaired. */
  feed(bytes: Buffer): Buffer[] {
    if (this.#state === 'body') return this.#feedBody(bytes);
    if (this.#state === 'over') return [];
    this.#waiting = this.#waiting.length === 0 ? bytes : Buffer.concat([this.#waiting, bytes]);
    if (this.#state === 'held') return this.#look();
    return this.#feedHead();
  }

  /** No more bytes will come, or none for a while: nothing speaks for a second meaning. */
  release(): Buffer[] {
    if (this.#state !== 'held') return [];
    const body = this.#waiting;
    this.#waiting = Buffer.alloc(0);
    this.#state = 'body';
    return [this.#head, ...this.#feedBody(body)];
  }

  #feedHead(): Buffer[] {
    const text = this.#waiting.toString('latin1');
    // The empty line that ends a head, with any number of carriage returns.
    const headEnd = /\n\r*\n/g;
    for (let at = 0; ; ) {
      // An empty line before the status line is nothing (RFC 9112 §2.2).
      while (text[at] === '\r' || text[at] === '\n') at++;
      headEnd.lastIndex = at;
      const end = headEnd.test(text) ? headEnd.lastIndex : undefined;
      if ((end ?? text.length) - at > this.#longestHead) throw unreadable('a head without an end');
      const head = end === undefined ? undefined : repairHead(text.slice(at, end));
      // Interim answers (RFC 9110 §15.2) concern the connection only; nobody asked for another protocol.
      if (head?.status === 101) throw unreadable('101 without a wish for it');
      if (!head || head.status >= 200) this.#waiting = this.#waiting.subarray(end ?? at);
      if (!head) return [];
      if (head.status >= 200) return this.#begin(head);
      at = end ?? at;
    }
  }

  #begin({ text, framing, isBare, doubt }: Head): Buffer[] {
    this.#head = Buffer.from(text, 'latin1');
    this.#framing = framing;
    this.#left = framing.kind === 'length' ? framing.length : 0;
    if (framing.kind === 'chunked') this.#chunks = new ChunkRepair(isBare);
    this.#state = 'held';
    this.#doubt = doubt;
    return doubt === undefined ? this.release() : this.#look();
  }

  /**
   * A head of lines with CRLF that ends with a line feed alone may be the half of one: what somebody else wrote into
   * a header, with an end of its own. It is, if what follows goes on as a head up to an empty line with CRLF.
   */
  #look(): Buffer[] {
    if (this.#doubt === 'length') {
      if (this.#waiting.length > this.#left)
        throw unreadable('bytes behind a length that not everybody sees');
      if (this.#left > this.#longestHead) throw unreadable('a length that not everybody sees');
      return [];
    }
    const text = this.#waiting.toString('latin1');
    const end = text.indexOf(strictEnd);
    // The first line is the rest of the one that was cut.
    const lines = (end < 0 ? text : text.slice(0, end)).split('\r\n').slice(1);
    if (end < 0) lines.pop();
    if (lines.some((line) => !strictLine.test(line)) || text.length > this.#longestHead)
      return this.release();
    if (end >= 0) throw unreadable('a second end of the head');
    return [];
  }

  #feedBody(bytes: Buffer): Buffer[] {
    if (this.#chunks) {
      const out = this.#chunks.feed(bytes);
      if (this.#chunks.isOver) this.#state = 'over';
      return out;
    }
    if (this.#framing.kind === 'close') return [bytes];
    const part = bytes.subarray(0, this.#left);
    this.#left -= part.length;
    if (this.#left === 0) this.#state = 'over';
    return [part];
  }
}
