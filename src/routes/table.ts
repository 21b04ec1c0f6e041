import type { Config, RouteConfig } from '../config/schema/index.ts';

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

type PathTable = Map<string, PathEntry>;

export interface RouteTable {
  /** The route that takes a request: exact host over wildcard over none, then longer path, then `methods`. */
  match(hostname: string, path: string, method: string): Route | undefined;
  /** Whether any route names this host. */
  knowsHost(hostname: string): boolean;
  routes: readonly Route[];
}

/** Compiles the routes of a configuration; look-ups cost one step a path segment, however many routes there are. */
export function compileRoutes({ routes: configured, upstream }: Config): RouteTable {
  const routes = configured.map(
    (route): Route => ({ ...route, label: `${route.host ?? ''}${route.path}`, rule: ruleOf(route) }),
  );
  if (upstream !== undefined) routes.push(shorthandRoute(upstream));
  const hosts = new Map<string, PathTable>();
  for (const route of routes) addRoute(hosts, route);

  return {
    routes,
    knowsHost: (hostname) => hostTables(hosts, hostname).length > (hosts.has('') ? 1 : 0),
    match(hostname, path, method) {
      for (const table of hostTables(hosts, hostname)) {
        const route = matchPath(table, path, method);
        if (route) return route;
      }
      return;
    },
  };
}

function ruleOf({ allow, unauthenticated }: RouteConfig): string {
  if (allow === 'public' || unauthenticated === 'pass') return `everybody ${JSON.stringify(allow)}`;
  return JSON.stringify(allow);
}

function shorthandRoute(upstream: string): Route {
  return {
    label: '/',
    rule: 'signed-in',
    path: '/',
    upstream,
    allow: 'signed-in',
    unauthenticated: 'auto',
    headers: {},
    preserveHost: false,
    timeout: { response: 60_000, idle: 0 },
  };
}

function addRoute(hosts: Map<string, PathTable>, route: Route): void {
  const host = route.host ?? '';
  const table = hosts.get(host) ?? new Map<string, PathEntry>();
  hosts.set(host, table);
  const entry = table.get(route.path) ?? { byMethod: new Map(), anyMethod: undefined };
  table.set(route.path, entry);
  if (route.methods) for (const method of route.methods) entry.byMethod.set(method, route);
  else entry.anyMethod = route;
}

/** The tables that apply to a host, most specific first. */
function hostTables(hosts: Map<string, PathTable>, hostname: string): PathTable[] {
  const tables: PathTable[] = [];
  const add = (key: string) => {
    const table = hosts.get(key);
    if (table) tables.push(table);
  };
  add(hostname);
  for (let dot = hostname.indexOf('.'); dot >= 0; dot = hostname.indexOf('.', dot + 1)) {
    add(`*${hostname.slice(dot)}`);
  }
  add('');
  return tables;
}

function matchPath(table: PathTable, path: string, method: string): Route | undefined {
  let end = path.length;
  while (end > 0) {
    const entry = table.get(path.slice(0, end));
    const route = entry && (entry.byMethod.get(method) ?? entry.anyMethod);
    if (route) return route;
    end = path.lastIndexOf('/', end - 1);
  }
  const root = table.get('/');
  return root && (root.byMethod.get(method) ?? root.anyMethod);
}
