import { escapeControls } from '../control-characters.ts';
import { clientLeft, type ObservedExchange, type ToldOf } from '../events.ts';
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

type Finished = Omit<ToldOf<'request-finished'>, 'kind'>;

/** What a client says of itself is cut at this, in characters: it may send 16 KiB of it with each request. */
const longestHost = 256;
const longestAgent = 512;

/**
 * The fields of the line that each request has, as JSON put together by hand, which costs a fraction of a serialiser.
 * The query stays out.
 */
export function requestFields({ exchange, status, durationMs }: Finished): string {
  const { requestId, method, subject, destination } = exchange;
  const path = 'error' in destination ? undefined : destination.target.path;
  return (
    `"requestId":${quoted(requestId)}${field('method', method || undefined)}` +
    cutField('host', hostOf(exchange), longestHost) +
    field('path', path) +
    `,"status":${status},"durationMs":${tenths(durationMs)},"gatewayMs":${tenths(gatewayMsOf(exchange, durationMs))}` +
    time('upstreamMs', upstreamMsOf(exchange, durationMs)) +
    `,"bytesIn":${bytesInOf(exchange)},"bytesOut":${bytesOutOf(exchange)}` +
    field('route', routeOf(exchange)) +
    field('target', targetOf(exchange)) +
    field('decision', decisionOf(exchange)) +
    field('subject', subject) +
    field('user', userOf(exchange)) +
    addresses(exchange) +
    cutField('userAgent', userAgentOf(exchange), longestAgent)
  );
}

/** The same of a handshake whose client left before the answer. */
export function leftFields(event: Omit<ToldOf<'request-left'>, 'kind'>): string {
  return requestFields({ ...event, status: clientLeft });
}

/** Of a WebSocket, whose handshake has a line of its own. */
export function closedFields({ exchange, durationMs }: Omit<ToldOf<'websocket-closed'>, 'kind'>): string {
  return (
    `"requestId":${quoted(exchange.requestId)},"durationMs":${tenths(durationMs)}` +
    `,"bytesIn":${bytesInOf(exchange)},"bytesOut":${bytesOutOf(exchange)}` +
    field('route', routeOf(exchange)) +
    field('target', targetOf(exchange)) +
    field('subject', exchange.subject) +
    addresses(exchange)
  );
}

function addresses(exchange: ObservedExchange): string {
  return field('client', clientOf(exchange)) + field('peer', exchange.peer.address);
}

/** Absent like its value. */
function field(name: string, value: string | undefined): string {
  return value === undefined ? '' : `,"${name}":${quoted(value)}`;
}

function cutField(name: string, value: string | undefined, longest: number): string {
  return field(name, value !== undefined && value.length > longest ? cutText(value, longest) : value);
}

/** Not within a character of two code units. */
export function cutText(value: string, longest: number): string {
  return value.length <= longest ? value : `${value.slice(0, longest - 1).toWellFormed()}…`;
}

const tenths = (ms: number) => Math.round(ms * 10) / 10;

function time(name: string, ms: number | undefined): string {
  return ms === undefined ? '' : `,"${name}":${tenths(ms)}`;
}

/** Nearly every value is plain, which is cheaper to see than to escape. */
function quoted(value: string): string {
  return /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/.test(value) ? `"${value}"` : escapeControls(JSON.stringify(value));
}
