import { connectionOptions, hopByHopHeaders } from './hop-by-hop.ts';
import type { RawHeaders } from './request-headers.ts';

export interface ResponseHeaderPolicy {
  /** Tells the gateway's own cookies, which an upstream must not set. */
  ownsCookie(name: string): boolean;
  /** The upstream's origin, so that redirects to it come back through the gateway. */
  upstreamOrigin: string;
}

export interface ResponseContext {
  /** The origin that the browser sees. */
  publicOrigin: string;
  /** The answer is for one person: shared caches must not keep it. */
  personal: boolean;
}

export interface ResponseHeaders {
  headers: RawHeaders;
  /** The answer has a length and so no trailers. */
  hasContentLength: boolean;
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
  let hasCacheControl = false;
  let hasContentLength = false;
  let connection: string | undefined;
  let trailers: string | undefined;
  for (let at = 0; at < raw.length; at += 2) {
    const name = latin1(raw[at]);
    const value = latin1(raw[at + 1]);
    const lower = name.toLowerCase();
    if (lower === 'connection') connection = connection === undefined ? value : `${connection},${value}`;
    if (lower === 'trailer') trailers = value;
    if (hopByHopHeaders.has(lower)) continue;
    if (lower === 'content-length') hasContentLength = true;
    else if (lower === 'cache-control') hasCacheControl = true;
    else if (lower === 'set-cookie' && policy.ownsCookie(cookieName(value))) continue;
    else if (lower === 'x-sallyport-error') continue;
    if (lower === 'location' || lower === 'content-location') headers.push(name, outside(value, policy, context));
    else headers.push(name, value);
  }
  const named = connectionOptions(connection);
  const kept = named ? withoutNames(headers, named) : headers;
  if (!hasCacheControl && context.personal) kept.push('cache-control', 'private');
  // Trailers need chunked framing; with a length, announcing them would break the answer.
  if (trailers !== undefined && !hasContentLength) kept.push('trailer', trailers);
  return { headers: kept, hasContentLength };
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

/** An application that builds redirects from its own address means the address that the browser sees. */
function outside(location: string, { upstreamOrigin }: ResponseHeaderPolicy, { publicOrigin }: ResponseContext) {
  if (!location.toLowerCase().startsWith(upstreamOrigin)) return location;
  const rest = location.slice(upstreamOrigin.length);
  return rest === '' || /^[/?#]/.test(rest) ? publicOrigin + rest : location;
}
