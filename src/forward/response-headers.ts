import type { IncomingMessage } from 'node:http';
import type { Template } from '../config/template.ts';
import { GatewayError } from '../errors.ts';
import { type AddressPolicy, compileAddresses } from './addresses.ts';
import {
  type Audience,
  isCachingHeader,
  keepNowhere,
  keepPrivate,
  keepSessionPrivate,
  mayBeShared,
} from './caching.ts';
import { connectionOptions, hopByHopHeaders } from './hop-by-hop.ts';
import { compileInjection, type RawHeaders } from './request-headers.ts';
import type { TemplateContext } from './template-values.ts';

export interface ResponseHeaderPolicy extends AddressPolicy {
  /** Tells the gateway's own cookies, which an upstream must not set. */
  ownsCookie(name: string): boolean;
  /** Whose an answer is. */
  audienceOf(context: TemplateContext): Audience;
}

export interface ResponseContext {
  /** The origin that the browser sees. */
  publicOrigin: string;
  /** Set-Cookie values of the gateway. */
  setCookies: readonly string[];
  /** They can go with a later answer as well. */
  cookiesCanWait: boolean;
  /** The values that the route's own headers may name. */
  context: TemplateContext;
  /** What the answer goes to. */
  request: Pick<IncomingMessage, 'httpVersion'>;
}

export interface ResponseHeaders {
  headers: RawHeaders;
  /** The bytes of the body; an answer with a length has no trailers. Undefined without one. */
  contentLength: number | undefined;
  /** Server-sent events: an answer that stays open. */
  isEventStream: boolean;
}

/**
 * Makes the headers of the answer as the browser gets them: the upstream's, byte for byte and in order, less
 * what belongs to one connection.
 * @param raw name, value, name, value, as the upstream sent them
 */
export type ResponseHeaderWriter = (
  raw: readonly (string | Buffer)[],
  context: ResponseContext,
) => ResponseHeaders;

type Treatment =
  | 'pass'
  | 'drop'
  | 'connection'
  | 'trailer'
  | 'length'
  | 'coding'
  | 'type'
  | 'caching'
  | 'cookie'
  | 'address';

/** What belongs to one connection goes, and what would pass for the gateway's own word. */
function treatmentOf(lower: string): Treatment {
  switch (lower) {
    case 'connection':
    case 'trailer':
      return lower;
    case 'content-length':
      return 'length';
    case 'transfer-encoding':
      return 'coding';
    case 'content-type':
      return 'type';
    case 'set-cookie':
      return 'cookie';
    case 'location':
    case 'content-location':
    case 'refresh':
    case 'link':
      return 'address';
    default:
      if (hopByHopHeaders.has(lower) || lower === 'x-sallyport-error') return 'drop';
      return isCachingHeader(lower) ? 'caching' : 'pass';
  }
}

/** Applications invent names; remembering a bounded number of them keeps the common ones at one look-up each. */
const mostRememberedNames = 1000;

/**
 * Compiles, for one route, the function that makes the headers of its answers in one pass.
 * @param templates the headers that the route sets on its answers, or removes (null)
 */
export function compileResponseHeaders(
  templates: Readonly<Record<string, Template | null>>,
  policy: ResponseHeaderPolicy,
): ResponseHeaderWriter {
  const replaced = new Set(Object.keys(templates).map((name) => name.toLowerCase()));
  const add = compileInjection(new Map(Object.entries(templates)), undefined);
  const setsCaching = [...replaced].some(isCachingHeader);
  const readdress = compileAddresses(policy);
  const remembered = new Map<string, { treatment: Treatment; isReplaced: boolean }>();
  const treat = (name: string) => {
    let known = remembered.get(name);
    if (!known) {
      const lower = name.toLowerCase();
      known = { treatment: treatmentOf(lower), isReplaced: replaced.has(lower) };
      if (remembered.size < mostRememberedNames) remembered.set(name, known);
    }
    return known;
  };

  return (raw, answer) => {
    const { publicOrigin, context } = answer;
    let headers: RawHeaders = [];
    let connection = '';
    let trailers: string | undefined;
    let contentLength: number | undefined;
    let coding = '';
    let isEventStream = false;
    let saysCaching = setsCaching;
    for (let at = 0; at < raw.length; at += 2) {
      const name = latin1(raw[at]);
      let value = latin1(raw[at + 1]);
      const { treatment, isReplaced } = treat(name);
      switch (treatment) {
        case 'pass':
          break;
        case 'drop':
          continue;
        case 'connection':
          connection += `,${value}`;
          continue;
        case 'trailer':
          trailers = value;
          continue;
        case 'length':
          contentLength = Number(value);
          break;
        case 'coding':
          if (value !== 'chunked') coding += `,${value}`;
          continue;
        case 'type':
          isEventStream = value.toLowerCase().startsWith('text/event-stream');
          break;
        case 'caching':
          saysCaching = true;
          break;
        case 'cookie':
          if (policy.ownsCookie(cookieName(value))) continue;
          break;
        case 'address':
          value = readdress(name.toLowerCase(), value, publicOrigin);
          break;
      }
      if (!isReplaced) headers.push(name, value);
    }
    headers = withoutNames(headers, connectionOptions(connection));
    add(headers, context);
    headers = withCookiesAndCaching(headers, saysCaching, policy.audienceOf(context), answer);
    // Trailers need chunked framing; with a length, announcing them would break the answer.
    if (trailers !== undefined && contentLength === undefined) headers.push('trailer', trailers);
    if (coding !== '') pushCodings(headers, coding, answer);
    return { headers, contentLength, isEventStream };
  };
}

/** Codings of the bytes themselves (RFC 9112 §7.2): without the label nobody can read what they made. */
const compressions: ReadonlySet<string> = new Set([
  'gzip',
  'x-gzip',
  'deflate',
  'compress',
  'x-compress',
  'br',
  'zstd',
]);

/** Throws GatewayError 502 where the client's version of HTTP has no place for the label. */
function pushCodings(headers: RawHeaders, value: string, { request }: ResponseContext): void {
  const codings = value
    .toLowerCase()
    .split(',')
    .map((coding) => coding.trim())
    .filter((coding) => compressions.has(coding));
  if (codings.length === 0) return;
  if (request.httpVersion !== '1.1') throw new GatewayError('upstream_invalid');
  headers.push('transfer-encoding', [...codings, 'chunked'].join(', '));
}

/**
 * Adds the gateway's cookies, and says who may keep the answer: the last word, after the application's and the
 * route's own. No cache on the way gives somebody's session or page to the next.
 * @param saysCaching some header may speak of it already
 */
function withCookiesAndCaching(
  headers: RawHeaders,
  saysCaching: boolean,
  audience: Audience,
  { setCookies, cookiesCanWait }: ResponseContext,
): RawHeaders {
  const isLeftOut = cookiesCanWait && audience === 'everybody' && mayBeShared(headers);
  let kept = headers;
  if (setCookies.length > 0 && !isLeftOut) {
    for (const line of setCookies) kept.push('set-cookie', line);
    kept = keepSessionPrivate(kept);
  } else if (audience === 'person') {
    if (saysCaching) kept = keepPrivate(kept);
    else kept.push('cache-control', 'private');
  }
  return audience === 'once' ? keepNowhere(kept) : kept;
}

/** A name or a value as undici gives it, as text with one character for each byte. */
export const latin1 = (bytes: string | Buffer | undefined): string =>
  bytes === undefined ? '' : typeof bytes === 'string' ? bytes : bytes.toString('latin1');

/** The name that comes back: of a cookie without one, browsers send the value alone, which may look like a pair. */
function cookieName(setCookie: string): string {
  return /^[\s=]*([^=;]*)/.exec(setCookie)?.[1]?.trim() ?? '';
}

function withoutNames(headers: RawHeaders, names: ReadonlySet<string> | undefined): RawHeaders {
  if (!names) return headers;
  const kept: RawHeaders = [];
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at] as string;
    if (!names.has(name.toLowerCase()) || name.toLowerCase() === 'content-length') {
      kept.push(name, headers[at + 1] as string);
    }
  }
  return kept;
}
