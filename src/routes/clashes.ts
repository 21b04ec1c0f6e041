import { GatewayError } from '../errors.ts';
import { chainOf } from './host-rules.ts';
import { resolveTarget } from './resolve.ts';
import type { Route, TableConfig } from './route.ts';
import { compileRoutes, type RouteTable } from './table.ts';

/** A route that no request would ever get to, by its place in the configuration. */
export interface Clash {
  index: number;
  message: string;
}

/**
 * Routes whose own path is refused, since some server may read it as a place of another rule, or which stand
 * behind another one. Both come of paths that differ by the case of their letters alone.
 */
export function findClashes(config: TableConfig): Clash[] {
  if (!config.routes.some(({ path }) => /[A-Z]/.test(path))) return [];
  const table = compileRoutes(config);
  const prefix = config.endpoints?.prefix ?? '/oauth2';
  const found = new Map<number, string>();
  for (const host of table.hosts) {
    const chain = new Set(chainOf(host));
    for (const [index, route] of table.routes.entries()) {
      if (found.has(index) || !chain.has(route.host ?? '')) continue;
      for (const method of route.methods ?? ['']) {
        const message = clashAt(table, prefix, { route, host, method });
        if (message !== undefined) found.set(index, message);
      }
    }
  }
  return [...found].map(([index, message]) => ({ index, message }));
}

function clashAt(
  table: RouteTable,
  prefix: string,
  { route, host, method }: { route: Route; host: string; method: string },
): string | undefined {
  const hostname = host.replace('*', 'any');
  const target = { path: route.path, query: '', host: hostname, hostname };
  try {
    const found = resolveTarget(table, prefix, target, method);
    if (found.kind === 'endpoint' || found.route === route || found.route.host !== route.host)
      return undefined;
    if (found.route.path.toLowerCase() !== route.path.toLowerCase()) return undefined;
    return `matches the very same requests as routes[${table.routes.indexOf(found.route)}]: paths.ignoreCase is on.`;
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== 'ambiguous_path') throw error;
    const lowered = `${route.path.toLowerCase()}/`;
    const like = table.routes.findIndex(
      (each) =>
        lowered.startsWith(`${each.path.toLowerCase()}/`) && !`${route.path}/`.startsWith(`${each.path}/`),
    );
    const other = like < 0 ? "the gateway's own endpoints" : `routes[${like}]`;
    return `differs from ${other} by the case of its letters alone, and by its rule: many servers take one for the other, so every request would be refused.`;
  }
}
