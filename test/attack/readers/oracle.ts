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
 * The access that the rule gives to a place of the upstream's tree that was reached along a route: the place's
 * own public path decides. `outside` where the route leads nowhere near it.
 */
export function accessOfPlace(
  table: readonly TableRoute[],
  along: TableRoute,
  place: string,
  method: string,
): Access {
  const base = along.rewrite ?? (along.stripPrefix ? '/' : undefined);
  if (base === undefined) return accessOf(plainRoute(table, place, method));
  if (!isBelow(place, base)) return 'outside';
  const rest = base === '/' ? place : place.slice(base.length);
  return accessOf(plainRoute(table, `${along.path === '/' ? '' : along.path}${rest}` || '/', method));
}
