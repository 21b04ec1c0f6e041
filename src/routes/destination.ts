import { GatewayError } from '../errors.ts';
import type { HeaderFields } from '../listen/inbound.ts';
import { type Text, text } from '../pages/texts/text.ts';
import { accessOf } from './access.ts';
import { hasOddToken } from './plain.ts';
import { type Resolution, resolveTarget } from './resolve.ts';
import type { Route, RouteTable } from './table.ts';
import { makeTarget, type RequestTarget } from './target.ts';
import { readTokens, symbolsOf } from './tokens.ts';
import { upstreamPath } from './upstream-path.ts';

/** The methods that write to `Destination` (RFC 4918 §9.8 and §9.9). */
const writing: ReadonlySet<string> = new Set(['COPY', 'MOVE']);
/** An application may take the method from here. */
const overrides = ['x-http-method-override', 'x-http-method', 'x-method-override'];

/** A request, as far as it is read. */
export interface Copying {
  method: string;
  headers: HeaderFields;
  target: RequestTarget;
  route: Route;
}

/**
 * The place that COPY or MOVE writes to, as path and query of the upstream; undefined for a request that has none.
 *
 * It is a request of its own: it has to be on the same host, and taken by a route that leads to the same upstream and
 * asks for the same of people, as this method and as the PUT that it amounts to. And since both methods take whole
 * folders, nothing that another rule protects may be below either end. Throws GatewayError 400 for what is no
 * address or can be read in two ways, and 403 for what is no place of this request.
 */
export function destinationOf(
  table: RouteTable,
  prefix: string,
  { method, headers, target, route }: Copying,
): string | undefined {
  const { destination } = headers;
  if (destination === undefined) return undefined;
  if (!writing.has(method) && overrides.every((name) => headers[name] === undefined)) return undefined;
  const place = readPlace(String(destination), target);
  if (place.hostname !== target.hostname) throw refused(text('detail.destination_on_other_host'));
  const resolution = resolve(table, prefix, place, method);
  if (resolution?.kind !== 'route' || !isAlike(resolution.route, route)) {
    throw refused(text('detail.destination_of_other_rule'));
  }
  // Where nobody may PUT, the rule for this method is the one that is meant.
  const asPut = resolve(table, prefix, place, 'PUT');
  if (asPut && (asPut.kind !== 'route' || !isAlike(asPut.route, route))) {
    throw refused(text('detail.destination_written_by_other_rule'));
  }
  for (const end of [target, place]) refuseFolder(table, end, route);
  return upstreamPath(resolution.route, place.path) + place.query;
}

/** RFC 4918 §10.3: an absolute address, or a path. */
function readPlace(value: string, { host }: RequestTarget): RequestTarget {
  const absolute = /^https?:\/\/([^/?#]*)(.*)$/is.exec(value);
  if (!absolute) return makeTarget(value, host);
  const [, named = '', rest = ''] = absolute;
  return makeTarget(rest.startsWith('/') ? rest : `/${rest}`, named);
}

function resolve(
  table: RouteTable,
  prefix: string,
  place: RequestTarget,
  method: string,
): Resolution | undefined {
  try {
    return resolveTarget(table, prefix, place, method);
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'no_route') return undefined;
    throw error;
  }
}

/** Whether two routes let the same people through to the same application. */
const isAlike = (one: Route, other: Route): boolean =>
  one === other || (accessOf(one) === accessOf(other) && targetsOf(one) === targetsOf(other));

const targetsOf = ({ upstream }: Route): string => upstream.targets.map(({ url }) => url).join(' ');

/** Throws where a route of another access is below a path, or may be. */
function refuseFolder({ routes }: RouteTable, { path, hostname }: RequestTarget, route: Route): void {
  const others = routes.filter((each) => isOn(each, hostname) && accessOf(each) !== accessOf(route));
  if (others.length === 0) return;
  const tokens = readTokens(path);
  if (hasOddToken(tokens)) throw new GatewayError('ambiguous_path');
  const folder = `${symbolsOf(tokens).toLowerCase().replace(/\/$/, '')}/`;
  const below = others.find((each) => symbolsOf(readTokens(each.path)).toLowerCase().startsWith(folder));
  if (below) throw refused(text('detail.destination_above_other_rule'));
}

const isOn = ({ host }: Route, hostname: string): boolean =>
  host === undefined || host === hostname || (host.startsWith('*') && hostname.endsWith(host.slice(1)));

const refused = (detail: Text) => new GatewayError('destination_refused', { detail });
