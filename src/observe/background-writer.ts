import { constants, fstatSync, openSync, writeSync, write as writeTo } from 'node:fs';
import type { Clock } from '../clock.ts';

/** Pauses between tries while the output takes nothing: short at first, since a slow reader is the usual cause. */
const firstPauseMs = 10;
const longestPauseMs = 250;

/** Why lines were dropped where there was no error. */
const slowReader = 'they were not read fast enough';

export interface BackgroundWriter {
  /** Takes text to be written; it never waits, fails or throws. */
  write(text: string): void;
  /** Calls back when all that was taken so far is written or dropped. */
  flush(done: () => void): void;
  /** Why nothing can be written at this time, or lines are lost; undefined where neither is so. */
  trouble(): string | undefined;
  /** Writes what it can at once, for a process that ends. It does not wait for a reader. */
  writeNow(): void;
}

export interface WriterOptions {
  clock: Clock;
  /** The most bytes of one system call. */
  largestWrite: number;
  /** The most bytes that wait; what comes beyond them is dropped. */
  mostWaiting: number;
  /** Called when it writes again after something was dropped. `reason` is the code of the last error, such as ENOSPC. */
  onDropped(lines: number, reason: string): void;
}

/**
 * Writes to a file descriptor in the background, and outlives whatever is wrong with it: a full disk, a reader that
 * is slow, blocked or gone. It tries again until it can; meanwhile text waits, up to a limit.
 */
export function createBackgroundWriter(fd: number, options: WriterOptions): BackgroundWriter {
  const { largestWrite, mostWaiting, clock, onDropped } = options;
  const target = neverBlocking(fd);
  const waiting = createWaiting(largestWrite);
  /** It writes, or waits for the next try. */
  let underWay = false;
  let isWriting = false;
  let pauseMs = firstPauseMs;
  const losses = createLosses(onDropped);
  const flushers: (() => void)[] = [];

  const failed = (error: NodeJS.ErrnoException) => {
    losses.failed(error);
    // A process with nothing else to do ends; what it holds is tried once more then.
    clock.after(pauseMs, goOn).unref();
    pauseMs = Math.min(longestPauseMs, pauseMs * 2);
  };
  const wrote = (error: NodeJS.ErrnoException | null, bytes: number) => {
    isWriting = false;
    if (error) return failed(error);
    waiting.took(bytes);
    pauseMs = firstPauseMs;
    losses.worked(waiting.bytes <= mostWaiting / 2);
    goOn();
  };
  /** Writes the next piece, or tells those who wait that there is none. */
  const goOn = () => {
    underWay = waiting.bytes > 0;
    isWriting = underWay;
    if (underWay) writeTo(target, waiting.next(), wrote);
    else for (const call of flushers.splice(0)) call();
  };

  return {
    write(text) {
      const buffer = Buffer.from(text, 'utf8');
      if (waiting.bytes + buffer.length > mostWaiting) losses.add(countLines(buffer));
      else waiting.add(buffer);
      if (!underWay) goOn();
    },
    flush(done) {
      flushers.push(done);
      if (!underWay) goOn();
    },
    trouble: losses.trouble,
    writeNow() {
      // What a thread is writing at this moment is its own: written here too, it would come twice.
      if (!isWriting) waiting.writeAll(target);
    },
  };
}

/** Counts what was dropped, and why, until it can be told. */
function createLosses(onDropped: WriterOptions['onDropped']) {
  let dropped = 0;
  let reason = '';
  let isFailing = false;
  return {
    add(lines: number) {
      dropped += lines;
    },
    failed({ code, message }: NodeJS.ErrnoException) {
      // A reader that has not read yet.
      if (code === 'EAGAIN') return;
      reason = code ?? message;
      isFailing = true;
    },
    /** @param hasRoom else it would be told again and again */
    worked(hasRoom: boolean) {
      isFailing = false;
      if (dropped === 0 || !hasRoom) return;
      const [lines, why] = [dropped, reason || slowReader];
      [dropped, reason] = [0, ''];
      onDropped(lines, why);
    },
    trouble() {
      if (isFailing) return reason;
      return dropped > 0 ? reason || slowReader : undefined;
    },
  };
}

/** The text that is still to be written. */
interface Waiting {
  readonly bytes: number;
  add(buffer: Buffer): void;
  /** The next piece that fits one system call: whole buffers where that is possible, since those end at line ends. */
  next(): Buffer;
  /** So many bytes of the next piece were written. */
  took(bytes: number): void;
  /** Writes as much as can be written at once. */
  writeAll(target: number): void;
}

function createWaiting(largestWrite: number): Waiting {
  let buffers: Buffer[] = [];
  let bytes = 0;
  const next = (): Buffer => {
    const [first = Buffer.alloc(0), ...rest] = buffers;
    if (rest.length === 0 || first.length >= largestWrite) return first.subarray(0, largestWrite);
    let size = first.length;
    let count = 1;
    for (const buffer of rest) {
      if (size + buffer.length > largestWrite) break;
      size += buffer.length;
      count += 1;
    }
    if (count === 1) return first;
    const joined = Buffer.concat(buffers.slice(0, count), size);
    buffers = [joined, ...buffers.slice(count)];
    return joined;
  };
  const took = (taken: number) => {
    bytes -= taken;
    const [first] = buffers;
    if (first && taken < first.length) buffers[0] = first.subarray(taken);
    else buffers.shift();
  };
  return {
    get bytes() {
      return bytes;
    },
    add(buffer) {
      buffers.push(buffer);
      bytes += buffer.length;
    },
    next,
    took,
    writeAll(target) {
      try {
        while (buffers.length > 0) took(writeSync(target, next()));
      } catch {
        // Nobody is there to be told.
      }
    },
  };
}

function countLines(buffer: Buffer): number {
  let lines = 0;
  for (let at = buffer.indexOf(10); at >= 0; at = buffer.indexOf(10, at + 1)) lines += 1;
  return lines;
}

/**
 * A descriptor for the same output on which a write never waits for a reader. A pipe is opened anew where that is
 * possible: the flag is one of the open file, which other processes share. For the rest, Node sets the flag itself
 * when its own stream is made.
 */
function neverBlocking(fd: number): number {
  try {
    const about = fstatSync(fd);
    if (about.isFile()) return fd;
    if (about.isFIFO() || about.isCharacterDevice()) {
      try {
        return openSync(
          `/proc/self/fd/${fd}`,
          constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY,
        );
      } catch {
        // No /proc, or the output belongs to another user.
      }
    }
    // Reading the property makes the stream.
    if (fd === 1) void process.stdout;
  } catch {
    // A closed descriptor fails at each write, which is handled there.
  }
  return fd;
}
