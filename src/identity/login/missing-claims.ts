import type { Keep } from '../../holdings.ts';
import type { Emit } from '../../observe/events.ts';
import type { Provider } from '../provider/provider.ts';

/** The claims that the configuration names of the people of a provider. */
export type NamedClaims = (provider: string, claims: Provider['config']['claims']) => ReadonlySet<string>;

/** Says which claims that the configuration names a provider does not give. */
export interface MissingClaims {
  /** @param claims those of somebody who signs in, by their paths */
  look(
    provider: Pick<Provider, 'name' | 'config'>,
    claims: Readonly<Record<string, unknown>>,
    emit: Emit,
  ): void;
}

/** For as long as somebody needs the provider: a reload says nothing twice. */
const kind = 'claims that were looked for';

/**
 * Each claim is looked for at the first login at a provider, and said once: what one person has, others may lack for good
 * reasons. A claim is one that the configuration names, so that there are few.
 */
export function createMissingClaims(
  named: NamedClaims,
  { providers, keep }: { providers: readonly Pick<Provider, 'name' | 'key'>[]; keep: Keep },
): MissingClaims {
  const looked = new Map(
    providers.map(({ name, key }) => [name, keep(kind, `${name}\0${key}`, () => new Set<string>())]),
  );
  return {
    look({ name, config }, claims, emit) {
      const before = looked.get(name);
      for (const path of named(name, config.claims)) {
        if (!before || before.has(path)) continue;
        before.add(path);
        if (claims[path] === undefined) emit({ kind: 'claim-absent', provider: name, claim: path });
      }
    },
  };
}
