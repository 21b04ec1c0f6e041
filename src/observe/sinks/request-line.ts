import {
  bytesInOf,
  bytesOutOf,
  clientOf,
  decisionOf,
  gatewayMsOf,
  hostOf,
  routeOf,
  targetOf,
  upstreamMsOf,
  userAgentOf,
  userOf,
} from '../facts.ts';
import type { ObservedExchange } from '../observed-exchange.ts';
import { cutText, isPlain, quoted } from './quoted.ts';

/** What a client says of itself is cut at this, in characters: it may send 16 KiB of it with each request. */
const longestHost = 256;
export const longestAgent = 512;

/**
 * The fields of the line that each request has, as JSON put together by hand, which costs a fraction of a serialiser.
 * All texts are looked at together: nearly always nothing has to be escaped. The query stays out.
 */
export function requestFields(exchange: ObservedExchange, status: number, durationMs: number): string {
  const { requestId, subject, destination } = exchange;
  const method = exchange.method || undefined;
  const host = cut(hostOf(exchange), longestHost);
  const path = 'error' in destination ? undefined : destination.target.path;
  const route = routeOf(exchange);
  const target = targetOf(exchange);
  const user = userOf(exchange);
  const client = clientOf(exchange);
  const peer = exchange.peer.address;
  const agent = cut(userAgentOf(exchange), longestAgent);
  const texts = `${requestId}${method}${host}${path}${route}${target}${subject}${user}${client}${peer}${agent}`;
  const field = isPlain(texts) ? plainField : quotedField;
  return (
    `${field('requestId', requestId).slice(1)}${plainField('traceId', exchange.trace?.id)}${field('method', method)}${field('host', host)}${field('path', path)}` +
    `,"status":${status},"durationMs":${tenths(durationMs)}` +
    `,"gatewayMs":${tenths(gatewayMsOf(exchange, durationMs))}` +
    timeField('upstreamMs', upstreamMsOf(exchange, durationMs)) +
    `,"bytesIn":${bytesInOf(exchange)},"bytesOut":${bytesOutOf(exchange)}` +
    `${field('route', route)}${field('target', target)}${field('decision', decisionOf(exchange))}` +
    `${field('subject', subject)}${field('user', user)}${field('client', client)}${field('peer', peer)}` +
    field('userAgent', agent)
  );
}

/** Of a WebSocket, whose handshake has a line of its own. */
export function closedFields(exchange: ObservedExchange, durationMs: number): string {
  return (
    `"requestId":${quoted(exchange.requestId)}${plainField('traceId', exchange.trace?.id)},"durationMs":${tenths(durationMs)}` +
    `,"bytesIn":${bytesInOf(exchange)},"bytesOut":${bytesOutOf(exchange)}` +
    quotedField('route', routeOf(exchange)) +
    quotedField('target', targetOf(exchange)) +
    quotedField('subject', exchange.subject) +
    quotedField('client', clientOf(exchange)) +
    quotedField('peer', exchange.peer.address)
  );
}

/** Absent like its value. */
function plainField(name: string, value: string | undefined): string {
  return value === undefined ? '' : `,"${name}":"${value}"`;
}

function quotedField(name: string, value: string | undefined): string {
  return value === undefined ? '' : `,"${name}":${quoted(value)}`;
}

const cut = (value: string | undefined, longest: number): string | undefined =>
  value === undefined ? undefined : cutText(value, longest);

function timeField(name: string, ms: number | undefined): string {
  return ms === undefined ? '' : `,"${name}":${tenths(ms)}`;
}

/** By whole numbers: writing out a fraction costs as much as the rest of a field. */
function tenths(ms: number): string {
  const all = Math.max(0, Math.round(ms * 10));
  const tenth = all % 10;
  const whole = (all - tenth) / 10;
  return tenth === 0 ? `${whole}` : `${whole}.${tenth}`;
}
