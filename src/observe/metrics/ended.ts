import type { MetricValue, MetricValues } from './series.ts';

/**
 * What was counted by processes that have ended, so that no counter goes back with them. However many there were, they
 * are one.
 */
export interface Ended {
  /** Adds what a process had counted when it was asked last. */
  add(metrics: readonly MetricValues[]): void;
  read(): MetricValues[];
}

export function createEnded(): Ended {
  const sums = new Map<string, { metric: MetricValues; values: Map<string, MetricValue> }>();
  return {
    add(metrics) {
      for (const metric of metrics) {
        // A gauge of somebody who is gone says nothing.
        if (metric.type === 'gauge') continue;
        const sum = sums.get(metric.name) ?? { metric, values: new Map<string, MetricValue>() };
        sums.set(metric.name, sum);
        for (const each of metric.values) {
          const key = JSON.stringify([each.metricName, Object.entries(each.labels).sort()]);
          sum.values.set(key, { ...each, value: each.value + (sum.values.get(key)?.value ?? 0) });
        }
      }
    },
    read: () => [...sums.values()].map(({ metric, values }) => ({ ...metric, values: [...values.values()] })),
  };
}
