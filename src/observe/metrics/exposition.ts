import { loadPromClient } from './meters.ts';
import type { MetricValues } from './series.ts';

export type Format = 'prometheus' | 'openmetrics';

/** The metrics of several processes as one text. */
export async function renderMetrics(
  processes: readonly (readonly MetricValues[])[],
  format: Format,
): Promise<{ type: string; text: string }> {
  const { AggregatorRegistry, Registry } = loadPromClient();
  const all = format === 'openmetrics' ? processes.map((each) => each.map(withoutSuffix)) : processes;
  const registry = AggregatorRegistry.aggregate(all as unknown as object[]);
  registry.setContentType(
    format === 'openmetrics' ? Registry.OPENMETRICS_CONTENT_TYPE : Registry.PROMETHEUS_CONTENT_TYPE,
  );
  return { type: registry.contentType, text: await registry.metrics() };
}

/** The names of counters have no suffix there (OpenMetrics §5.1.1); prom-client writes it behind each value itself. */
const withoutSuffix = (metric: MetricValues): MetricValues =>
  metric.type === 'counter' ? { ...metric, name: metric.name.replace(/_total$/, '') } : metric;

/**
 * The format that a scraper asks for by `Accept` (RFC 9110 §12.5.1): OpenMetrics where it is wanted at least as much as
 * plain text.
 */
export function formatOf(accept: string | undefined): Format {
  const qualities = new Map<string, number>();
  for (const item of (accept ?? '').split(',')) {
    const [range = '', ...parameters] = item.split(';').map((part) => part.trim().toLowerCase());
    const quality = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
    const value = quality === undefined ? 1 : Number(quality);
    qualities.set(range, Math.max(qualities.get(range) ?? 0, Number.isFinite(value) ? value : 0));
  }
  const open = qualities.get('application/openmetrics-text') ?? 0;
  return open > 0 && open >= (qualities.get('text/plain') ?? 0) ? 'openmetrics' : 'prometheus';
}
