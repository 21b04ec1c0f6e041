import { createEnded } from '../observe/metrics/ended.ts';
import type { MetricValues } from '../observe/metrics/series.ts';

/** What one worker has counted. */
export interface Counts {
  /** This is what it has counted by now. */
  last(metrics: MetricValues[]): void;
  /** It has ended. */
  end(): void;
}

/** What all workers have counted, as they said last. */
export interface Counting {
  /** For a worker that begins. */
  open(): Counts;
  /** Of each that runs, and in one those that have ended. */
  all(): (readonly MetricValues[])[];
  /** From now on it is counted in another way, such as in other buckets. */
  clear(): void;
}

export const noCounts: Counts = { last() {}, end() {} };

export function createCounting(): Counting {
  const running = new Map<Counts, MetricValues[]>();
  let ended = createEnded();
  return {
    open() {
      const counts: Counts = {
        last(metrics) {
          if (running.has(counts)) running.set(counts, metrics);
        },
        end() {
          ended.add(running.get(counts) ?? []);
          running.delete(counts);
        },
      };
      running.set(counts, []);
      return counts;
    },
    all: () => [...running.values(), ended.read()],
    clear() {
      ended = createEnded();
      for (const counts of running.keys()) running.set(counts, []);
    },
  };
}
