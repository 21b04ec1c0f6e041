import type { ProviderConfig } from '../../config/schema/index.ts';
import type { Emit } from '../../observe/events.ts';
import { connectProvider, type Provider, type ProviderNeeds } from './provider.ts';
import type { Trouble } from './standing.ts';
import { isIssuerOfAdmitted } from './tenants.ts';

/**
 * So long is a new plan kept back for its providers, so that mostly nobody has to wait for them. One that takes longer may
 * be away, and then who needs it waits for one call (`settled`), as right after a start.
 */
export const foundSoonMs = 1000;

/** Every provider that people sign in with. */
export interface Providers {
  /** In the order of the configuration. */
  all: readonly Provider[];
  /** Undefined for a name that is not configured, or not any more. */
  get(name: string): Provider | undefined;
  /** Those that sign with this issuer identifier; several where one provider knows the gateway as several clients. */
  ofIssuer(issuer: string): readonly Provider[];
  /**
   * Those that an `iss` beside a request names (OpenID Connect Core §4): as they call themselves or, as long as they were
   * not found, as the configuration calls them. Of one with many tenants, the issuers of those that are let in.
   */
  named(issuer: string): readonly Provider[];
  /** Resolves when each was found, or could not be for the first time. */
  tried: Promise<void>;
  /** The same, for as long as one call to each may take. */
  settled(): Promise<unknown>;
  /** What of them does not work now. */
  troubles(): Trouble[];
  /** They are not looked for any more on behalf of these. What is known of them is given back with the lease. */
  close(): void;
}

/** Starts to find each of the providers. Throws when one cannot be used; then none is looked for. */
export function connectProviders(
  configured: Readonly<Record<string, ProviderConfig>>,
  needs: ProviderNeeds,
): Providers {
  const entries = Object.entries(configured);
  const onFound = (provider: Provider) => entries.length > 1 && warnOfMixUp(provider, needs.emit);
  const byName = new Map<string, Provider>();
  const close = () => {
    for (const provider of byName.values()) provider.close();
  };
  try {
    for (const [name, config] of entries) byName.set(name, connectProvider(name, config, needs, onFound));
  } catch (error) {
    close();
    throw error;
  }
  const all = [...byName.values()];
  return {
    all,
    get: (name) => byName.get(name),
    ofIssuer: (issuer) =>
      all.filter(
        ({ config, isReady, client }) =>
          config.type === 'oidc' && isReady() && client.metadata().issuer === issuer,
      ),
    named: (issuer) => all.filter((provider) => isNamed(provider, issuer)),
    tried: Promise.all(all.map(({ tried }) => tried)).then(() => undefined),
    settled: () => Promise.all(all.map((provider) => provider.settled())),
    troubles: () => all.flatMap((provider) => provider.troubles()),
    close,
  };
}

function isNamed({ config, isReady, client }: Provider, issuer: string): boolean {
  if (issuer === (isReady() ? client.metadata().issuer : config.issuer) || issuer === config.issuer)
    return true;
  return isIssuerOfAdmitted(config, issuer);
}

/** RFC 9700 §4.4: an answer that does not say whose it is could be led to another provider's token endpoint. */
function warnOfMixUp({ name, config, client }: Provider, emit: Emit): void {
  const { authorization_response_iss_parameter_supported: namesItself } = client.metadata();
  // A signed response has the issuer inside (JARM §2.1).
  if (namesItself === true || config.ownCallback || config.jarm) return;
  emit({ kind: 'provider-unnamed', provider: name });
}
