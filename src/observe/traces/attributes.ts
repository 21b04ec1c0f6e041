import { clientOf, decisionOf, hostOf, reasonOf, requestKindOf, routeOf, userAgentOf } from '../facts.ts';
import { clientLeftStatus, type ObservedExchange } from '../observed-exchange.ts';
import { longestAgent } from '../sinks/request-line.ts';
import type { AttributesOf } from './definitions.ts';

/** What is told of a request, of an upstream and of a provider. The query stays out, as do bodies and other headers. */

/** Those of RFC 9110 and PATCH (RFC 5789): any other is a text of the client. */
const methods: ReadonlySet<string> = new Set([
  ...['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT'],
]);

/** The method as `http.request.method` has it: one of those that are known, or `_OTHER`. */
export const methodOf = (method: string): string => (methods.has(method) ? method : '_OTHER');

/** The route of a request, or the gateway's own endpoint: there are few of both. */
export const routeNameOf = (exchange: ObservedExchange): string | undefined =>
  routeOf(exchange) ?? exchange.endpoint;

/** @param code of the error that it was answered with, if that is known */
export function requestAttributes(
  exchange: ObservedExchange,
  status: number,
  code: string | undefined,
): AttributesOf<'request'> {
  const { destination, request, peer } = exchange;
  const target = 'error' in destination ? undefined : destination.target;
  const scheme = 'error' in destination ? undefined : destination.origin?.replace(/:.*$/s, '');
  const hasAnswer = status !== clientLeftStatus;
  return {
    'http.request.method': methodOf(exchange.method),
    'http.route': routeNameOf(exchange),
    'http.response.status_code': hasAnswer ? status : undefined,
    'url.scheme': scheme,
    'url.path': target?.path,
    ...placeOf(hostOf(exchange)?.slice(0, 256)),
    'client.address': clientOf(exchange),
    'network.peer.address': peer.address,
    'network.protocol.version': request.httpVersion,
    'user_agent.original': userAgentOf(exchange)?.slice(0, longestAgent),
    'error.type': hasAnswer ? errorOf(status, code) : 'client_left',
    'sallyport.request_id': exchange.requestId,
    'sallyport.kind': requestKindOf(exchange),
    'sallyport.decision': decisionOf(exchange),
    'sallyport.reason': reasonOf(exchange),
  };
}

/** Of a server only its own failures are errors: what a client does wrong is none. */
const errorOf = (status: number, code: string | undefined): string | undefined =>
  status < 500 ? undefined : (code ?? String(status));

/** The attributes of an address that was called. */
export interface AddressAttributes {
  'url.full': string;
  'server.address'?: string | undefined;
  'server.port'?: number | undefined;
}

/** Of an address with or without a query, which stays out, as do user names. */
export function addressAttributes(address: string): AddressAttributes {
  if (!URL.canParse(address)) return { 'url.full': 'unknown' };
  const { protocol, host, pathname } = new URL(address);
  return { 'url.full': `${protocol}//${host}${pathname}`, ...placeOf(host) };
}

/** Of a host with or without its port. */
function placeOf(host: string | undefined): { 'server.address'?: string; 'server.port'?: number } {
  const [, name, port] = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(host ?? '') ?? [];
  return {
    ...(name && { 'server.address': name.replace(/^\[|\]$/g, '') }),
    ...(port && { 'server.port': Number(port) }),
  };
}
