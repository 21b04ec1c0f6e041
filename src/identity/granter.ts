import type { Clock } from '../clock.ts';
import type { Config } from '../config/schema/index.ts';
import { headerSet } from '../forward/header-set.ts';
import { createHoldings } from '../holdings.ts';
import type { Logger } from '../observe/log.ts';
import { systemRandom } from '../random.ts';
import type { Grant } from '../session/refresh.ts';
import { collectNeeds } from './claim-paths.ts';
import { connectProviders } from './provider/providers.ts';
import { createGrants } from './provider/refresh.ts';

/** Asks the providers for new tokens in the place of others: of the workers of a primary process. */
export interface Granter {
  grant: Grant;
  close(): Promise<void>;
}

export function openGranter(config: Config, log: Logger, clock: Clock): Granter {
  const templates = config.routes.flatMap((route) => [...headerSet(config, route).values()]);
  const { claimPaths } = collectNeeds(config, templates);
  const lease = createHoldings().lease();
  const needs = { log, clock, random: systemRandom, keep: lease.keep };
  const providers = connectProviders(config.providers, needs);
  return {
    grant: createGrants({ providers, claimPaths, ...needs }),
    close() {
      providers.close();
      return lease.release();
    },
  };
}
