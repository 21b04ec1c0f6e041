/** Time, as far as a test has to hold it. */
export interface Clock {
  /** Milliseconds since the epoch: for times that are written down or come from others. */
  now(): number;
  /** Milliseconds of a clock that never goes back: for waits. */
  monotonic(): number;
}

export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };
