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
}

/** What rules know of a method. */
export type MethodKind = 'safe' | 'OPTIONS' | 'unsafe';

const safe: ReadonlySet<string> = new Set(['GET', 'HEAD']);
const kindOf = (method: string): MethodKind =>
  method === 'OPTIONS' ? 'OPTIONS' : safe.has(method) ? 'safe' : 'unsafe';

/**
 * Cuts all requests that are spelt plainly into regions, and gives those that may be decided differently.
 * @param touched routes of either plan that the other has not in the same way; undefined where all of them may differ
 */
export function regionsOf(before: Plan, after: Plan, touched: readonly Route[] | undefined): Region[] {
  const plans = [before, after];
  const routes = plans.flatMap(({ reader }) => reader.table.routes);
  const fresh = freshWord(plans);
  const methods = methodsOf(routes);
  const placesBy = groupByHost(routes);
  const touchedBy = touched && groupByHost(touched);
  const own = plans.flatMap(({ reader, resources }) => [
    reader.prefix,
    ...[...resources.keys()].map((key) => key.slice(key.indexOf(' ') + 1)),
  ]);
  return hostsOf(plans).flatMap((host) => {
    const hostname = host === '' ? fresh : host.replace('*', fresh);
    const chain = chainOf(host);
    const among = (by: ReadonlyMap<string, ReadonlySet<string>>) =>
      chain.flatMap((name) => [...(by.get(name) ?? [])]);
    // On a host that only one of them answers for, everything is different.
    const isKnown = plans.map((plan) => takerOf(plan, hostname, '/', 'GET') !== 'unknown host');
    const changed = isKnown[0] === isKnown[1] && touchedBy ? among(touchedBy) : undefined;
    const paths = new Set(['/', ...among(placesBy), ...(changed ? [] : own)]);
    return [...paths]
      .filter((path) => !changed || changed.some((above) => isBelow(path, above)))
      .flatMap((path) =>
        [path, `${path === '/' ? '' : path}/${fresh}`].map((spelt) => [path, spelt] as const),
      )
      .flatMap(([path, spelt]) =>
        methods.map(({ method, name }): Region => {
          const takerIn = (plan: Plan) => takerOf(plan, hostname, spelt, method);
          const kind = kindOf(method);
          const place = { host: host === '' ? undefined : host, path, method: name, kind };
          return { ...place, before: takerIn(before), after: takerIn(after) };
        }),
      );
  });
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

function groupByHost(routes: readonly Route[]): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const { host = '', path } of routes) {
    const paths = found.get(host) ?? new Set();
    found.set(host, paths.add(path));
  }
  return found;
}

function hostsOf(plans: readonly Plan[]): string[] {
  const hosts = plans.flatMap(({ config, reader }) => [
    ...config.publicUrl.map((origin) => new URL(origin).hostname),
    ...reader.table.hosts,
  ]);
  return [...new Set(hosts)];
}

/** Every method that a route names, those that rules know, and one that stands for the others. */
function methodsOf(routes: readonly Route[]): { method: string; name: string | undefined }[] {
  const named = new Set(['GET', 'HEAD', 'OPTIONS', ...routes.flatMap(({ methods = [] }) => methods)]);
  const other = proxiedMethods.find((method) => !named.has(method));
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
