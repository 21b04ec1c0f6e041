/** A callback that is to come, as `setTimeout` and `setInterval` of Node.js give it. */
export interface Timer {
  /** It does not come any more. */
  cancel(): void;
  /** A process that has nothing else to do does not wait for it. */
  unref(): Timer;
}

/** Time as an argument: whatever waits or looks at the time gets one, so that a test can wind it. */
export interface Clock {
  /** Milliseconds since the epoch: for times that are written down or come from others. */
  now(): number;
  /** Milliseconds of a clock that never goes back: for waits and circuits. */
  monotonic(): number;
  /** Calls back once, after so many milliseconds. */
  after(milliseconds: number, callback: () => void): Timer;
  /** Calls back again and again, every so many milliseconds. */
  every(milliseconds: number, callback: () => void): Timer;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(milliseconds, callback) {
    const handle = setTimeout(callback, milliseconds);
    return timerOf(handle, () => clearTimeout(handle));
  },
  every(milliseconds, callback) {
    const handle = setInterval(callback, milliseconds);
    return timerOf(handle, () => clearInterval(handle));
  },
};

function timerOf(handle: NodeJS.Timeout, cancel: () => void): Timer {
  const timer: Timer = {
    cancel,
    unref() {
      handle.unref();
      return timer;
    },
  };
  return timer;
}

/** Resolves after so many milliseconds of a clock. */
export function waitFor(clock: Clock, milliseconds: number): Promise<void> {
  return new Promise((resolve) => void clock.after(milliseconds, resolve));
}

/** So many parts has the time for an answer: one that finds the process held up is over, and the others are left. */
const partsOfLimit = 4;

/**
 * Calls back once when an answer from elsewhere has had its time to arrive. Only the time in which this process listens
 * counts: one that was held up (its machine was paused, or had no processor for it) finds its timers before the answers.
 */
export function afterListening(
  clock: Pick<Clock, 'after'>,
  milliseconds: number,
  callback: () => void,
): Pick<Timer, 'cancel'> {
  let partsLeft = partsOfLimit;
  let timer: Timer | undefined;
  let isCancelled = false;
  const late = () => {
    if (!isCancelled) callback();
  };
  const next = () => {
    timer = clock.after(milliseconds / partsOfLimit, () => {
      partsLeft -= 1;
      if (partsLeft > 0) next();
      // An answer that is there by then counts.
      else setImmediate(late);
    });
  };
  next();
  return {
    cancel() {
      isCancelled = true;
      timer?.cancel();
    },
  };
}

/** What comes of work that is told by a signal to end, with a TimeoutError, after so many milliseconds. */
export async function withLimit<T>(
  clock: Pick<Clock, 'after'>,
  milliseconds: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const end = () => controller.abort(new DOMException(`no end within ${milliseconds} ms`, 'TimeoutError'));
  const limit = clock.after(milliseconds, end).unref();
  try {
    return await work(controller.signal);
  } finally {
    limit.cancel();
  }
}

/** The value, or undefined when it takes longer than so many milliseconds; the work goes on for those who come later. */
export function within<T>(
  clock: Pick<Clock, 'after'>,
  milliseconds: number,
  work: Promise<T>,
): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const limit = clock.after(milliseconds, () => resolve(undefined));
    work.then(resolve, reject).finally(() => limit.cancel());
  });
}

/** A promise, and what resolves it. */
export function promiseOf(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
