import type { Template } from '../config/template.ts';
import { GatewayError } from '../errors.ts';
import type { Inbound } from '../listen/inbound.ts';
import { type AddressPolicy, compileAddresses } from './addresses.ts';
import { type Audience, type CacheWords, isCachingHeader } from './caching.ts';
import { connectionOptions } from './hop-by-hop.ts';
import { compileInjection, type RawHeaders } from './request-headers.ts';
import { compileTreatments, type Treatment } from './response-treatments.ts';
import type { TemplateContext } from './template-values.ts';

export interface ResponseHeaderPolicy extends AddressPolicy {
  /** Tells the gateway's own cookies, which an upstream must not set. */
  ownsCookie(name: string): boolean;
  /** Whose an answer is. */
  audienceOf(context: TemplateContext): Audience;
  /** Says to caches whose it is. */
  cacheWords: CacheWords;
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
  request: Pick<Inbound, 'httpVersion'>;
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

/** What one pass over the headers of an answer finds. */
interface Found {
  headers: RawHeaders;
  /** The values of Connection, and the codings beside `chunked`, each with a comma before it. */
  connection: string;
  coding: string;
  trailers: string | undefined;
  contentLength: number | undefined;
  isEventStream: boolean;
  saysCaching: boolean;
}

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
  const treat = compileTreatments(replaced);

  /** Notes what a header says, and gives its value as it goes on; undefined where it does not. */
  const treated = (
    found: Found,
    treatment: Exclude<Treatment, 'pass'>,
    name: string,
    value: string,
    publicOrigin: string,
  ) => {
    switch (treatment) {
      case 'drop':
        return undefined;
      case 'connection':
        found.connection += `,${value}`;
        return undefined;
      case 'trailer':
        found.trailers = value;
        return undefined;
      case 'length':
        found.contentLength = Number(value);
        return value;
      case 'coding':
        if (value !== 'chunked') found.coding += `,${value}`;
        return undefined;
      case 'type':
        found.isEventStream = value.toLowerCase().startsWith('text/event-stream');
        return value;
      case 'caching':
        found.saysCaching = true;
        return value;
      case 'cookie':
        return policy.ownsCookie(cookieName(value)) ? undefined : value;
      case 'address':
        return readdress(name.toLowerCase(), value, publicOrigin);
    }
  };

  return (raw, answer) => {
    const found = nothingFound(setsCaching);
    for (let at = 0; at < raw.length; at += 2) {
      const name = latin1(raw[at]);
      const { treatment, isReplaced } = treat(name);
      const text = latin1(raw[at + 1]);
      const value = treatment === 'pass' ? text : treated(found, treatment, name, text, answer.publicOrigin);
      if (value !== undefined && !isReplaced) found.headers.push(name, value);
    }
    return finish(found, add, policy, answer);
  };
}

function nothingFound(saysCaching: boolean): Found {
  return {
    headers: [],
    connection: '',
    coding: '',
    trailers: undefined,
    contentLength: undefined,
    isEventStream: false,
    saysCaching,
  };
}

/** What the route and the gateway add to the headers that went on, and what the connection takes off. */
function finish(
  found: Found,
  add: (headers: RawHeaders, context: TemplateContext) => void,
  policy: ResponseHeaderPolicy,
  answer: ResponseContext,
): ResponseHeaders {
  const { connection, coding, trailers, contentLength, isEventStream, saysCaching } = found;
  let headers = withoutNames(found.headers, connectionOptions(connection));
  add(headers, answer.context);
  headers = withCookiesAndCaching(headers, saysCaching, policy, answer);
  // Trailers need chunked framing; with a length, announcing them would break the answer.
  if (trailers !== undefined && contentLength === undefined) headers.push('trailer', trailers);
  if (coding !== '') pushCodings(headers, coding, answer);
  return { headers, contentLength, isEventStream };
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
  { audienceOf, cacheWords }: ResponseHeaderPolicy,
  { setCookies, cookiesCanWait, context }: ResponseContext,
): RawHeaders {
  const audience = audienceOf(context);
  const isLeftOut = cookiesCanWait && audience === 'everybody' && cacheWords.mayBeShared(headers);
  let kept = headers;
  if (setCookies.length > 0 && !isLeftOut) {
    for (const line of setCookies) kept.push('set-cookie', line);
    kept = cacheWords.keepSessionPrivate(kept);
  } else if (audience === 'person') {
    if (saysCaching) kept = cacheWords.keepPrivate(kept);
    else kept.push('cache-control', 'private');
  }
  return audience === 'once' ? cacheWords.keepNowhere(kept) : kept;
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
