import { createRequire } from 'node:module';
import type { Registry } from 'prom-client';
import type { MetricsConfig } from '../../config/schema/index.ts';
import { type Definition, definitions, type KeyOf } from './definitions.ts';
import {
  type Counter,
  createCounters,
  createHistograms,
  type Family,
  type Histogram,
  type MetricValues,
  seriesText,
} from './series.ts';
import { takeTogether } from './together.ts';

/** What is seen when somebody asks, of one gauge. */
export interface Reading {
  key: KeyOf<'gauge'>;
  /** By its labels. */
  labels: Readonly<Record<string, string>>;
  value: number;
}

/** The series of one process, while metrics are on. */
export interface Series {
  counters: Readonly<Record<KeyOf<'counter'>, Family<Counter>>>;
  histograms: Readonly<Record<KeyOf<'histogram'>, Family<Histogram>>>;
  hasRoutes: boolean;
}

/** What one process counts. */
export interface Meters {
  /** Undefined while metrics are off. Another one counts from zero. */
  series(): Series | undefined;
  /** Goes on as another configuration says. What is counted stays, unless the buckets are others. */
  configure(config: MetricsConfig | 'off'): void;
  /** Named is who knows the gauges of this process; asked when somebody reads. */
  watch(readings: () => readonly Reading[]): void;
  /** Everything as it is now, as plain data; undefined while metrics are off. */
  read(): Promise<MetricValues[] | undefined>;
}

/** For what takes far less than a second: the gateway's own share, and its store. */
const shortBuckets = [0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];

interface On {
  series: Series;
  buckets: string;
}

export function openMeters(): Meters {
  let on: On | undefined;
  // What it watches has no end, so there is one of it, however often metrics are turned off and on.
  let ofProcess: (() => Registry) | undefined;
  let readings: () => readonly Reading[] = () => [];

  const configure = (config: MetricsConfig | 'off') => {
    if (config === 'off') {
      on = undefined;
      return;
    }
    const buckets = JSON.stringify(config.buckets);
    const hasRoutes = config.routeLabel;
    const series =
      on?.buckets === buckets ? { ...on.series, hasRoutes } : openSeries(config.buckets, hasRoutes);
    on = { series, buckets };
    ofProcess ??= loadProcessMetrics();
  };

  return {
    series: () => on?.series,
    configure,
    watch(asked) {
      readings = asked;
    },
    async read() {
      if (!on || !ofProcess) return undefined;
      const { counters, histograms } = on.series;
      const own = [...Object.values(counters), ...Object.values(histograms)].map((family) => family.read());
      const { hasRoutes } = on.series;
      const seen = readings().map((reading) => (hasRoutes ? reading : withoutRoute(reading)));
      return [...own, ...gauges(seen), ...(await processMetrics(ofProcess()))];
    },
  };
}

/** All routes are one; where several readings have the same labels then, they count like those of several processes. */
function withoutRoute(reading: Reading): Reading {
  const { route, ...labels } = reading.labels;
  return route === undefined ? reading : { ...reading, labels: { route: 'all', ...labels } };
}

/** Each in its form; a metric that nobody has a reading of is none. */
export function gauges(readings: readonly Reading[]): MetricValues[] {
  // One by one: several readings of the same labels count like those of several processes.
  return takeTogether(
    readings.map(({ key, labels, value }) => {
      const { name, help, type, together }: Definition = definitions[key];
      return [{ name, help, type, together, values: [[seriesText(name, Object.entries(labels)), value]] }];
    }),
  );
}

function openSeries(buckets: readonly number[], hasRoutes: boolean): Series {
  const bounds = { configured: buckets.map((ms) => ms / 1000), short: shortBuckets };
  const counters: Record<string, Family<Counter>> = {};
  const histograms: Record<string, Family<Histogram>> = {};
  for (const [key, definition] of Object.entries<Definition>(definitions)) {
    if (definition.type === 'counter') counters[key] = createCounters(definition);
    if (definition.type === 'histogram')
      histograms[key] = createHistograms(definition, bounds[definition.buckets ?? 'configured']);
  }
  const series = { counters, histograms, hasRoutes } as Series;
  // What is not there yet has no rate when it happens for the first time.
  series.counters.linesDropped.at();
  for (const result of ['ok', 'refused']) series.counters.reloads.at(result);
  return series;
}

/**
 * Those of the process and of Node.js, which are prom-client's. It is loaded only where metrics are on, and then at once:
 * that takes a tenth of a second, for which a first scrape would hold all requests. It watches the event loop and the
 * garbage collector from the first scrape on.
 */
function loadProcessMetrics(): () => Registry {
  const load = createRequire(import.meta.url);
  const { Registry, collectDefaultMetrics } = load('prom-client') as typeof import('prom-client');
  let register: Registry | undefined;
  return () => {
    if (!register) {
      register = new Registry();
      collectDefaultMetrics({ register });
    }
    return register;
  };
}

/** What prom-client gives; of a part of a histogram with a name of its own. */
interface ProcessMetric extends Pick<MetricValues, 'name' | 'help' | 'type'> {
  values: { value: number; labels: Record<string, string | number>; metricName?: string }[];
}

async function processMetrics(registry: Registry): Promise<MetricValues[]> {
  const metrics = (await registry.getMetricsAsJSON()) as unknown as ProcessMetric[];
  return metrics.filter(isWellNamed).map(({ name, help, type, values }) => ({
    name,
    help,
    type,
    together: togetherOf(name),
    values: values.map(({ value, labels, metricName = name }): [string, number] => [
      seriesText(metricName, Object.entries(labels)),
      value,
    ]),
  }));
}

/** By their names some gauges would be counters, which `promtool check metrics` refuses; others say the same. */
const isWellNamed = ({ name, type }: ProcessMetric) => type === 'counter' || !name.endsWith('_total');

/** Of several processes: the worst lag, the oldest start; all else is a sum. */
function togetherOf(name: string): Definition['together'] {
  if (name.startsWith('nodejs_eventloop_lag')) return name.includes('_min_') ? 'min' : 'max';
  if (name === 'process_start_time_seconds') return 'min';
  return name === 'nodejs_version_info' ? 'first' : 'sum';
}
