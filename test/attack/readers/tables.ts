import type { Chance } from './random.ts';
import { names } from './tree.ts';

/** A route as a configuration names it; all go to one upstream. */
export interface TableRoute {
  path: string;
  allow: 'public' | 'signed-in' | { groups: string }[];
  methods?: string[];
  stripPrefix?: true;
  rewrite?: string;
}

const accesses: TableRoute['allow'][] = [
  'public',
  'signed-in',
  [{ groups: 'admins' }],
  [{ groups: 'staff' }],
];

/** Three to six routes, some nested, some of some methods only, some that change the path. */
export function randomTable(chance: Chance): TableRoute[] {
  const count = 3 + chance.below(4);
  const routes: TableRoute[] = chance.is(0.85) ? [{ path: '/', allow: chance.of(accesses) }] : [];
  while (routes.length < count) {
    const above = routes.length > 0 && chance.is(0.5) ? chance.of(routes).path.replace(/^\/$/, '') : '';
    const path = `${above}/${chance.of(names)}`;
    if (path.split('/').length > 4) continue;
    const route: TableRoute = {
      path,
      allow: chance.of(accesses),
      ...methodsOf(chance),
      ...mappingOf(chance),
    };
    if (routes.every((other) => !overlaps(other, route))) routes.push(route);
  }
  return routes;
}

function methodsOf(chance: Chance): Pick<TableRoute, 'methods'> {
  return chance.is(0.15) ? { methods: chance.of([['GET'], ['POST'], ['GET', 'POST'], ['HEAD']]) } : {};
}

function mappingOf(chance: Chance): Pick<TableRoute, 'stripPrefix' | 'rewrite'> {
  if (chance.is(0.7)) return {};
  if (chance.is(0.5)) return { stripPrefix: true };
  return { rewrite: chance.is(0.3) ? `/${chance.of(names)}/${chance.of(names)}` : `/${chance.of(names)}` };
}

/** Two equal routes are an error of the configuration. */
function overlaps(one: TableRoute, other: TableRoute): boolean {
  if (one.path !== other.path) return false;
  if (!one.methods || !other.methods) return one.methods === other.methods;
  return one.methods.some((method) => other.methods?.includes(method));
}
