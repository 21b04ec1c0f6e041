import type { Config, ResourceConfig } from '../config/schema/index.ts';

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
