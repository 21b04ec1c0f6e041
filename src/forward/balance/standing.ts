/** What came of the latest requests to a target, for those routes that judge alike. Times are of a monotonic clock. */
export interface Standing {
  /** Requests that failed in a row; 0 while there is nothing to forget. */
  failures: number;
  /** Until then it is left out while there are others. */
  outUntil: number;
  /** Since then. */
  outAt: number;
  /** What it is, or was, left out for: no connection could be made, or its answers. */
  isUnreachable: boolean;
  /** How often in a row it was left out for its answers. */
  ejections: number;
  /** It was said to be out, and not yet that it is back. */
  isTold: boolean;
}

export const openStanding = (): Standing => ({
  failures: 0,
  outUntil: Number.NEGATIVE_INFINITY,
  outAt: Number.NEGATIVE_INFINITY,
  isUnreachable: false,
  ejections: 0,
  isTold: false,
});

/** Whether a target is left out for what came of requests. Most were never, so that nobody looks at the time for them. */
export const isLeftOut = ({ failures, outUntil }: Standing, now: () => number): boolean =>
  failures > 0 && now() < outUntil;
