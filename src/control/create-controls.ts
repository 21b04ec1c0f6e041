import type { Controls } from '../admin/controls.ts';
import { statusOf } from '../admin/status/facts.ts';
import type { Clock } from '../clock.ts';
import type { LoadedConfig } from '../config/load.ts';
import type { CertificateWatch } from '../estate/certificate-watch.ts';
import { commonGauges } from '../estate/common-gauges.ts';
import { healthOf } from '../estate/health.ts';
import { starting } from '../estate/stop.ts';
import { renderMetrics } from '../observe/metrics/exposition.ts';
import type { Reloader } from './reloader.ts';
import type { Running } from './running.ts';

/** What the admin listener commands, from before the gateway runs on. */
export interface OpenControls extends Controls {
  /** The gateway runs. */
  command(
    running: Running,
    reloader: Pick<Reloader, 'reload' | 'inForce'>,
    certificates: Pick<CertificateWatch, 'expiries'>,
  ): void;
}

export function createControls(first: LoadedConfig, { now }: Pick<Clock, 'now'>): OpenControls {
  let running: Running | undefined;
  let isDraining = false;
  let reloader: Pick<Reloader, 'reload' | 'inForce'> | undefined;
  let certificates: Pick<CertificateWatch, 'expiries'> | undefined;
  const inForce = () => reloader?.inForce() ?? first;
  return {
    command(commanded, reloads, watched) {
      running = commanded;
      reloader = reloads;
      certificates = watched;
      if (isDraining) running.drain();
    },
    health: async () => (await running?.health()) ?? healthOf([starting]),
    async metrics(format) {
      const [counted, health] = await Promise.all([running?.metrics(), running?.health()]);
      if (inForce().config.metrics === 'off') return undefined;
      const known = health ?? healthOf([starting]);
      const common = commonGauges(known, inForce().config.providers, certificates?.expiries() ?? []);
      return renderMetrics([...(counted ?? []), common], format);
    },
    async status() {
      const [health, known] = await Promise.all([running?.health(), running?.status()]);
      return statusOf({
        config: inForce().config,
        health: health ?? healthOf([starting]),
        processes: known?.processes ?? [],
        others: known?.others ?? [],
        wanted: known?.wanted ?? first.config.workers,
        expiries: certificates?.expiries() ?? [],
        now: now(),
      });
    },
    reload: async ({ dryRun }) =>
      (await reloader?.reload({ by: 'admin', dryRun })) ?? {
        result: 'refused',
        problems: [starting],
      },
    async drain() {
      isDraining = true;
      running?.drain();
    },
    config: () => inForce().config.shown,
    people: () => running?.people(),
  };
}
