import type { Clock } from '../../clock.ts';

/** The share of the requests of a while that may be sent again, so that retries never double an overload. */
const share = 0.2;
const slices = 10;
const sliceMs = 1000;
/** What is free in that time, for those that have few requests. */
const free = 10;
/** Requests that wait until somebody is there take memory. */
const mostWaiting = 1000;

/** What the requests to some targets may cost beside themselves. */
export interface RetryBudget {
  /** A request is sent for the first time. */
  count(): void;
  /** Whether one may be sent again now; it counts then. */
  take(): boolean;
  /** Whether one more may wait; `leave` ends that. */
  enter(): boolean;
  leave(): void;
}

export function createRetryBudget({ monotonic }: Pick<Clock, 'monotonic'>): RetryBudget {
  const requests = new Float64Array(slices);
  const retries = new Float64Array(slices);
  let newest = Math.floor(monotonic() / sliceMs);
  let waiting = 0;
  /** The place of this second; those of seconds that have passed begin anew. */
  const place = () => {
    const now = Math.floor(monotonic() / sliceMs);
    for (let slice = Math.max(newest + 1, now - slices + 1); slice <= now; slice++) {
      requests[slice % slices] = 0;
      retries[slice % slices] = 0;
    }
    newest = Math.max(newest, now);
    return newest % slices;
  };
  const sum = (counts: Float64Array) => counts.reduce((all, count) => all + count, 0);
  return {
    count() {
      const at = place();
      requests[at] = (requests[at] as number) + 1;
    },
    take() {
      const at = place();
      if (sum(retries) >= free + share * sum(requests)) return false;
      retries[at] = (retries[at] as number) + 1;
      return true;
    },
    enter() {
      if (waiting >= mostWaiting) return false;
      waiting += 1;
      return true;
    },
    leave() {
      waiting -= 1;
    },
  };
}
