import type { Template } from '../config/template.ts';
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
import type { TemplateContext } from './template.ts';

export interface ResponseHeaderPolicy {
  /** Tells the gateway's own cookies, which an upstream must not set. */
  ownsCookie(name: string): boolean;
  /** The upstream's origins, so that redirects to them come back through the gateway. */
  upstreamOrigins: readonly string[];
  /** A path of the upstream as browsers have to ask for it; undefined where there is no such path. */
  toPublicPath(path: string): string | undefined;
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
  | 'type'
  | 'caching'
  | 'cookie'
  | 'location';

/** What belongs to one connection goes, and what would pass for the gateway's own word. */
function treatmentOf(lower: string): Treatment {
  switch (lower) {
    case 'connection':
    case 'trailer':
      return lower;
    case 'content-length':
      return 'length';
    case 'content-type':
      return 'type';
    case 'set-cookie':
      return 'cookie';
    case 'location':
    case 'content-location':
      return 'location';
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
        case 'type':
          isEventStream = value.toLowerCase().startsWith('text/event-stream');
          break;
        case 'caching':
          saysCaching = true;
          break;
        case 'cookie':
          if (policy.ownsCookie(cookieName(value))) continue;
          break;
        case 'location':
          value = addressed(value, policy, publicOrigin);
          break;
      }
      if (!isReplaced) headers.push(name, value);
    }
    headers = withoutNames(headers, connectionOptions(connection));
    add(headers, context);
    headers = withCookiesAndCaching(headers, saysCaching, policy.audienceOf(context), answer);
    // Trailers need chunked framing; with a length, announcing them would break the answer.
    if (trailers !== undefined && contentLength === undefined) headers.push('trailer', trailers);
    return { headers, contentLength, isEventStream };
  };
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

/** An application that builds redirects from its own address means the address that the browser sees. */
function addressed(
  value: string,
  { upstreamOrigins, toPublicPath }: ResponseHeaderPolicy,
  publicOrigin: string,
): string {
  if (value.startsWith('/') && !value.startsWith('//')) return toPublicPath(value) ?? value;
  const origin = upstreamOrigins.find((each) => value.toLowerCase().startsWith(each));
  if (origin === undefined) return value;
  const rest = value.slice(origin.length);
  if (rest !== '' && !/^[/?#]/.test(rest)) return value;
  return publicOrigin + (rest.startsWith('/') ? (toPublicPath(rest) ?? rest) : rest);
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
