import { accessOf, noRoute, ownEndpoint } from './access.ts';
import { type Layer, matchPath, routeOf, withoutCase } from './layer.ts';
import type { Route, TableConfig } from './route.ts';
import { type PathSettings, standardSettings } from './settings.ts';
import { readTokens, symbolsOf } from './tokens.ts';
import { buildTrie, type Place, type Trie } from './trie.ts';
import { type Shift, shiftOf } from './upstream-path.ts';

/** What is known of the paths of one host. */
export interface HostRules {
  settings: PathSettings;
  /** Whether a route or endpoint has an upper-case letter in its path. */
  hasCapitals: boolean;
  match(path: string, method: string): Route | undefined;
  tree(method: string): Tree;
}

/** The paths of a host for one method, as walks need them. */
export interface Tree {
  trie: Trie;
  /** The number of a route's access. */
  accessOf(route: Route | undefined): number;
  /** The tree of the upstream that a route with another path there leads to; undefined where paths go as they are. */
  upstreamOf(route: Route): Trie | undefined;
}

/** The accesses with numbers of their own; those of routes come after. */
export const outside = 0;
export const own = 1;

/** Methods that no route names are all alike. */
const otherMethod = '';

export interface HostCompiler {
  /** Every host and wildcard of which something is said. */
  hosts: readonly string[];
  rulesOf(host: string): HostRules;
}

/**
 * Compiles what is known of each host. What hosts and methods have in common is there once.
 * @param metadata host and path of each resource whose metadata the gateway serves, with a blank between
 */
export function hostCompiler(
  { endpoints, paths }: TableConfig,
  layers: ReadonlyMap<string, Layer>,
  metadata: readonly string[],
): HostCompiler {
  const numbers = new Map([
    [noRoute, outside],
    [ownEndpoint, own],
  ]);
  const ofRoute = new Map<Route, number>();
  const numberOf = (route: Route | undefined): number => {
    if (!route) return outside;
    const known = ofRoute.get(route);
    if (known !== undefined) return known;
    const access = accessOf(route);
    const number = numbers.get(access) ?? numbers.size;
    numbers.set(access, number);
    ofRoute.set(route, number);
    return number;
  };
  const settings = settingsFinder(paths);
  const lowered = new Map<Layer, Layer>();
  const prefix = endpoints?.prefix ?? '/oauth2';
  const served = metadata.map((key) => key.split(' ') as [host: string, path: string]);
  const hosts = [...new Set([...layers.keys(), ...served.map(([host]) => host), ...settings.hosts])];

  const rulesOf = (host: string): HostRules => {
    const reading = settings.of(host);
    const used = chainOf(host).flatMap((name) => layers.get(name) ?? []);
    const layersOfHost = reading.ignoreCase ? used.map((layer) => lowerOnce(lowered, layer)) : used;
    const spelt = (path: string) => (reading.ignoreCase ? path.toLowerCase() : path);
    const endpointsOfHost: Place[] = [
      { path: spelt(prefix), access: own, rank: -1 },
      ...served
        .filter(([name]) => name === host)
        .map(([, path]) => ({
          path: spelt(symbolsOf(readTokens(path))),
          access: own,
          rank: -1,
          isExact: true,
        })),
    ];
    const trees = compileTrees(layersOfHost, endpointsOfHost, { numberOf, spelt });
    const known = layersOfHost.flatMap(({ entries }) => [...entries.keys()]);
    const places = [...known, ...endpointsOfHost.map(({ path }) => path)];
    return {
      settings: reading,
      hasCapitals: places.some((path) => /[A-Z]/.test(path)),
      match: matcher(layersOfHost),
      tree: trees,
    };
  };
  return { hosts: hosts.filter((host) => host !== ''), rulesOf };
}

function lowerOnce(lowered: Map<Layer, Layer>, layer: Layer): Layer {
  const made = lowered.get(layer) ?? withoutCase(layer);
  lowered.set(layer, made);
  return made;
}

/** Exact host, wildcards from the longest on, none. */
export function chainOf(host: string): string[] {
  if (host === '') return [''];
  const chain = [host];
  for (
    let dot = host.indexOf('.', host.startsWith('*') ? 2 : 0);
    dot >= 0;
    dot = host.indexOf('.', dot + 1)
  ) {
    chain.push(`*${host.slice(dot)}`);
  }
  return [...chain, ''];
}

function matcher(layers: readonly Layer[]): HostRules['match'] {
  const [first, second, ...rest] = layers;
  if (!first) return () => undefined;
  if (!second) return (path, method) => matchPath(first, path, method);
  return (path, method) => {
    const found = matchPath(first, path, method) ?? matchPath(second, path, method);
    if (found || rest.length === 0) return found;
    for (const layer of rest) {
      const route = matchPath(layer, path, method);
      if (route) return route;
    }
    return undefined;
  };
}

function settingsFinder(paths: TableConfig['paths']) {
  const ofHosts: NonNullable<TableConfig['paths']>['hosts'] = paths?.hosts ?? {};
  const everywhere: PathSettings = paths ?? standardSettings;
  return {
    hosts: Object.keys(ofHosts),
    of(host: string): PathSettings {
      const own = chainOf(host).flatMap((name) => ofHosts[name] ?? [])[0];
      return {
        ignoreCase: own?.ignoreCase ?? everywhere.ignoreCase,
        parameters: own?.parameters ?? everywhere.parameters,
        encodedSlash: own?.encodedSlash ?? everywhere.encodedSlash,
      };
    },
  };
}

/** How accesses are numbered and paths spelt in the trees of a host. */
interface Spelling {
  numberOf(route: Route | undefined): number;
  spelt(path: string): string;
}

/** The trees of a host by method, made at once. Methods whose requests take the same routes share one. */
function compileTrees(
  layers: readonly Layer[],
  endpoints: readonly Place[],
  spelling: Spelling,
): (method: string) => Tree {
  const methods = new Set(['GET', 'HEAD', otherMethod]);
  for (const { entries } of layers) {
    for (const { byMethod } of entries.values()) for (const method of byMethod.keys()) methods.add(method);
  }
  const known = new Map<string, Tree>();
  const byMethod = new Map<string, Tree>();
  for (const method of methods) {
    const taken = routesOf(layers, method);
    const key = taken
      .map(({ path, rank, route }) => `${rank} ${spelling.numberOf(route)} ${path}`)
      .join('\n');
    const tree = known.get(key) ?? compileTree(taken, endpoints, spelling);
    known.set(key, tree);
    byMethod.set(method, tree);
  }
  const others = byMethod.get(otherMethod) as Tree;
  return (method) => byMethod.get(method) ?? others;
}

interface Taken {
  path: string;
  rank: number;
  route: Route;
}

/** The routes that may take requests of a method. A host whose start page has a route needs no others. */
function routesOf(layers: readonly Layer[], method: string): Taken[] {
  const found: Taken[] = [];
  for (const [rank, { entries }] of layers.entries()) {
    for (const [path, entry] of entries) {
      const route = routeOf(entry, method);
      if (route) found.push({ path, rank, route });
    }
    if (found.some((taken) => taken.path === '/')) break;
  }
  return found;
}

function compileTree(
  taken: readonly Taken[],
  endpoints: readonly Place[],
  { numberOf, spelt }: Spelling,
): Tree {
  const places = [
    ...taken.map(({ path, rank, route }): Place => ({ path, rank, access: numberOf(route) })),
    ...endpoints,
  ];
  const upstreams = new Map<string, Trie>();
  for (const { route } of taken) {
    const shift = shiftOf(route);
    if (!shift) continue;
    const key = JSON.stringify(shift);
    if (upstreams.has(key)) continue;
    const moved = shifted(places, { from: spelt(shift.from), to: spelt(shift.to) });
    upstreams.set(key, buildTrie(moved, { root: outside, own }));
  }
  return {
    trie: buildTrie(places, { root: outside, own }),
    accessOf: numberOf,
    upstreamOf: (route) => {
      const shift = upstreams.size === 0 ? undefined : shiftOf(route);
      return shift && upstreams.get(JSON.stringify(shift));
    },
  };
}

/**
 * The tree of an upstream whose paths are moved: each place where it is there. What has no public path has no
 * access that a request could have.
 */
function shifted(places: readonly Place[], { from, to }: Shift): Place[] {
  const base = to || '/';
  const [whole] = places
    .filter(({ path, isExact }) => !isExact && (path === '/' || path === from || from.startsWith(`${path}/`)))
    .sort((a, b) => a.rank - b.rank || b.path.length - a.path.length);
  const below = places.filter(({ path }) => path !== '/' && path.startsWith(`${from}/`));
  return [
    ...(whole ? [{ ...whole, path: base }] : []),
    ...below.map((place) => ({ ...place, path: to + place.path.slice(from.length) })),
  ];
}
