import {
  close,
  closeSync,
  constants,
  fstat,
  fstatSync,
  open,
  openSync,
  stat,
  write,
  writeSync,
} from 'node:fs';
import { promisify } from 'node:util';
import type { Clock } from '../clock.ts';

/** Lines that are appended to a file in the background. */
export interface LineFile {
  /** Takes a line, with its end; it never waits, fails or throws. */
  write(line: string): void;
  /** Calls back when all that was taken so far is in the file or lost. */
  flush(done: () => void): void;
  /** Writes what it can at once, for a process that ends. */
  writeNow(): void;
  /** The file at the path may be another one now. */
  lookAgain(): void;
  /** Why it cannot be written at this time; undefined where it can. */
  trouble(): string | undefined;
  /** Lets go of the file; gives the lines that are not in it yet, but for one that is being written. */
  leave(): string[];
}

export interface LineFileNeeds {
  clock: Clock;
  /** The most bytes that wait; what comes beyond them is lost. */
  mostWaiting: number;
  /** Told at first and then from time to time while nothing can be written. */
  onFailing(reason: string, waiting: number): void;
  /** Told once lines can be written again. */
  onWorking(reason: string, lost: number): void;
}

/** Pauses between tries. */
const firstPauseMs = 50;
const longestPauseMs = 1000;
/** So often is looked whether the path is still that of the file. */
const lookEveryMs = 1000;
/** So often is said that nothing can be written. */
const tellEveryMs = 60_000;

/**
 * Opens a file to append lines to; it is made for its owner alone where there is none. Each line is one call, so that
 * lines of several processes do not mix. A file that was renamed or removed is left for a new one at the same path.
 * Where it cannot be opened, lines wait.
 */
export function openLineFile(path: string, needs: LineFileNeeds): LineFile {
  return new AppendedFile(path, needs);
}

/** Makes the file where there is none. Throws when it cannot be opened. */
export function tryLineFile(path: string): void {
  closeSync(openAppending(path));
}

const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK, O_NOCTTY } = constants;
/** O_NONBLOCK: a pipe that nobody reads is refused, and does not hold up the process. */
const flags = O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY;
const ownerAlone = 0o600;
const openAppending = (path: string): number => openSync(path, flags, ownerAlone);

/** By threads: a file system that hangs holds up nothing else. */
const files = {
  open: promisify(open),
  stat: promisify(stat),
  fstat: promisify(fstat),
  write: promisify(write),
};

class AppendedFile implements LineFile {
  readonly #path: string;
  readonly #needs: LineFileNeeds;
  readonly #flushers: (() => void)[] = [];
  /** -1 while there is none. */
  #fd = -1;
  /** Which file that is. */
  #inode = '';
  #lines: Buffer[] = [];
  #bytes = 0;
  /** It writes, looks, or waits for the next try. */
  #isUnderWay = false;
  #isWriting = false;
  #isLeft = false;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #pauseMs = firstPauseMs;
  /** Of the first line: what a full disk has let through, and how large the file was then. */
  #begun: { bytes: number; size: number } | undefined;
  #trouble: string | undefined;
  #toldAt = 0;
  #lost = 0;

  constructor(path: string, needs: LineFileNeeds) {
    this.#path = path;
    this.#needs = needs;
    void this.#goOn();
  }

  write(line: string): void {
    const buffer = Buffer.from(line, 'utf8');
    if (this.#bytes + buffer.length > this.#needs.mostWaiting) {
      this.#lost += 1;
      return;
    }
    this.#lines.push(buffer);
    this.#bytes += buffer.length;
    void this.#goOn();
  }

  flush(done: () => void): void {
    this.#flushers.push(done);
    void this.#goOn();
  }

  writeNow(): void {
    // What a thread is writing at this moment is its own: written here too, it would come twice.
    const [first, ...others] = this.#lines.splice(0);
    try {
      if (first && !this.#isWriting) writeSync(this.#fd, this.#restOf(first, fstatSync(this.#fd).size));
      for (const line of others) writeSync(this.#fd, line);
    } catch {
      // Nobody is there to be told.
    }
  }

  lookAgain(): void {
    this.#lookedAt = Number.NEGATIVE_INFINITY;
    // Whoever has renamed it may wait for the new one.
    void this.#goOn();
  }

  trouble(): string | undefined {
    return this.#trouble;
  }

  leave(): string[] {
    const left = this.#lines.splice(this.#isWriting ? 1 : 0);
    this.#isLeft = true;
    const [reason, lost] = [this.#reason(), this.#lost];
    // Whoever takes the lines is to take this one too.
    if (lost > 0) queueMicrotask(() => this.#needs.onWorking(reason, lost));
    if (!this.#isUnderWay) this.#end();
    return left.map(String);
  }

  /** Writes line after line until there is none; never rejects. */
  async #goOn(): Promise<void> {
    if (this.#isUnderWay || this.#isLeft) return;
    this.#isUnderWay = true;
    while (await this.#step());
    this.#isUnderWay = false;
    for (const call of this.#flushers.splice(0)) call();
    if (this.#isLeft) this.#end();
  }

  /** One line, or one pause; false where nothing is left to be done. */
  async #step(): Promise<boolean> {
    try {
      if (!this.#isLeft) await this.#lookForAnother();
      const [line] = this.#lines;
      if (line) await this.#writeLine(line);
      this.#works();
    } catch (error) {
      this.#failed(error);
      if (this.#isLeft) return false;
      // A process with nothing else to do ends; what it holds is tried once more then.
      await new Promise<void>((resolve) => void this.#needs.clock.after(this.#pauseMs, resolve).unref());
      this.#pauseMs = Math.min(longestPauseMs, this.#pauseMs * 2);
      return true;
    }
    return this.#lines.length > 0;
  }

  #end(): void {
    if (this.#fd >= 0) close(this.#fd, () => {});
    this.#fd = -1;
  }

  /** Rejects when there is another one, and it cannot be opened: nobody may look at the old one again, so lines wait. */
  async #lookForAnother(): Promise<void> {
    const now = this.#needs.clock.monotonic();
    if (now - this.#lookedAt < lookEveryMs) return;
    const found = await files.stat(this.#path).catch(() => undefined);
    if (!found || inodeOf(found) !== this.#inode) {
      const fd = await files.open(this.#path, flags, ownerAlone);
      this.#end();
      this.#fd = fd;
      this.#inode = inodeOf(await files.fstat(fd));
      this.#begun = undefined;
    }
    this.#lookedAt = now;
  }

  async #writeLine(line: Buffer): Promise<void> {
    const rest = this.#begun ? this.#restOf(line, (await files.fstat(this.#fd)).size) : line;
    this.#isWriting = true;
    const { bytesWritten } = await files.write(this.#fd, rest).finally(() => {
      this.#isWriting = false;
    });
    if (bytesWritten < rest.length) {
      // Of a line that comes once more, the line end before it is no part.
      const bytes = Math.max(0, line.length - rest.length + bytesWritten);
      this.#begun = { bytes, size: (await files.fstat(this.#fd)).size };
      throw Object.assign(new Error('it took a part of a line'), { code: 'ENOSPC' });
    }
    this.#begun = undefined;
    this.#lines.shift();
    this.#bytes -= line.length;
  }

  /**
   * What is to be written of a line: all of it, unless a part of it stands at the end of the file. Where another process
   * has written behind that part, the line comes once more, on a line of its own.
   */
  #restOf(line: Buffer, size: number): Buffer {
    if (!this.#begun) return line;
    return size === this.#begun.size ? line.subarray(this.#begun.bytes) : Buffer.concat([lineEnd, line]);
  }

  #works(): void {
    this.#pauseMs = firstPauseMs;
    if (this.#isLeft || (this.#trouble === undefined && this.#lost === 0)) return;
    // Else it would be said again and again.
    if (this.#bytes > this.#needs.mostWaiting / 2) return;
    const [reason, lost] = [this.#reason(), this.#lost];
    this.#trouble = undefined;
    this.#lost = 0;
    this.#needs.onWorking(reason, lost);
  }

  #reason(): string {
    return this.#trouble ?? 'it was not written fast enough';
  }

  #failed(error: unknown): void {
    if (this.#isLeft) return;
    const { code, message } = error as NodeJS.ErrnoException;
    const { clock, onFailing } = this.#needs;
    const isNew = this.#trouble === undefined;
    this.#trouble = code ?? message;
    if (!isNew && clock.monotonic() - this.#toldAt < tellEveryMs) return;
    this.#toldAt = clock.monotonic();
    onFailing(this.#trouble, this.#lines.length);
  }
}

const lineEnd = Buffer.from('\n');
const inodeOf = ({ dev, ino }: { dev: number; ino: number }) => `${dev} ${ino}`;
