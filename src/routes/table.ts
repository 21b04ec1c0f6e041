import type { Config, RouteConfig } from '../config/schema/index.ts';
import { metadataKey, metadataPath, resourcesOf } from '../identity/bearer/resource-metadata.ts';

/** A route as requests use it. */
export interface Route extends RouteConfig {
  /** How logs name it: host and path, such as `app.example.com/api`. */
  label: string;
  /** Who may pass, as a text: two routes of one rule let the same people pass. */
  rule: string;
}

interface PathEntry {
  byMethod: Map<string, Route>;
  anyMethod: Route | undefined;
}

interface PathTable {
  entries: Map<string, PathEntry>;
  /** The length of the longest path: nothing longer has to be looked up. */
  longest: number;
}

export interface RouteTable {
  /** The route that takes a request: exact host over wildcard over none, then longer path, then `methods`. */
  match(hostname: string, path: string, method: string): Route | undefined;
  /** Whether any route names this host. */
  knowsHost(hostname: string): boolean;
  /** Whether the metadata of a route's resource is there, which the gateway serves itself. */
  hasMetadata(hostname: string, path: string): boolean;
  routes: readonly Route[];
}

/** Compiles the routes of a configuration; a look-up costs one step a segment of the path, as deep as routes go. */
export function compileRoutes({ routes: configured }: Pick<Config, 'routes'>): RouteTable {
  const routes = configured.map(
    (route): Route => ({ ...route, label: `${route.host ?? ''}${route.path}`, rule: ruleOf(route) }),
  );
  const resources = resourcesOf({ routes: configured });
  const hosts = new Map<string, PathTable>();
  for (const route of routes) addRoute(hosts, route);
  const hasWildcards = [...hosts.keys()].some((host) => host.startsWith('*'));

  return {
    routes,
    hasMetadata: (hostname, path) =>
      path.startsWith(metadataPath) && resources.has(metadataKey(hostname, path)),
    knowsHost(hostname) {
      if (hosts.has(hostname)) return true;
      for (let dot = hostname.indexOf('.'); dot >= 0; dot = hostname.indexOf('.', dot + 1)) {
        if (hosts.has(`*${hostname.slice(dot)}`)) return true;
      }
      return false;
    },
    match(hostname, path, method) {
      const exact = matchPath(hosts.get(hostname), path, method);
      if (exact) return exact;
      if (hasWildcards) {
        for (let dot = hostname.indexOf('.'); dot >= 0; dot = hostname.indexOf('.', dot + 1)) {
          const route = matchPath(hosts.get(`*${hostname.slice(dot)}`), path, method);
          if (route) return route;
        }
      }
      return matchPath(hosts.get(''), path, method);
    },
  };
}

function ruleOf({ allow, unauthenticated, preflight, csrf, provider, resource }: RouteConfig): string {
  const isOpen = allow === 'public' || unauthenticated === 'pass';
  const tokens = JSON.stringify([provider, resource?.identifier]);
  return `${isOpen ? 'everybody ' : ''}${JSON.stringify(allow)} ${preflight} ${csrf} ${tokens}`;
}

function addRoute(hosts: Map<string, PathTable>, route: Route): void {
  const host = route.host ?? '';
  const table = hosts.get(host) ?? { entries: new Map<string, PathEntry>(), longest: 0 };
  hosts.set(host, table);
  const entry = table.entries.get(route.path) ?? { byMethod: new Map(), anyMethod: undefined };
  table.entries.set(route.path, entry);
  table.longest = Math.max(table.longest, route.path.length);
  if (route.methods) for (const method of route.methods) entry.byMethod.set(method, route);
  else entry.anyMethod = route;
}

function matchPath(table: PathTable | undefined, path: string, method: string): Route | undefined {
  if (!table) return undefined;
  const { entries, longest } = table;
  let end = path.length <= longest ? path.length : path.lastIndexOf('/', longest);
  while (end > 0) {
    const entry = entries.get(path.slice(0, end));
    const route = entry && (entry.byMethod.get(method) ?? entry.anyMethod);
    if (route) return route;
    end = path.lastIndexOf('/', end - 1);
  }
  const root = entries.get('/');
  return root && (root.byMethod.get(method) ?? root.anyMethod);
}
