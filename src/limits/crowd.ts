import type { Clock } from '../clock.ts';

/** Whether more come than there is room for: somebody waits for a turn, or was refused one a moment ago. */
export interface Crowd {
  /** Somebody begins to wait; to be followed by `leave`. */
  enter(): void;
  leave(): void;
  refused(): void;
  isThere(): boolean;
}

/** Who was refused may come again within this time. */
const refusedMs = 10_000;

export function createCrowd({ monotonic }: Pick<Clock, 'monotonic'>): Crowd {
  let waiting = 0;
  let refusedAt = Number.NEGATIVE_INFINITY;
  return {
    enter() {
      waiting += 1;
    },
    leave() {
      waiting -= 1;
    },
    refused() {
      refusedAt = monotonic();
    },
    isThere: () => waiting > 0 || monotonic() - refusedAt < refusedMs,
  };
}
