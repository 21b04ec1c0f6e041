import { GatewayError } from '../errors.ts';
import { text } from '../pages/texts/text.ts';

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

/** How a route moves paths: what stands at the beginning, and what stands there upstream. Empty is the root. */
export interface Shift {
  from: string;
  to: string;
}

/**
 * The shift of a route; undefined where paths go as they are. What both sides end with is left out, so that `/app`
 * without its prefix and `/app/admin` as `/admin` are one.
 */
export function shiftOf(route: PathMapping): Shift | undefined {
  const base = upstreamBase(route);
  if (base === undefined) return undefined;
  let from = route.path === '/' ? '' : route.path;
  let to = base === '/' ? '' : base;
  for (;;) {
    const last = from.slice(from.lastIndexOf('/'));
    if (from === '' || to.slice(to.lastIndexOf('/')) !== last) break;
    from = from.slice(0, -last.length);
    to = to.slice(0, -last.length);
  }
  return from === to ? undefined : { from, to };
}

/**
 * The path as the upstream gets it. Without `stripPrefix` and `rewrite` it is the path itself, byte for byte.
 * Throws GatewayError 400 where the prefix is spelt in another way, so that it cannot be taken off.
 */
export function upstreamPath(route: PathMapping, path: string): string {
  const base = upstreamBase(route);
  if (base === undefined) return path;
  const mapped = replacePrefix(path, route.path, base);
  // An address that begins with two slashes names a host to many, and never came from the application.
  if (mapped === undefined || mapped.startsWith('//')) {
    throw new GatewayError('ambiguous_path', {
      detail: text('detail.prefix_spelt_oddly', { prefix: route.path }),
    });
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
  // A route takes another case of its path only where the configuration says that case is nothing.
  if (path.slice(0, bare.length).toLowerCase() !== bare.toLowerCase()) return;
  if (!/^([/?#]|$)/.test(path.slice(bare.length))) return;
  const rest = path.slice(bare.length);
  const replaced = to === '/' ? '' : to;
  return rest.startsWith('/') || replaced !== '' ? replaced + rest : `/${rest}`;
}
