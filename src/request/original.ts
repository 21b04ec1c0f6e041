import { GatewayError } from '../errors.ts';
import type { Inbound } from '../listen/inbound.ts';
import { proxiedMethods } from '../listen/methods.ts';
import { text } from '../pages/texts/text.ts';
import type { Reader } from '../plan/plan.ts';
import { askedBelow, askedEndpoint } from '../routes/resolve.ts';
import { makeTarget } from '../routes/target.ts';
import { arrived, type Exchange, resolveRequest } from './exchange.ts';

/**
 * The question of a proxy that forwards by itself and only asks whether it may. Traefik, Caddy, HAProxy and nginx name
 * the original request in headers. Envoy, and what is built on it, sends the request itself without its body, its path
 * behind the one of the endpoint.
 */

/**
 * Puts the request that the proxy asks about in place of the proxy's own, as it says it is: it is what is
 * decided, logged and named on pages. Throws GatewayError 403 for a peer that is not trusted, and 400 where
 * the request is not named, or named in two ways: one of them may be the client's.
 */
export function takeOriginal(reader: Reader, exchange: Exchange): void {
  requireExactTarget(reader, exchange);
  const { request, peer } = exchange;
  if (!peer.trusted) {
    throw new GatewayError('untrusted_peer', {
      detail: text('detail.peer_not_listed', { address: peer.address }),
    });
  }
  const { target: asked } = arrived(exchange);
  const below = askedBelow(reader.prefix, asked);
  const header = (name: string) => {
    const value = request.headers[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const whole = splitUrl(header('x-original-url'));
  const forwarded = splitUrl(header('x-forwarded-uri'));
  const uri = theOnly('address', below, whole?.uri, forwarded?.uri);
  if (uri === undefined) {
    throw new GatewayError('malformed_request', {
      detail: text('detail.original_not_named'),
    });
  }
  const host = theOnly(
    'host',
    below && request.headers.host,
    whole?.host,
    forwarded?.host,
    // Some proxies append what they see to what the client sent.
    ...(header('x-forwarded-host')?.split(',') ?? []),
  );
  const method = theOnly(
    'method',
    below && request.method,
    header('x-forwarded-method')?.toUpperCase(),
    header('x-original-method')?.toUpperCase(),
  );
  // The handshake of a WebSocket is a GET, whatever it is called on the way (RFC 8441 §4).
  const isTunnel = method === 'CONNECT' && asksForWebSocket(request);
  if (method !== undefined && !isTunnel && !methods.has(method)) throw new GatewayError('method_not_allowed');
  const target = makeTarget(uri, host ?? asked.host);
  exchange.method = isTunnel ? 'GET' : (method ?? 'GET');
  exchange.destination = resolveRequest(reader, target, exchange.method, request.headers);
}

const methods: ReadonlySet<string> = new Set(proxiedMethods);

/**
 * Only the endpoints' own bytes ask. A spelling that some reader takes for them is one that the proxy's own rules,
 * which keep browsers from asking, may not have seen. Throws GatewayError 400.
 */
function requireExactTarget({ prefix }: Reader, { rawTarget }: Exchange): void {
  const path = rawTarget.replace(/\?.*$/s, '');
  if (askedEndpoint(prefix, path) === undefined) throw new GatewayError('malformed_target');
}

/**
 * Whether a question is about a WebSocket handshake, in whatever form it comes: Upgrade may belong to the proxy's own
 * connection, and one by extended CONNECT (RFC 8441 §5) has no Sec-WebSocket-Key.
 */
export function asksForWebSocket({ headers }: Pick<Inbound, 'headers'>): boolean {
  const names = ['x-forwarded-method', 'x-original-method'];
  return (
    headers.upgrade !== undefined ||
    Object.keys(headers).some((name) => name.startsWith('sec-websocket-')) ||
    names.some((name) => String(headers[name]).toUpperCase() === 'CONNECT')
  );
}

/** Of what is named more than once, one and the same: proxies pass on what they do not set themselves. */
function theOnly(
  what: 'address' | 'host' | 'method',
  ...named: readonly (string | undefined)[]
): string | undefined {
  // Of hosts alone the case is nothing (RFC 9110 §4.2.3).
  const plain = (value: string) => (what === 'host' ? value.trim().toLowerCase() : value);
  const [first, ...others] = named.flatMap((value) => (value === undefined ? [] : [plain(value)]));
  if (others.some((value) => value !== first)) {
    throw new GatewayError('malformed_request', { detail: text(`detail.original_${what}_differs`) });
  }
  return first;
}

/** A path with its query, or a whole URL. */
function splitUrl(url: string | undefined): { uri: string; host: string | undefined } | undefined {
  if (url === undefined) return undefined;
  const absolute = /^https?:\/\/([^/?#]+)(.*)$/is.exec(url);
  if (!absolute) return { uri: url, host: undefined };
  const rest = absolute[2] ?? '';
  return { uri: rest.startsWith('/') ? rest : `/${rest}`, host: absolute[1] };
}
