import type { Config, ResourceConfig } from '../../config/schema/index.ts';
import { proofAlgorithms } from './dpop.ts';

/** RFC 9728 §3. */
export const metadataPath = '/.well-known/oauth-protected-resource';

/** Where the metadata of a resource is: the well-known path goes between host and path (RFC 9728 §3.1). */
export function metadataUrl({ identifier }: ResourceConfig): URL {
  const url = new URL(identifier);
  url.pathname = metadataPath + (url.pathname === '/' ? '' : url.pathname);
  return url;
}

/** The name under which a table knows the metadata at a host and path. */
export function metadataKey(hostname: string, path: string): string {
  return `${hostname} ${path}`;
}

/** The resources of a configuration, by the place of their metadata. Of several routes one gives the details. */
export function resourcesOf({ routes }: Pick<Config, 'routes'>): Map<string, ResourceConfig> {
  const resources = new Map<string, ResourceConfig>();
  for (const { resource } of routes) {
    if (!resource) continue;
    const { hostname, pathname } = metadataUrl(resource);
    const key = metadataKey(hostname, pathname);
    resources.set(key, { ...definedOf(resources.get(key)), ...definedOf(resource) } as ResourceConfig);
  }
  return resources;
}

function definedOf(resource: ResourceConfig | undefined): Partial<ResourceConfig> {
  return Object.fromEntries(Object.entries(resource ?? {}).filter(([, value]) => value !== undefined));
}

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
    tls_client_certificate_bound_access_tokens: listen.tls?.clientCertificates === 'request' || undefined,
  };
}
