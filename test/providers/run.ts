import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { freePort } from '../support/listening.ts';
import { tries } from './flows.ts';
import { type Flow, flows, type ProviderKit } from './kit.ts';

/** What came of the flows with one provider, for the table of docs/providers/flows.md. */
export interface Outcome {
  name: string;
  version: string;
  /** `works`, or whose limit it is. */
  cells: Partial<Record<Flow, string>>;
}

/** Tries every flow with a provider; `npm run providers` gets the outcome in the folder that it names. */
export function tryProvider(kit: ProviderKit): void {
  test(kit.name, async (t) => {
    const origin = `http://127.0.0.1:${await freePort()}`;
    const provider = await kit.start(origin);
    t.teardown(() => provider.stop());
    const outcome: Outcome = { name: kit.name, version: provider.version, cells: {} };
    const only = process.env.PROVIDERS_FLOW;
    for (const flow of flows.filter((name) => only === undefined || name === only)) {
      const limit = kit.limits[flow];
      if (limit !== undefined) {
        outcome.cells[flow] = limit;
        continue;
      }
      const isGood = await t.test(flow, (sub) => tries[flow](sub, provider, origin));
      outcome.cells[flow] = (isGood as { ok?: boolean } | null)?.ok === false ? 'FAILED' : 'works';
    }
    const folder = process.env.PROVIDERS_RESULTS;
    if (folder === undefined) return;
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${kit.name.replace(/\W+/g, '-')}.json`), JSON.stringify(outcome));
  });
}
