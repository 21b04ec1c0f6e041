import type { MetricValues } from './series.ts';
import { takeTogether } from './together.ts';

/**
 * What was counted by processes that have ended, so that no counter goes back with them. However many there were, they
 * are one.
 */
export interface Ended {
  /** Adds what a process had counted when it was asked last. */
  add(metrics: readonly MetricValues[]): void;
  read(): readonly MetricValues[];
}

export function createEnded(): Ended {
  let all: readonly MetricValues[] = [];
  return {
    add(metrics) {
      // A gauge of somebody who is gone says nothing.
      all = takeTogether([all, metrics.filter(({ type }) => type !== 'gauge')]);
    },
    read: () => all,
  };
}
