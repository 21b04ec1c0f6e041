import type { Route } from './route.ts';

/** The routes of one path. */
export interface PathEntry {
  byMethod: Map<string, Route>;
  anyMethod: Route | undefined;
}

/** The routes that name one host, one wildcard, or none. */
export interface Layer {
  entries: Map<string, PathEntry>;
  /** The length of the longest path: nothing longer has to be looked up. */
  longest: number;
}

export function addRoute(layers: Map<string, Layer>, host: string, route: Route): void {
  const layer = layers.get(host) ?? { entries: new Map<string, PathEntry>(), longest: 0 };
  layers.set(host, layer);
  const entry = layer.entries.get(route.path) ?? { byMethod: new Map(), anyMethod: undefined };
  layer.entries.set(route.path, entry);
  layer.longest = Math.max(layer.longest, route.path.length);
  if (route.methods) for (const method of route.methods) entry.byMethod.set(method, route);
  else entry.anyMethod = route;
}

/** The same routes with their paths in lower case. */
export function withoutCase({ entries, longest }: Layer): Layer {
  const lowered: Layer = { entries: new Map(), longest };
  for (const [path, { byMethod, anyMethod }] of entries) {
    const known = lowered.entries.get(path.toLowerCase());
    lowered.entries.set(path.toLowerCase(), {
      byMethod: new Map([...byMethod, ...(known?.byMethod ?? [])]),
      anyMethod: known?.anyMethod ?? anyMethod,
    });
  }
  return lowered;
}

/** RFC 9110 §9.3.2: HEAD is GET without its content, so a route for GET takes it, unless one names HEAD. */
export function routeOf({ byMethod, anyMethod }: PathEntry, method: string): Route | undefined {
  if (byMethod.size === 0) return anyMethod;
  return byMethod.get(method) ?? (method === 'HEAD' ? byMethod.get('GET') : undefined) ?? anyMethod;
}

/** The route of a layer that takes a path: that of the longest path. */
export function matchPath({ entries, longest }: Layer, path: string, method: string): Route | undefined {
  let end = path.length <= longest ? path.length : path.lastIndexOf('/', longest);
  while (end > 0) {
    const entry = entries.get(path.slice(0, end));
    const route = entry && routeOf(entry, method);
    if (route) return route;
    end = path.lastIndexOf('/', end - 1);
  }
  const root = entries.get('/');
  return root && routeOf(root, method);
}
