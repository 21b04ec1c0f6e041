import type { Config } from '../config/schema/index.ts';
import type { Grant } from '../session/outcome.ts';
import type { ClaimNeeds } from './claim-paths.ts';
import type { ProviderNeeds } from './provider/provider.ts';
import { connectProviders } from './provider/providers.ts';
import { createGrants } from './provider/refresh.ts';

/** Asks the providers for new tokens in the place of others: of the workers of a primary process. */
export interface Granter {
  grant: Grant;
  /** The providers are not looked for any more. What is known of them is given back with the lease. */
  close(): void;
}

export function openGranter(
  configured: Config['providers'],
  { claimPaths }: Pick<ClaimNeeds, 'claimPaths'>,
  needs: ProviderNeeds,
): Granter {
  const providers = connectProviders(configured, needs);
  return { grant: createGrants({ providers, claimPaths, ...needs }), close: providers.close };
}
