import { Worker } from 'node:worker_threads';
import type { LoadedConfig } from '../config/load.ts';
import { type Differences, differencesOf } from '../plan/differences.ts';
import type { Plan } from '../plan/plan.ts';
import type { SentVersion } from './questions.ts';
import { sentOf } from './version.ts';

/** What stays as it was until the gateway is started anew. */
export const fixedKeys = ['workers'] as const;

/** A version of the configuration with the plan that was compiled from it. */
export interface Compiled {
  loaded: LoadedConfig;
  plan: Plan;
}

/** With more routes, to compare them takes longer than requests should wait: 100 of them took up to 130 ms. */
const mostHere = 60;

/** What one version in the place of another means, found without holding up requests. */
export async function compareVersions(before: Compiled, after: Compiled): Promise<Differences> {
  const count = Math.max(before.plan.routes.length, after.plan.routes.length);
  if (count <= mostHere) return differencesOf(before.plan, after.plan, { fixed: fixedKeys });
  const versions = [sentOf(before.loaded, 0), sentOf(after.loaded, 1)] satisfies SentVersion[];
  return new Promise((resolve, reject) => {
    const thread = new Worker(new URL('./differences-thread.js', import.meta.url), { workerData: versions });
    thread.once('message', resolve);
    thread.once('error', reject);
    thread.once('exit', () => reject(new Error('the configurations could not be compared')));
  });
}
