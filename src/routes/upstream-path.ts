import { GatewayError } from '../errors.ts';
import { readings } from './path.ts';

/** The part of a route that says under which path its application lives. */
export interface PathMapping {
  path: string;
  stripPrefix: boolean;
  rewrite?: string | undefined;
}

/** The path that is taken off before a request goes upstream; undefined for none. */
export function removedPrefix(route: PathMapping): string | undefined {
  return upstreamBase(route) === undefined || route.path === '/' ? undefined : route.path;
}

/** What stands upstream in the place of the route's path; undefined where paths go as they are. */
function upstreamBase({ stripPrefix, rewrite }: PathMapping): string | undefined {
  return rewrite ?? (stripPrefix ? '/' : undefined);
}

/**
 * The path as the upstream gets it. Without `stripPrefix` and `rewrite` it is the path itself, byte for byte.
 * Throws GatewayError 400 where the prefix is spelt so that taking it off would change what the rest means.
 */
export function upstreamPath(route: PathMapping, path: string): string {
  const base = upstreamBase(route);
  if (base === undefined) return path;
  const mapped = replacePrefix(path, route.path, base);
  const normalised = replacePrefix(readings(path)[0] ?? path, route.path, base);
  // `/app/a/../../app/b` is /app/b for the rule, and without its prefix something else for the upstream.
  if (mapped === undefined || mapped.startsWith('//') || readings(mapped)[0] !== normalised) {
    throw new GatewayError('ambiguous_path');
  }
  return mapped;
}

/** A path of the upstream as the browser has to ask for it; undefined where it is not below the base. */
export function publicPath(route: PathMapping, path: string): string | undefined {
  const base = upstreamBase(route);
  if (base === undefined) return path;
  // An application that was told its prefix (X-Forwarded-Prefix) names it by itself.
  if (replacePrefix(path, route.path, '/') !== undefined) return path;
  return replacePrefix(path, base, route.path);
}

function replacePrefix(path: string, from: string, to: string): string | undefined {
  const bare = from === '/' ? '' : from;
  if (!path.startsWith(bare) || !/^([/?#]|$)/.test(path.slice(bare.length))) return;
  const rest = path.slice(bare.length);
  const start = to === '/' ? '' : to;
  return rest.startsWith('/') || start !== '' ? start + rest : `/${rest}`;
}
