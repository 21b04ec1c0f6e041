import type { Clock } from '../../src/clock.ts';

/** A clock that a test winds forward, beside the passing of time. */
export interface WoundClock extends Clock {
  wind(milliseconds: number): void;
}

export function createWoundClock(): WoundClock {
  let wound = 0;
  return {
    now: () => Date.now() + wound,
    monotonic: () => performance.now() + wound,
    wind(milliseconds) {
      wound += milliseconds;
    },
  };
}
