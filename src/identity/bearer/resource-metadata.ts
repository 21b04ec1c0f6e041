import type { Config, ResourceConfig } from '../../config/schema/index.ts';
import { proofAlgorithms } from './dpop.ts';

/** The metadata of a resource (RFC 9728 §2); what is not known is left out. */
export function resourceMetadata(
  { bearer, listen }: Pick<Config, 'bearer' | 'listen'>,
  { identifier, scopes, name, documentation, authorizationServers }: ResourceConfig,
): Record<string, unknown> {
  const issuers = new Set(bearer.flatMap(({ issuer }) => issuer ?? []));
  return {
    resource: identifier,
    authorization_servers: authorizationServers ?? [...issuers],
    scopes_supported: scopes,
    bearer_methods_supported: ['header'],
    resource_name: name,
    resource_documentation: documentation,
    dpop_signing_alg_values_supported: proofAlgorithms,
    tls_client_certificate_bound_access_tokens:
      listen.some(({ tls }) => tls?.clientCertificates === 'request') || undefined,
  };
}
