import type { HeaderFields } from '../listen/inbound.ts';

/**
 * Whether the sender would show an HTML page to a person. Fetch Metadata says so where the browser sends it. Else
 * `X-Requested-With` tells a script, unless it names an application of Android, whose web views send it with
 * everything.
 */
export function wantsPage(headers: HeaderFields): boolean {
  const mode = headers['sec-fetch-mode'];
  const isOfScript = mode === undefined ? isSetByScript(headers['x-requested-with']) : mode !== 'navigate';
  return !isOfScript && (headers.accept?.includes('text/html') ?? false);
}

/** A package name has a dot (Java Language Specification §6.1); what scripts send, such as XMLHttpRequest, has none. */
function isSetByScript(requestedWith: string | string[] | undefined): boolean {
  return requestedWith !== undefined && !/^[A-Za-z]\w*(\.[A-Za-z]\w*)+$/.test(String(requestedWith));
}

/** Whether a request is a CORS preflight (Fetch standard, CORS-preflight request). */
export function isPreflight(method: string, headers: HeaderFields): boolean {
  return (
    method === 'OPTIONS' &&
    headers.origin !== undefined &&
    headers['access-control-request-method'] !== undefined
  );
}

const safeMethods = ['GET', 'HEAD', 'OPTIONS'];

/**
 * Whether another site could have made a browser send this with its cookies: it may change something
 * (RFC 9110 §9.2.1), and lacks the header that scripts of other sites may not set without being asked.
 */
export function isForgeable(method: string, headers: HeaderFields): boolean {
  return !safeMethods.includes(method) && !headers['x-requested-with'];
}

/**
 * Whether a request that may change something names an origin (RFC 6454 §7) that is none of the trusted ones. An
 * Android web view adds `X-Requested-With` to the forms of every site, so that header alone proves nothing.
 */
export function isFromElsewhere(
  method: string,
  { origin }: HeaderFields,
  isTrusted: (origin: string) => boolean,
): boolean {
  return !safeMethods.includes(method) && origin !== undefined && !isTrusted(origin);
}

/**
 * Whether a person went to an address: they followed a link of this very site, or typed the address. False for
 * what a page of another site led to, and for what browsers load by themselves or ahead of time. A browser that
 * does not send Fetch Metadata, as on plain http, cannot tell.
 */
export function isPersonsNavigation(method: string, headers: HeaderFields): boolean {
  const site = headers['sec-fetch-site'];
  return (
    method === 'GET' &&
    (site === 'same-origin' || site === 'none') &&
    headers['sec-fetch-mode'] === 'navigate' &&
    headers['sec-fetch-dest'] === 'document' &&
    aheadOfTime.every((name) => headers[name] === undefined)
  );
}

/** Any of them says that a page is loaded before anybody asked for it, whatever its value. */
const aheadOfTime = ['sec-purpose', 'purpose', 'x-purpose', 'x-moz'];

/**
 * Whether a form or a script of one of these origins sent a request. Browsers name the origin with everything that
 * is not GET or HEAD (Fetch standard §3.1), as `null` where a page keeps it to itself; then Fetch Metadata, which no
 * page can set, says that it was the same one. What names nothing at all comes from no page.
 */
export function isFromOrigins(headers: HeaderFields, origins: ReadonlySet<string>): boolean {
  const { origin, referer } = headers;
  const site = headers['sec-fetch-site'];
  if (site === 'same-origin' || site === 'none')
    return origin === undefined || origin === 'null' || origins.has(origin);
  if (origin !== undefined) return origins.has(origin) && (site === undefined || site === 'same-site');
  if (site !== undefined) return false;
  return referer === undefined || (URL.canParse(referer) && origins.has(new URL(referer).origin));
}

/**
 * Whether a request is a browser going to a page (Fetch Metadata where the browser sends it, Accept
 * elsewhere). Only safe methods count: a form that is posted would lose its content on the way through a
 * login. Prefetches do not, since nobody would see the login that they start.
 */
export function isNavigation(method: string, headers: HeaderFields): boolean {
  if (method !== 'GET' && method !== 'HEAD') return false;
  if (isPrefetch(headers)) return false;
  return wantsPage(headers);
}

/** Whether a browser fetches this ahead of time, so that perhaps nobody will see it. */
function isPrefetch(headers: HeaderFields): boolean {
  return (headers['sec-purpose']?.includes('prefetch') ?? false) || headers.purpose === 'prefetch';
}

/**
 * Whether a request only tries what it would get: nobody goes on from its answer, so no login begins or ends with
 * it. Office asks by OPTIONS and HEAD before it opens a document, and scanners of mail by HEAD.
 */
export function isProbe(method: string, headers: HeaderFields): boolean {
  return (method !== 'GET' && method !== 'POST') || isPrefetch(headers);
}
