import type { ProviderConfig } from './schema/provider.ts';

/** The provider with everything turned on that its profile asks for; what it forbids was refused before. */
export function withProfile(provider: ProviderConfig): ProviderConfig {
  if (provider.profile !== 'fapi2') return provider;
  // FAPI 2.0 Security Profile §5.3.3: sender-constrained by mutual TLS where there is a certificate, else by DPoP.
  return { ...provider, par: true, dpop: provider.dpop || provider.tls === undefined };
}
