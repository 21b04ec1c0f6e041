import { GatewayError } from '../errors.ts';
import { isTooLong, readings } from './path.ts';
import type { Route, RouteTable } from './table.ts';
import type { Target } from './target.ts';

/** Where a request goes: to one of the gateway's own endpoints, or along a route. */
export type Resolution = { kind: 'endpoint'; path: string } | { kind: 'route'; route: Route };

/**
 * Decides where a request goes. The normalised reading of the path decides; the request is refused with 400
 * where another reading would fall under a different rule, so that nobody passes one rule and is read by
 * another. Throws GatewayError.
 */
export function resolveTarget(table: RouteTable, prefix: string, target: Target, method: string): Resolution {
  if (isTooLong(target.path)) {
    throw new GatewayError('ambiguous_path', { detail: 'It is too long to be read in every way.' });
  }
  let first: Resolution | undefined;
  let firstRule: string | undefined;
  for (const path of readings(target.path)) {
    const resolution = resolveReading(table, prefix, path, target.hostname, method);
    const rule = ruleOf(resolution);
    first ??= resolution;
    firstRule ??= rule;
    if (rule !== firstRule) throw new GatewayError('ambiguous_path');
  }
  if (!first) throw new GatewayError('no_route');
  return first;
}

/**
 * The endpoint at which a proxy asks about another request, if this is one. What stands behind it is the path
 * that is asked about: it is read as a path of its own, and so the raw spelling counts here.
 */
export function askedEndpoint(prefix: string, path: string): string | undefined {
  const forwardAuth = `${prefix}/forward-auth`;
  if (path === forwardAuth || path === `${prefix}/auth`) return path;
  return path.startsWith(`${forwardAuth}/`) ? forwardAuth : undefined;
}

/** Path and query that are asked about behind the endpoint's own path; undefined where nothing stands there. */
export function askedBelow(prefix: string, { path, query }: Target): string | undefined {
  const forwardAuth = `${prefix}/forward-auth`;
  return path.startsWith(`${forwardAuth}/`) ? path.slice(forwardAuth.length) + query : undefined;
}

function resolveReading(
  table: RouteTable,
  prefix: string,
  path: string,
  hostname: string,
  method: string,
): Resolution | undefined {
  if (path === prefix || path.startsWith(`${prefix}/`) || table.hasMetadata(hostname, path))
    return { kind: 'endpoint', path };
  const route = table.match(hostname, path, method);
  return route && { kind: 'route', route };
}

/** Two resolutions with one rule let the same people pass. */
function ruleOf(resolution: Resolution | undefined): string {
  if (!resolution) return 'none';
  if (resolution.kind === 'endpoint') return `endpoint ${resolution.path}`;
  return resolution.route.rule;
}
