import { GatewayError } from '../errors.ts';
import type { Inbound } from '../listen/inbound.ts';
import { type Text, text } from '../pages/texts/text.ts';
import { brokenEscape } from './decode.ts';
import { dotSegment } from './dot-segments.ts';
import { type HostRules, outside, own } from './host-rules.ts';
import { hasOddToken, isPlain, normalise, plainAccess } from './plain.ts';
import type { Route } from './route.ts';
import type { RouteTable } from './table.ts';
import type { RequestTarget } from './target.ts';
import { hiddenEscape, looseOverlong, readTokens, shown, spelling } from './tokens.ts';
import type { Trie } from './trie.ts';
import { upstreamPath } from './upstream-path.ts';
import { walk } from './walk.ts';

/** Where a request goes: to one of the gateway's own endpoints, or along a route. */
export type Resolution = { kind: 'endpoint'; path: string } | { kind: 'route'; route: Route };

/** Longer ones are refused where they have an odd token: nobody needs them, and reading them costs. */
const longestOddPath = 8192;

/**
 * Decides where a request goes. A path that some server may read as a place of another access is refused with 400,
 * so that nobody passes one rule and is read by another. Throws GatewayError.
 */
export function resolveTarget(
  table: RouteTable,
  prefix: string,
  target: RequestTarget,
  method: string,
): Resolution {
  const { path, hostname } = target;
  if (table.hasMetadata(hostname, path)) return { kind: 'endpoint', path };
  const rules = table.rulesOf(hostname);
  if (!isPlain(path)) return resolveOdd(rules, path, method);
  if (rules.hasCapitals || /[A-Z]/.test(path)) return resolveCapitals(rules, path, method);
  if (path === prefix || (path.startsWith(prefix) && path.charCodeAt(prefix.length) === 0x2f)) {
    return { kind: 'endpoint', path };
  }
  const route = rules.match(path, method);
  if (!route) throw new GatewayError('no_route');
  return { kind: 'route', route };
}

/** A path that is read in one way, but for the case of its letters. */
function resolveCapitals(rules: HostRules, path: string, method: string): Resolution {
  const { trie } = rules.tree(method);
  const access = plainAccess(trie, rules.settings, path) ?? read(trie, rules, path);
  return access === own ? { kind: 'endpoint', path } : take(rules, path, method, access);
}

function resolveOdd(rules: HostRules, path: string, method: string): Resolution {
  const { trie, upstreamOf } = rules.tree(method);
  const access = read(trie, rules, path);
  // Each endpoint is a place of its own, and none of them has to be spelt oddly.
  if (access === own) throw ambiguous(text('detail.may_be_endpoint'));
  const resolution = take(rules, normalise(path, rules.settings), method, access);
  const upstream = upstreamOf(resolution.route);
  if (upstream && read(upstream, rules, upstreamPath(resolution.route, path)) !== access) {
    throw ambiguous(text('detail.other_rule_without_prefix'));
  }
  return resolution;
}

/** The route that takes a path of which all readings have one access. */
function take(rules: HostRules, path: string, method: string, access: number) {
  if (access === outside) throw new GatewayError('no_route');
  const route = rules.match(rules.settings.ignoreCase ? path.toLowerCase() : path, method);
  if (!route || rules.tree(method).accessOf(route) !== access) throw ambiguous();
  return { kind: 'route' as const, route };
}

/** Reads a path through a tree: the access of all its readings. Throws GatewayError where there are several. */
function read(trie: Trie, { settings }: HostRules, path: string): number {
  const tokens = readTokens(path);
  if (path.length > longestOddPath && hasOddToken(tokens)) {
    throw ambiguous(text('detail.path_too_long', { bytes: longestOddPath }));
  }
  const dots = dotSegment(tokens);
  if (trie.isSplit) {
    if (dots >= 0) throw ambiguous(text('detail.dot_segment', { spelling: spelling(tokens, dots) }));
    const broken = brokenEscape(path);
    if (broken >= 0)
      throw ambiguous(text('detail.broken_escape', { spelling: shown(path.slice(broken, broken + 3)) }));
    const made = hiddenEscape(tokens);
    if (made >= 0) throw ambiguous(text('detail.hidden_escape', { spelling: spelling(tokens, made) }));
    const loose = looseOverlong(tokens);
    if (loose >= 0) throw ambiguous(text('detail.loose_overlong', { spelling: spelling(tokens, loose) }));
  }
  const reach = walk(trie, settings, tokens, dots < 0 ? [] : trie.segments);
  if (reach.kind === 'one') return reach.access;
  const odd = spelling(tokens, reach.token);
  if (reach.kind === 'crowded') throw ambiguous(text('detail.too_many_ways', { spelling: odd }));
  if (/^[A-Za-z]$/.test(odd)) {
    const segment = segmentAt(path, tokens.from[reach.token] ?? 0);
    throw ambiguous(text('detail.other_rule_by_case', { segment: shown(segment) }));
  }
  throw ambiguous(text('detail.several_ways', { spelling: odd }));
}

/** The segment of a path around a character of it. */
function segmentAt(path: string, at: number): string {
  const end = path.indexOf('/', at);
  return path.slice(path.lastIndexOf('/', at) + 1, end < 0 ? undefined : end);
}

function ambiguous(detail?: Text): GatewayError {
  return new GatewayError('ambiguous_path', detail === undefined ? {} : { detail });
}

/** The endpoint that says whether requests should be sent here, below the prefix. */
export const healthName = 'health';

/**
 * Reads a question for the health. Load balancers ask by an address, by a name of their own, or by HTTP/1.0 without
 * any host, so that only the path counts; what names several hosts is left to be refused.
 */
export function readHealthTarget(
  prefix: string,
  { url = '', rawHeaders }: Pick<Inbound, 'url' | 'rawHeaders'>,
): RequestTarget | undefined {
  // Nearly every request ends here.
  if (!url.startsWith(prefix)) return undefined;
  const path = `${prefix}/${healthName}`;
  if (url !== path && !url.startsWith(`${path}?`)) return undefined;
  const hosts = rawHeaders.filter((name, at) => at % 2 === 0 && name.toLowerCase() === 'host').length;
  return hosts > 1 ? undefined : { path, query: '', host: '', hostname: '' };
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
export function askedBelow(prefix: string, { path, query }: RequestTarget): string | undefined {
  const forwardAuth = `${prefix}/forward-auth`;
  return path.startsWith(`${forwardAuth}/`) ? path.slice(forwardAuth.length) + query : undefined;
}
