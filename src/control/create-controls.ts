import type { Controls } from '../admin/controls.ts';
import type { LoadedConfig } from '../config/load.ts';
import type { Health } from '../estate/health.ts';
import type { Reloader } from './reloader.ts';
import type { Running } from './running.ts';

const starting: Health = { ready: false, missing: ['the gateway is starting'], degraded: [] };

/** What the admin listener commands, from before the gateway runs on. */
export interface OpenControls extends Controls {
  /** The gateway runs. */
  command(running: Running, reloader: Pick<Reloader, 'reload' | 'inForce'>): void;
}

export function createControls(first: LoadedConfig): OpenControls {
  let running: Running | undefined;
  let reloader: Pick<Reloader, 'reload' | 'inForce'> | undefined;
  return {
    command(commanded, reloads) {
      running = commanded;
      reloader = reloads;
    },
    health: async () => (await running?.health()) ?? starting,
    reload: async ({ dryRun }) =>
      (await reloader?.reload({ by: 'admin', dryRun })) ?? {
        result: 'refused',
        problems: ['the gateway is starting'],
      },
    drain: async () => running?.drain(),
    config: () => (reloader?.inForce() ?? first).config.shown,
    people: () => running?.people(),
  };
}
