import type { Controls } from '../admin/controls.ts';
import type { LoadedConfig } from '../config/load.ts';
import { healthOf } from '../estate/health.ts';
import { starting } from '../estate/stop.ts';
import type { Reloader } from './reloader.ts';
import type { Running } from './running.ts';

/** What the admin listener commands, from before the gateway runs on. */
export interface OpenControls extends Controls {
  /** The gateway runs. */
  command(running: Running, reloader: Pick<Reloader, 'reload' | 'inForce'>): void;
}

export function createControls(first: LoadedConfig): OpenControls {
  let running: Running | undefined;
  let isDraining = false;
  let reloader: Pick<Reloader, 'reload' | 'inForce'> | undefined;
  return {
    command(commanded, reloads) {
      running = commanded;
      reloader = reloads;
      if (isDraining) running.drain();
    },
    health: async () => (await running?.health()) ?? healthOf([starting]),
    reload: async ({ dryRun }) =>
      (await reloader?.reload({ by: 'admin', dryRun })) ?? {
        result: 'refused',
        problems: [starting],
      },
    async drain() {
      isDraining = true;
      running?.drain();
    },
    config: () => (reloader?.inForce() ?? first).config.shown,
    people: () => running?.people(),
  };
}
