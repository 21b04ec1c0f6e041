import { constants, fstatSync, openSync, writeSync, write as writeTo } from 'node:fs';

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
  /** Writes what it can at once, for a process that ends. It does not wait for a reader. */
  writeNow(): void;
}

export interface WriterOptions {
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
  const { largestWrite, mostWaiting, onDropped } = options;
  const target = neverBlocking(fd);
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  /** It writes, or waits for the next try. */
  let underWay = false;
  let isWriting = false;
  let pauseMs = firstPauseMs;
  let dropped = 0;
  let reason = '';
  let flushers: (() => void)[] = [];

  /** The next piece that fits one system call: whole buffers where that is possible, since those end at line ends. */
  const next = (): Buffer => {
    const [first = Buffer.alloc(0), ...rest] = waiting;
    if (rest.length === 0 || first.length >= largestWrite) return first.subarray(0, largestWrite);
    let size = first.length;
    let count = 1;
    for (const buffer of rest) {
      if (size + buffer.length > largestWrite) break;
      size += buffer.length;
      count += 1;
    }
    if (count === 1) return first;
    const joined = Buffer.concat(waiting.slice(0, count), size);
    waiting = [joined, ...waiting.slice(count)];
    return joined;
  };

  const took = (bytes: number) => {
    waitingBytes -= bytes;
    const [first] = waiting;
    if (first && bytes < first.length) waiting[0] = first.subarray(bytes);
    else waiting.shift();
  };

  const recovered = () => {
    pauseMs = firstPauseMs;
    if (dropped === 0 || waitingBytes > mostWaiting / 2) return;
    const [lines, why] = [dropped, reason || slowReader];
    [dropped, reason] = [0, ''];
    onDropped(lines, why);
  };

  const goOn = () => {
    if (underWay) return;
    if (waiting.length === 0) {
      const done = flushers;
      flushers = [];
      for (const call of done) call();
      return;
    }
    underWay = true;
    isWriting = true;
    writeTo(target, next(), (error, bytes) => {
      underWay = false;
      isWriting = false;
      if (error) {
        // EAGAIN is a reader that has not read yet.
        if (error.code !== 'EAGAIN') reason = error.code ?? error.message;
        underWay = true;
        // A process with nothing else to do ends; what it holds is tried once more then.
        setTimeout(() => {
          underWay = false;
          goOn();
        }, pauseMs).unref();
        pauseMs = Math.min(longestPauseMs, pauseMs * 2);
        return;
      }
      took(bytes);
      recovered();
      goOn();
    });
  };

  return {
    write(text) {
      const buffer = Buffer.from(text, 'utf8');
      if (waitingBytes + buffer.length > mostWaiting) {
        dropped += countLines(buffer);
        return;
      }
      waiting.push(buffer);
      waitingBytes += buffer.length;
      goOn();
    },
    flush(done) {
      flushers.push(done);
      goOn();
    },
    writeNow() {
      // What a thread is writing at this moment is its own: written here too, it would come twice.
      if (isWriting) return;
      try {
        while (waiting.length > 0) took(writeSync(target, next()));
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
