import type { TableRoute } from './tables.ts';

/** Who may pass, as a text; `none` where no route takes a place. */
export type Access = string;

export const accessOf = (route: TableRoute | undefined): Access =>
  route === undefined ? 'none' : JSON.stringify(route.allow);

/**
 * The route of a place, by a plain look-up that knows no odd spelling: the longest path that is the place or
 * stands above it; of the same path the one that names the method; GET covers HEAD.
 */
export function plainRoute(
  table: readonly TableRoute[],
  place: string,
  method: string,
): TableRoute | undefined {
  let best: TableRoute | undefined;
  for (const route of table) {
    if (!isBelow(place, route.path) || rank(route, method) === 0) continue;
    const longer = route.path.length - (best?.path.length ?? 0);
    if (!best || longer > 0 || (longer === 0 && rank(route, method) > rank(best, method))) best = route;
  }
  return best;
}

function rank({ methods }: TableRoute, method: string): number {
  if (!methods) return 1;
  if (methods.includes(method)) return 3;
  return method === 'HEAD' && methods.includes('GET') ? 2 : 0;
}

const isBelow = (place: string, path: string) =>
  path === '/' || place === path || place.startsWith(`${path}/`);

/**
 * The access that the rule gives to a place of the upstream's tree that was reached along a route: that of the
 * plain public path which leads to this very place. `outside` where the route's way of moving paths has none.
 */
export function accessOfPlace(
  table: readonly TableRoute[],
  along: TableRoute,
  place: string,
  method: string,
): Access {
  const { from, to } = shiftOf(along);
  if (!isBelow(place, to || '/')) return 'outside';
  const publicPath = from + place.slice(to.length) || '/';
  const route = plainRoute(table, publicPath, method);
  return route && upstreamPlace(route, publicPath) !== place ? 'outside' : accessOf(route);
}

/** What is taken off a path, and what comes there, without the segments that both end with; empty is the root. */
function shiftOf(route: TableRoute): { from: string; to: string } {
  const base = route.rewrite ?? (route.stripPrefix ? '/' : route.path);
  const from = route.path === '/' ? [] : route.path.split('/').slice(1);
  const to = base === '/' ? [] : base.split('/').slice(1);
  while (from.length > 0 && from.at(-1) === to.at(-1)) {
    from.pop();
    to.pop();
  }
  const join = (segments: string[]) => segments.map((segment) => `/${segment}`).join('');
  return { from: join(from), to: join(to) };
}

/** Where a plain path arrives in the upstream's tree. */
function upstreamPlace(route: TableRoute, path: string): string {
  const { from, to } = shiftOf(route);
  return to + path.slice(from.length) || '/';
}
