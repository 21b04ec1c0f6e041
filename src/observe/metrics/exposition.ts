import type { MetricValues } from './series.ts';
import { takeTogether } from './together.ts';

export type Format = 'prometheus' | 'openmetrics';

const types: Readonly<Record<Format, string>> = {
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/**
 * The metrics of several processes as one text. Not by prom-client, which puts every label of every process together
 * anew, and holds the event loop for as many milliseconds.
 */
export function renderMetrics(
  processes: readonly (readonly MetricValues[])[],
  format: Format,
): { type: string; text: string } {
  const isOpen = format === 'openmetrics';
  const text = takeTogether(processes)
    .map((metric) => block(metric, isOpen))
    .join('');
  return { type: types[format], text: isOpen ? `${text}# EOF\n` : text };
}

/** In OpenMetrics the name of a counter is without the suffix that its samples have (§5.1.1). */
function block({ name, help, type, values }: MetricValues, isOpen: boolean): string {
  const named = isOpen && type === 'counter' ? name.replace(/_total$/, '') : name;
  const lines = values.map(([series, value]) => `${series} ${numberText(value)}\n`).join('');
  return `# HELP ${named} ${escapeHelp(help)}\n# TYPE ${named} ${type}\n${lines}`;
}

const escapeHelp = (help: string) => help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}

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
