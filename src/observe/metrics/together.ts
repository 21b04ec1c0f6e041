import type { Definition } from './definitions.ts';
import type { MetricValues } from './series.ts';

const ways: Readonly<Record<Definition['together'], (one: number, other: number) => number>> = {
  sum: (one, other) => one + other,
  min: Math.min,
  max: Math.max,
  first: (one) => one,
};

/** The metrics of several processes as those of one. */
export function takeTogether(processes: readonly (readonly MetricValues[])[]): MetricValues[] {
  const found = new Map<string, { metric: MetricValues; values: Map<string, number> }>();
  for (const metric of processes.flat()) {
    const whole = found.get(metric.name) ?? { metric, values: new Map<string, number>() };
    found.set(metric.name, whole);
    const combine = ways[whole.metric.together];
    for (const [series, value] of metric.values) {
      const before = whole.values.get(series);
      whole.values.set(series, before === undefined ? value : combine(before, value));
    }
  }
  return [...found.values()].map(({ metric, values }) => ({ ...metric, values: [...values] }));
}
