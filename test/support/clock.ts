import type { Clock, Timer } from '../../src/clock.ts';

/** A clock that a test winds forward, beside the passing of time. */
export interface WoundClock extends Clock {
  /** Time passes at once; timers that are due by then call back, the earliest first, before this returns. */
  wind(milliseconds: number): void;
  /** How many callbacks are to come that were asked for after so many milliseconds: who waits for so long can be seen. */
  waiting(milliseconds: number): number;
}

interface Waiting {
  after: number;
  due: number;
  /** Again after so many milliseconds; undefined for once. */
  every: number | undefined;
  callback: () => void;
  handle: NodeJS.Timeout | undefined;
  isUnref: boolean;
}

export function createWoundClock(): WoundClock {
  let wound = 0;
  const waiting = new Set<Waiting>();
  const monotonic = () => performance.now() + wound;

  const arm = (timer: Waiting) => {
    clearTimeout(timer.handle);
    timer.handle = setTimeout(() => call(timer), Math.max(0, timer.due - monotonic()));
    if (timer.isUnref) timer.handle.unref();
  };
  const call = (timer: Waiting) => {
    clearTimeout(timer.handle);
    if (timer.every === undefined) waiting.delete(timer);
    else {
      timer.due = monotonic() + timer.every;
      arm(timer);
    }
    timer.callback();
  };
  const start = (milliseconds: number, every: number | undefined, callback: () => void): Timer => {
    const timer: Waiting = {
      after: milliseconds,
      due: monotonic() + milliseconds,
      every,
      callback,
      handle: undefined,
      isUnref: false,
    };
    waiting.add(timer);
    arm(timer);
    const handle: Timer = {
      cancel() {
        waiting.delete(timer);
        clearTimeout(timer.handle);
      },
      unref() {
        timer.isUnref = true;
        timer.handle?.unref();
        return handle;
      },
    };
    return handle;
  };

  return {
    now: () => Date.now() + wound,
    monotonic,
    after: (milliseconds, callback) => start(milliseconds, undefined, callback),
    every: (milliseconds, callback) => start(milliseconds, milliseconds, callback),
    waiting: (milliseconds) =>
      [...waiting].filter(({ after, every }) => after === milliseconds && every === undefined).length,
    wind(milliseconds) {
      wound += milliseconds;
      const due = [...waiting].filter((timer) => timer.due <= monotonic()).sort((a, b) => a.due - b.due);
      for (const timer of due) if (waiting.has(timer)) call(timer);
      // Those that are left come sooner than their timers of Node.js would have them.
      for (const timer of waiting) if (!due.includes(timer)) arm(timer);
    },
  };
}
