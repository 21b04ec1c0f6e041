import { GatewayError } from '../../errors.ts';
import { proxiedMethods } from '../../listen/methods.ts';
import { chainOf } from '../../routes/host-rules.ts';
import { resolveTarget } from '../../routes/resolve.ts';
import type { Route } from '../../routes/table.ts';
import type { Plan } from '../plan.ts';

/** What takes a request: a route, or none, with the reason. */
export type Taker = Route | 'no route' | 'own endpoint' | 'unknown host' | 'ambiguous path';

/** Requests that each of two plans decides in one way. */
export interface Region {
  /** As a route names it; undefined for hosts that no route names. */
  host: string | undefined;
  path: string;
  /** Undefined for all that have no region of their own. */
  method: string | undefined;
  kind: MethodKind;
  before: Taker;
  after: Taker;
  /** All requests of a route. */
  isWhole?: boolean;
}

/** What rules know of a method. */
export type MethodKind = 'safe' | 'OPTIONS' | 'unsafe';

const safe: ReadonlySet<string> = new Set(['GET', 'HEAD']);
export const kindOf = (method: string): MethodKind =>
  method === 'OPTIONS' ? 'OPTIONS' : safe.has(method) ? 'safe' : 'unsafe';

/** A path of some hosts, with all that is below it. */
export interface Spot {
  /** None for every host. */
  host?: string | undefined;
  path: string;
}

/**
 * Cuts the requests that are spelt plainly into regions, and gives those that may be taken by something else.
 * @param touched where the two plans have not the same routes; undefined for everywhere
 */
export function regionsOf(before: Plan, after: Plan, touched: readonly Spot[] | undefined): Region[] {
  const plans = [before, after];
  const routes = plans.flatMap(({ reader }) => reader.table.routes);
  const fresh = freshWord(plans);
  const methods = methodsOf(routes);
  const own = plans.map(ownSpots);
  const movedSpots = touched && [...touched, ...differing(own)];
  const everywhere = groupByHost([...routes, ...own.flat()]);
  const moved = movedSpots && groupByHost(movedSpots);
  return hostsOf(before, after).flatMap((host) => {
    const hostname = host === '' ? fresh : host.replace('*', fresh);
    const chain = chainOf(host);
    const among = (by: ReadonlyMap<string, ReadonlySet<string>>) =>
      chain.flatMap((name) => [...(by.get(name) ?? [])]);
    const isAlike = isAlikeOn(before, after, hostname);
    const limits = moved && isAlike ? among(moved) : ['/'];
    const paths = [...new Set(['/', ...among(everywhere)])];
    return paths
      .filter((path) => limits.some((above) => isBelow(path, above)))
      .flatMap((path) => spellingsOf(path, own, fresh).map((spelt) => [path, spelt] as const))
      .flatMap(([path, spelt]) =>
        methods.map(({ method, name }): Region => {
          const place = { host: host === '' ? undefined : host, path, method: name, kind: kindOf(method) };
          const takerIn = (plan: Plan) => takerOf(plan, hostname, spelt, method);
          return { ...place, before: takerIn(before), after: takerIn(after) };
        }),
      );
  });
}

interface OwnSpot extends Spot {
  /** What is below it is not meant. */
  isExact: boolean;
}

/** What the gateway answers itself. */
function ownSpots({ reader, resources }: Plan): OwnSpot[] {
  const metadata = [...resources.keys()].map((key) => key.split(' ') as [host: string, path: string]);
  return [
    { path: reader.prefix, isExact: false },
    ...metadata.map(([host, path]) => ({ host, path, isExact: true })),
  ];
}

function differing([old = [], now = []]: readonly OwnSpot[][]): OwnSpot[] {
  const keys = [old, now].map((spots) => new Set(spots.map((spot) => JSON.stringify(spot))));
  return [...old, ...now].filter((spot) => !keys.every((known) => known.has(JSON.stringify(spot))));
}

/** Whether a host is answered by both plans or by none, and its paths are read in one way. */
function isAlikeOn(before: Plan, after: Plan, hostname: string): boolean {
  const [old, now] = [before, after].map((plan) => {
    const isKnown = takerOf(plan, hostname, '/', 'GET') !== 'unknown host';
    return JSON.stringify([isKnown, plan.reader.table.rulesOf(hostname).settings]);
  });
  return old === now;
}

/** A path, and one below it where that may be taken by something else. */
function spellingsOf(path: string, own: readonly OwnSpot[][], fresh: string): string[] {
  const isExact = own.flat().some((spot) => spot.isExact && spot.path === path);
  return isExact ? [path, `${path}/${fresh}`] : [path];
}

function takerOf({ reader }: Plan, hostname: string, path: string, method: string): Taker {
  const { table, prefix, hosts } = reader;
  const target = { path, query: '', host: hostname, hostname };
  try {
    hosts.originOf(target);
    const resolution = resolveTarget(table, prefix, target, method);
    return resolution.kind === 'route' ? resolution.route : 'own endpoint';
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    if (error.code === 'unknown_host') return 'unknown host';
    return error.code === 'no_route' ? 'no route' : 'ambiguous path';
  }
}

const isBelow = (path: string, above: string): boolean =>
  above === '/' || `${path}/`.toLowerCase().startsWith(`${above}/`.toLowerCase());

function groupByHost(routes: readonly Spot[]): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const { host = '', path } of routes) {
    const paths = found.get(host) ?? new Set();
    found.set(host, paths.add(path));
  }
  return found;
}

/** Every host of which either plan says something, and the empty name for all others. */
export function hostsOf(before: Plan, after: Plan): string[] {
  const hosts = [before, after].flatMap(({ config, reader }) => [
    ...config.publicUrl.map((origin) => new URL(origin).hostname),
    ...reader.table.hosts,
  ]);
  return [...new Set(hosts)];
}

/** Every method that a route names, those that rules know, and one that stands for the others; GET may stand for HEAD. */
function methodsOf(routes: readonly Route[]): { method: string; name: string | undefined }[] {
  const named = new Set(['GET', 'OPTIONS', ...routes.flatMap(({ methods = [] }) => methods)]);
  const other = proxiedMethods.find((method) => !named.has(method) && kindOf(method) === 'unsafe');
  return [
    ...[...named].map((method) => ({ method, name: method })),
    ...(other === undefined ? [] : [{ method: other, name: undefined }]),
  ];
}

/** A word that is in no host and no path. */
function freshWord(plans: readonly Plan[]): string {
  const text = JSON.stringify(
    plans.map(({ config, reader, resources }) => [
      [config.publicUrl, reader.table.hosts, reader.prefix, [...resources.keys()]],
      reader.table.routes.map(({ path }) => path),
    ]),
  ).toLowerCase();
  let word = 'any';
  while (text.includes(word)) word += 'x';
  return word;
}
