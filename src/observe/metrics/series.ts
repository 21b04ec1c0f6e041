import { createBounded } from '../../bounded.ts';
import type { Definition } from './definitions.ts';

/** A metric with its values, as prom-client has them, and as they go from one process to another. */
export interface MetricValues {
  name: string;
  help: string;
  type: Definition['type'];
  /** What becomes of the values of several processes. */
  aggregator: string;
  values: MetricValue[];
}

export interface MetricValue {
  value: number;
  labels: Readonly<Record<string, string | number>>;
  /** Of a part of a histogram, such as `…_sum`. */
  metricName?: string;
}

export interface Counter {
  count: number;
}

export interface Histogram {
  /** @param seconds below zero counts as zero: clocks of two processes may differ */
  observe(seconds: number): void;
}

/** The series of one metric, each found by the values of its labels. */
export interface Family<S> {
  /** The series of these values; of all that come when there are too many, the same one. */
  at(...values: readonly string[]): S;
  read(): MetricValues;
}

/**
 * No configuration that somebody writes has as many. What would come behind them counts as `other`, so that memory and
 * scrapes have a bound whatever was overlooked.
 */
const mostSeries = 1000;

/**
 * Not those of prom-client: it puts the labels of a series together to a text for each value, which costs more than
 * all else that is counted of a request (`npm run build && node bench/metrics.mjs`).
 */
function createFamily<S>(
  definition: Definition,
  open: () => S,
  valuesOf: (series: S, labels: Record<string, string>) => MetricValue[],
): Family<S> {
  const { name, help, type, together: aggregator, labels } = definition;
  const known = createBounded<string, { labels: Record<string, string>; series: S }>({
    entries: mostSeries,
    givesWay: 'newcomer',
  });
  const others = { labels: labelled(labels, () => 'other'), series: open() };
  let hasOthers = false;
  return {
    at(...values) {
      const key = values.join('\0');
      const found = known.get(key);
      if (found) return found.series;
      if (known.size >= mostSeries) {
        hasOthers = true;
        return others.series;
      }
      const made = { labels: labelled(labels, (index) => values[index] ?? ''), series: open() };
      known.set(key, made);
      return made.series;
    },
    read() {
      const all = [...known.values(), ...(hasOthers ? [others] : [])];
      const values = all.flatMap(({ labels, series }) => valuesOf(series, labels));
      return { name, help, type, aggregator, values };
    },
  };
}

const labelled = (names: readonly string[], textOf: (index: number) => string) =>
  Object.fromEntries(names.map((name, index) => [name, textOf(index)]));

export function createCounters(definition: Definition): Family<Counter> {
  return createFamily<Counter>(
    definition,
    () => ({ count: 0 }),
    ({ count }, labels) => [{ value: count, labels }],
  );
}

/** @param bounds the upper end of each bucket, in seconds, the smallest first */
export function createHistograms(definition: Definition, bounds: readonly number[]): Family<Histogram> {
  const { name } = definition;
  return createFamily(
    definition,
    () => new Buckets(bounds),
    ({ counts, sum }, labels) => {
      let count = 0;
      const values: MetricValue[] = [];
      counts.forEach((each, index) => {
        count += each;
        values.push({
          value: count,
          labels: { ...labels, le: bounds[index] ?? '+Inf' },
          metricName: `${name}_bucket`,
        });
      });
      values.push({ value: sum, labels, metricName: `${name}_sum` });
      values.push({ value: count, labels, metricName: `${name}_count` });
      return values;
    },
  );
}

class Buckets implements Histogram {
  readonly #bounds: readonly number[];
  /** Of each bucket, and of what is above the last. */
  readonly counts: Float64Array;
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(seconds: number): void {
    const value = Number.isFinite(seconds) ? Math.max(seconds, 0) : 0;
    let at = 0;
    while (at < this.#bounds.length && value > (this.#bounds[at] as number)) at++;
    (this.counts[at] as number)++;
    this.sum += value;
  }
}
