import type { IncomingHttpHeaders } from 'node:http';

/** Whether the sender would show an HTML page to a person. */
export function wantsPage(headers: IncomingHttpHeaders): boolean {
  if (headers['x-requested-with'] !== undefined) return false;
  const mode = headers['sec-fetch-mode'];
  if (mode !== undefined && mode !== 'navigate') return false;
  return headers.accept?.includes('text/html') ?? false;
}

/** Whether a request is a CORS preflight (Fetch standard, CORS-preflight request). */
export function isPreflight(method: string, headers: IncomingHttpHeaders): boolean {
  return (
    method === 'OPTIONS' &&
    headers.origin !== undefined &&
    headers['access-control-request-method'] !== undefined
  );
}

/**
 * Whether another site could have made a browser send this with its cookies: it may change something
 * (RFC 9110 §9.2.1), and lacks the header that scripts of other sites may not set without being asked.
 */
export function isForgeable(method: string, headers: IncomingHttpHeaders): boolean {
  return !['GET', 'HEAD', 'OPTIONS'].includes(method) && !headers['x-requested-with'];
}

/**
 * Whether a request is a browser going to a page (Fetch Metadata where the browser sends it, Accept
 * elsewhere). Only safe methods count: a form that is posted would lose its content on the way through a
 * login. Prefetches do not, since nobody would see the login that they start.
 */
export function isNavigation(method: string, headers: IncomingHttpHeaders): boolean {
  if (method !== 'GET' && method !== 'HEAD') return false;
  if (isPrefetch(headers)) return false;
  return wantsPage(headers);
}

/** Whether a browser fetches this ahead of time, so that perhaps nobody will see it. */
function isPrefetch(headers: IncomingHttpHeaders): boolean {
  return (headers['sec-purpose']?.includes('prefetch') ?? false) || headers.purpose === 'prefetch';
}

/**
 * Whether a request only tries what it would get: nobody goes on from its answer, so no login begins or ends with
 * it. Office asks by OPTIONS and HEAD before it opens a document, and scanners of mail by HEAD.
 */
export function isProbe(method: string, headers: IncomingHttpHeaders): boolean {
  return (method !== 'GET' && method !== 'POST') || isPrefetch(headers);
}
