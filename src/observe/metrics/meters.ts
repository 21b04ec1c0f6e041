import { createRequire } from 'node:module';
import type { Registry } from 'prom-client';
import type { MetricsConfig } from '../../config/schema/index.ts';
import { type Definition, definitions, type KeyOf, type MetricKey } from './definitions.ts';
import {
  type Counter,
  createCounters,
  createHistograms,
  type Family,
  type Histogram,
  type MetricValues,
} from './series.ts';

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
const shortBuckets = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1];

interface On {
  series: Series;
  registry: Registry;
  buckets: string;
}

export function openMeters(): Meters {
  let on: On | undefined;
  let readings: () => readonly Reading[] = () => [];

  const configure = (config: MetricsConfig | 'off') => {
    if (config === 'off') {
      on?.registry.clear();
      on = undefined;
      return;
    }
    const buckets = JSON.stringify(config.buckets);
    const hasRoutes = config.routeLabel;
    const series =
      on?.buckets === buckets ? { ...on.series, hasRoutes } : openSeries(config.buckets, hasRoutes);
    on = { series, buckets, registry: on?.registry ?? openProcessMetrics() };
  };

  return {
    series: () => on?.series,
    configure,
    watch(asked) {
      readings = asked;
    },
    async read() {
      if (!on) return undefined;
      const { counters, histograms } = on.series;
      const own = [...Object.values(counters), ...Object.values(histograms)].map((family) => family.read());
      const { hasRoutes } = on.series;
      const seen = readings().map((reading) => (hasRoutes ? reading : withoutRoute(reading)));
      return [...own, ...gauges(seen), ...(await processMetrics(on.registry))];
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
  const found = new Map<MetricKey, MetricValues>();
  for (const { key, labels, value } of readings) {
    const { name, help, type, together: aggregator }: Definition = definitions[key];
    const gauge = found.get(key) ?? { name, help, type, aggregator, values: [] };
    gauge.values.push({ value, labels });
    found.set(key, gauge);
  }
  return [...found.values()];
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

/** Of several processes: what is the least or the most of all; the rest are sums. */
const together: Readonly<Record<string, string>> = {
  process_start_time_seconds: 'min',
  nodejs_version_info: 'first',
};

/** Those of the process and of Node.js, which are prom-client's; it is loaded only where metrics are on. */
function openProcessMetrics(): Registry {
  const { Registry, collectDefaultMetrics } = loadPromClient();
  const register = new Registry();
  collectDefaultMetrics({ register });
  return register;
}

export function loadPromClient(): typeof import('prom-client') {
  return createRequire(import.meta.url)('prom-client') as typeof import('prom-client');
}

async function processMetrics(registry: Registry): Promise<MetricValues[]> {
  const metrics = (await registry.getMetricsAsJSON()) as unknown as MetricValues[];
  return metrics.filter(isWellNamed).map((metric) => ({ ...metric, aggregator: togetherOf(metric) }));
}

/** By their names some gauges would be counters, which `promtool check metrics` refuses; others say the same. */
const isWellNamed = ({ name, type }: MetricValues) => type === 'counter' || !name.endsWith('_total');

function togetherOf({ name, aggregator }: MetricValues): string {
  if (name.startsWith('nodejs_eventloop_lag')) return name.includes('_min_') ? 'min' : 'max';
  return together[name] ?? aggregator;
}
