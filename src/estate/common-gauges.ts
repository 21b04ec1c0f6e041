import { gauges, type Reading } from '../observe/metrics/meters.ts';
import type { MetricValues } from '../observe/metrics/series.ts';
import type { Expiry } from '../plan/certificates.ts';
import { version } from '../version.ts';
import type { Health } from './health.ts';

/** What speaks against a provider. */
const ofProviders: ReadonlySet<string> = new Set([
  'provider_unreachable',
  'provider_failing',
  'client_rejected',
]);

/**
 * The gauges of all processes together.
 * @param providers those of the configuration in force, by their names
 */
export function commonGauges(
  { degraded }: Pick<Health, 'degraded'>,
  providers: Readonly<Record<string, unknown>>,
  expiries: readonly Expiry[],
): MetricValues[] {
  const down = new Set(degraded.filter(({ reason }) => ofProviders.has(reason)).map(({ name }) => name));
  const readings: Reading[] = [
    { key: 'buildInfo', labels: { version, node: process.version }, value: 1 },
    ...Object.keys(providers).map(
      (provider): Reading => ({
        key: 'providerUp',
        labels: { provider },
        value: down.has(provider) ? 0 : 1,
      }),
    ),
    ...degraded.map(
      ({ reason, name = '' }): Reading => ({ key: 'degraded', labels: { reason, name }, value: 1 }),
    ),
    // Of several certificates of one key the least counts, as of several processes.
    ...expiries
      .filter(({ isSpare }) => !isSpare)
      .map(({ key, notAfter }): Reading => ({ key: 'tlsExpiry', labels: { key }, value: notAfter / 1000 })),
  ];
  return gauges(readings);
}
