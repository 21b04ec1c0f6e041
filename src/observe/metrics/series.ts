import { createBounded } from '../../bounded.ts';
import type { Definition } from './definitions.ts';

/** A metric with its values, as they go from one process to another. */
export interface MetricValues {
  name: string;
  help: string;
  type: string;
  /** What becomes of the values of several processes. */
  together: Definition['together'];
  /** Each series as it stands in a scrape, such as `a_total{route="/"}`, with its value. */
  values: [series: string, value: number][];
}

export interface Counter {
  count: number;
}

export interface Histogram {
  /** Below zero counts as zero. */
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

/** What is counted under some labels; it knows how it is written. */
interface Values {
  read(): MetricValues['values'];
}

/**
 * Not those of prom-client: it puts the labels of a series together to a text for each value, which takes a request
 * twenty times as long (`npm run build && node bench/metrics.mjs`).
 * @param open makes a series of these labels, which are pairs of name and value
 */
function createFamily<S extends Values>(
  { name, help, type, together, labels }: Definition,
  open: (labels: Labels) => S,
): Family<S> {
  const known = createBounded<string, S>({ entries: mostSeries, givesWay: 'newcomer' });
  const labelled = (textOf: (index: number) => string) =>
    labels.map((label, index): Labels[number] => [label, textOf(index)]);
  let others: S | undefined;
  return {
    at(...values) {
      const key = values.join('\0');
      const found = known.peek(key);
      if (found) return found;
      if (known.size >= mostSeries) {
        others ??= open(labelled(() => 'other'));
        return others;
      }
      const made = open(labelled((index) => values[index] ?? ''));
      known.set(key, made);
      return made;
    },
    read() {
      const all = [...known.values(), ...(others ? [others] : [])];
      return { name, help, type, together, values: all.flatMap((series) => series.read()) };
    },
  };
}

export type Labels = readonly (readonly [name: string, value: string | number])[];

/** A series as it stands in a scrape. */
export function seriesText(name: string, labels: Labels): string {
  if (labels.length === 0) return name;
  return `${name}{${labels.map(([label, value]) => `${label}="${escapeLabel(String(value))}"`).join(',')}}`;
}

const escapeLabel = (value: string) =>
  value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');

export function createCounters(definition: Definition): Family<Counter> {
  return createFamily(definition, (labels) => new Count(seriesText(definition.name, labels)));
}

class Count implements Counter, Values {
  readonly #text: string;
  count = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): MetricValues['values'] {
    return [[this.#text, this.count]];
  }
}

/** @param bounds the upper end of each bucket, in seconds, the smallest first */
export function createHistograms(definition: Definition, bounds: readonly number[]): Family<Histogram> {
  return createFamily(definition, (labels) => new Buckets(definition.name, labels, bounds));
}

class Buckets implements Histogram, Values {
  readonly #bounds: readonly number[];
  /** Of each bucket, and of what is above the last. */
  readonly #counts: Float64Array;
  readonly #texts: { buckets: readonly string[]; sum: string; count: string };
  #sum = 0;

  constructor(name: string, labels: Labels, bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
    this.#texts = {
      buckets: [...bounds, '+Inf'].map((le) => seriesText(`${name}_bucket`, [...labels, ['le', le]])),
      sum: seriesText(`${name}_sum`, labels),
      count: seriesText(`${name}_count`, labels),
    };
  }

  observe(seconds: number): void {
    const value = Number.isFinite(seconds) ? Math.max(seconds, 0) : 0;
    let at = 0;
    while (at < this.#bounds.length && value > (this.#bounds[at] as number)) at++;
    (this.#counts[at] as number)++;
    this.#sum += value;
  }

  read(): MetricValues['values'] {
    const { buckets, sum, count } = this.#texts;
    let upTo = 0;
    const values = buckets.map((text, at): [string, number] => {
      upTo += this.#counts[at] as number;
      return [text, upTo];
    });
    return [...values, [sum, this.#sum], [count, upTo]];
  }
}
