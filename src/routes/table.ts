import { type HostRules, hostCompiler } from './host-rules.ts';
import { addRoute, type Layer } from './layer.ts';
import { metadataKey, metadataPath, metadataUrl, resourcesOf } from './resources.ts';
import type { Route, TableConfig } from './route.ts';

export type { Route } from './route.ts';

export interface RouteTable {
  /** The route that takes a path: exact host over wildcard over none, then longer path, then `methods`. */
  match(hostname: string, path: string, method: string): Route | undefined;
  /** What is known of the paths of a host. */
  rulesOf(hostname: string): HostRules;
  /** Every host and wildcard that has rules of its own, and the empty name for all others. */
  hosts: readonly string[];
  /** Whether any route names this host. */
  knowsHost(hostname: string): boolean;
  /** Whether the metadata of a route's resource is there, which the gateway serves itself. */
  hasMetadata(hostname: string, path: string): boolean;
  routes: readonly Route[];
}

/** How logs name a route: host and path, such as `app.example.com/api`. */
export const routeLabel = ({ host = '', path }: { host?: string | undefined; path: string }): string =>
  `${host}${path}`;

/** Compiles the routes of a configuration; a look-up costs one step a segment of the path, as deep as routes go. */
export function compileRoutes(config: TableConfig): RouteTable {
  const routes = config.routes.map(
    (route, index): Route => ({
      ...route,
      index,
      label: routeLabel(route),
      resourceMetadata: route.resource && metadataUrl(route.resource).href,
    }),
  );
  const resources = resourcesOf(config);
  const layers = new Map<string, Layer>();
  for (const route of routes) addRoute(layers, route.host ?? '', route);

  const compile = hostCompiler(config, layers, [...resources.keys()]);
  /** Every host that something is said of has rules of its own; a wildcard speaks for the rest. */
  const named = new Map<string, HostRules>();
  const wildcards = new Map<string, HostRules>();
  for (const host of compile.hosts) {
    (host.startsWith('*') ? wildcards : named).set(host, compile.rulesOf(host));
  }
  const others = compile.rulesOf('');

  const rulesOf = (hostname: string): HostRules => {
    const known = named.get(hostname);
    if (known) return known;
    if (wildcards.size > 0) {
      for (let dot = hostname.indexOf('.'); dot >= 0; dot = hostname.indexOf('.', dot + 1)) {
        const rules = wildcards.get(`*${hostname.slice(dot)}`);
        if (rules) return rules;
      }
    }
    return others;
  };

  return {
    routes,
    hosts: [...compile.hosts, ''],
    rulesOf,
    match: (hostname, path, method) => rulesOf(hostname).match(path, method),
    hasMetadata: (hostname, path) =>
      path.startsWith(metadataPath) && resources.has(metadataKey(hostname, path)),
    knowsHost(hostname) {
      if (layers.has(hostname)) return true;
      for (let dot = hostname.indexOf('.'); dot >= 0; dot = hostname.indexOf('.', dot + 1)) {
        if (layers.has(`*${hostname.slice(dot)}`)) return true;
      }
      return false;
    },
  };
}
