import type { Template } from '../config/template.ts';
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
  /** Names, in lower case, of the upstream's headers that the route replaces or removes. */
  replaced: ReadonlySet<string>;
  /** Adds the route's own headers. */
  add(headers: RawHeaders, context: TemplateContext): void;
}

export interface ResponseContext {
  /** The origin that the browser sees. */
  publicOrigin: string;
  /** The answer is for one person: shared caches must not keep it. */
  personal: boolean;
  /** Set-Cookie values of the gateway. */
  setCookies: readonly string[];
  /** The values that the route's own headers may name. */
  template: TemplateContext;
}

export interface ResponseHeaders {
  headers: RawHeaders;
  /** The answer has a length and so no trailers. */
  hasContentLength: boolean;
  /** Server-sent events: an answer that stays open. */
  isEventStream: boolean;
}

/** Compiles the headers that a route sets on its answers, or removes (null). */
export function compileResponseHeaders(
  templates: Readonly<Record<string, Template | null>>,
): Pick<ResponseHeaderPolicy, 'replaced' | 'add'> {
  return {
    replaced: new Set(Object.keys(templates).map((name) => name.toLowerCase())),
    add: compileInjection(new Map(Object.entries(templates)), undefined),
  };
}

/**
 * The headers of the answer as the browser gets them: the upstream's, byte for byte and in order, less what
 * belongs to one connection.
 * @param raw name, value, name, value, as the upstream sent them
 */
export function responseHeaders(
  raw: readonly (string | Buffer)[],
  policy: ResponseHeaderPolicy,
  context: ResponseContext,
): ResponseHeaders {
  const headers: RawHeaders = [];
  const seen = new Set<string>();
  const setsCookies = context.setCookies.length > 0;
  let connection: string | undefined;
  let trailers: string | undefined;
  let isEventStream = false;
  for (let at = 0; at < raw.length; at += 2) {
    const name = latin1(raw[at]);
    const value = latin1(raw[at + 1]);
    const lower = name.toLowerCase();
    seen.add(lower);
    if (lower === 'content-type') isEventStream = value.toLowerCase().startsWith('text/event-stream');
    if (lower === 'connection') connection = connection === undefined ? value : `${connection},${value}`;
    else if (lower === 'trailer') trailers = value;
    else if (lower === 'cache-control' && setsCookies && !policy.replaced.has(lower))
      headers.push(name, notShared(value));
    else if (!isDropped(lower, value, policy)) headers.push(name, addressed(lower, value, policy, context));
  }
  const hasContentLength = seen.has('content-length');
  const named = connectionOptions(connection);
  const kept = named ? withoutNames(headers, named) : headers;
  policy.add(kept, context.template);
  for (const line of context.setCookies) kept.push('set-cookie', line);
  if (context.personal && !seen.has('cache-control') && !policy.replaced.has('cache-control'))
    kept.push('cache-control', 'private');
  // Trailers need chunked framing; with a length, announcing them would break the answer.
  if (trailers !== undefined && !hasContentLength) kept.push('trailer', trailers);
  return { headers: kept, hasContentLength, isEventStream };
}

/** An answer that brings somebody's session must not be given to others by a cache on the way. */
function notShared(cacheControl: string): string {
  if (/\b(no-store|private)\b/i.test(cacheControl)) return cacheControl;
  const kept = cacheControl
    .split(',')
    .filter((directive) => !/^\s*(public|s-maxage\b.*)\s*$/i.test(directive));
  return ['private', ...kept.map((directive) => directive.trim())].filter((text) => text !== '').join(', ');
}

/** What belongs to one connection, and what would pass for the gateway's own word. */
function isDropped(lower: string, value: string, { ownsCookie, replaced }: ResponseHeaderPolicy): boolean {
  if (hopByHopHeaders.has(lower) || lower === 'x-sallyport-error' || replaced.has(lower)) return true;
  return lower === 'set-cookie' && ownsCookie(cookieName(value));
}

/** An application that builds redirects from its own address means the address that the browser sees. */
function addressed(
  lower: string,
  value: string,
  { upstreamOrigins, toPublicPath }: ResponseHeaderPolicy,
  { publicOrigin }: ResponseContext,
): string {
  if (lower !== 'location' && lower !== 'content-location') return value;
  if (value.startsWith('/') && !value.startsWith('//')) return toPublicPath(value) ?? value;
  const origin = upstreamOrigins.find((each) => value.toLowerCase().startsWith(each));
  if (origin === undefined) return value;
  const rest = value.slice(origin.length);
  if (rest !== '' && !/^[/?#]/.test(rest)) return value;
  return publicOrigin + (rest.startsWith('/') ? (toPublicPath(rest) ?? rest) : rest);
}

const latin1 = (bytes: string | Buffer | undefined): string =>
  bytes === undefined ? '' : typeof bytes === 'string' ? bytes : bytes.toString('latin1');

function cookieName(setCookie: string): string {
  return /^[^=;]*/.exec(setCookie)?.[0].trim() ?? '';
}

function withoutNames(headers: RawHeaders, names: ReadonlySet<string>): RawHeaders {
  const kept: RawHeaders = [];
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at] as string;
    if (!names.has(name.toLowerCase()) || name.toLowerCase() === 'content-length') {
      kept.push(name, headers[at + 1] as string);
    }
  }
  return kept;
}
