import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { Clock, Timer } from '../../clock.ts';
import { AnswerRepair } from './answer-repair.ts';

/** How long a server may pause within a head, as far as a second meaning is looked for. */
const pauseMs = 250;

/**
 * A connection to a server whose answers no parser takes: what comes is repaired on its way, what goes is left as it
 * is. It serves one request, so that no byte of an answer can reach another's.
 */
export class RepairingConnection extends Duplex {
  readonly #socket: Socket;
  readonly #repair: AnswerRepair;
  readonly #clock: Clock;
  #pause: Timer | undefined;

  /** @param longestHead the largest number of bytes in a head */
  constructor(socket: Socket, longestHead: number, clock: Clock) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    this.#clock = clock;
    this.#repair = new AnswerRepair(longestHead);
    socket.on('data', (chunk: Buffer) => this.#pass(() => this.#repair.feed(chunk)));
    socket.on('end', () => {
      this.#pass(() => this.#repair.release());
      this.push(null);
    });
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
    socket.pause();
  }

  #pass(take: () => Buffer[]): void {
    if (this.destroyed) return;
    this.#pause?.cancel();
    try {
      for (const bytes of take()) if (bytes.length > 0 && !this.push(bytes)) this.#socket.pause();
    } catch (error) {
      this.destroy(error as Error);
      return;
    }
    if (this.#repair.isHeld)
      this.#pause = this.#clock.after(pauseMs, () => this.#pass(() => this.#repair.release()));
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, encoding, done);
  }

  override _final(done: () => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#pause?.cancel();
    this.#socket.destroy();
    done(error);
  }

  /** The client of this connection holds the process by it, or lets it go. */
  ref(): void {
    this.#socket.ref();
  }

  unref(): void {
    this.#socket.unref();
  }
}
