import type { Clock } from '../clock.ts';
import type { RouteConfig } from '../config/schema/index.ts';
import { createCacheControlReader } from './cache-control.ts';
import type { RawHeaders } from './request-headers.ts';
import type { TemplateContext } from './template-values.ts';

/**
 * Whose an answer is: shared caches may keep what is for everybody, only the browser what is for the person who
 * asked, and nothing keeps what is for nobody else at any time.
 */
export type Audience = 'everybody' | 'person' | 'once';

/** Whom a route lets pass. */
interface Admitting {
  /** Everybody, whoever they are. */
  isPublic: boolean;
  /** It asks who somebody is, and lets those pass who are not signed in. */
  letsNobodyPass: boolean;
}

/**
 * Compiles whose the answers of a route are. What only some may see is the person's; so is what was made with the
 * knowledge of who asks, on a public route too. RFC 9111 §3.5 has the second for requests with Authorization, but
 * that header, and the identity beside it, are the gateway's: a cache in front does not see them.
 * @param tellsPerson the route tells the application, or the browser, something of who asks
 */
export function compileAudience(
  route: Pick<RouteConfig, 'sharedCache' | 'noStore'> & { access: Admitting },
  tellsPerson: boolean,
): (context: Pick<TemplateContext, 'person'>) => Audience {
  const { sharedCache, noStore } = route;
  const { isPublic, letsNobodyPass } = route.access;
  if (noStore) return () => 'once';
  if (sharedCache || (isPublic && !tellsPerson)) return () => 'everybody';
  if (!isPublic && !letsNobodyPass) return () => 'person';
  return ({ person }) => (person ? 'person' : 'everybody');
}

/** What caches read beside Cache-Control, each in its place: RFC 9213 has the pattern, vendors older names. */
const targeted = /(^|-)(cache|cdn|edge|surrogate)-control$/;

/** Whether a header, by its name in lower case, says how long something may be kept. */
export function isCachingHeader(name: string): boolean {
  return name === 'expires' || name === 'pragma' || isForSharedCaches(name) || targeted.test(name);
}

/** Whether only shared caches read it, and read nothing else then. */
function isForSharedCaches(name: string): boolean {
  return name === 'x-accel-expires' || (name !== 'cache-control' && targeted.test(name));
}

/** Says in the headers of an answer who may keep it. */
export interface CacheWords {
  /** Whether a shared cache may keep the answer, by its headers. Where they leave that open, it may. */
  mayBeShared(headers: RawHeaders): boolean;
  /** Says of an answer that no shared cache may keep it. The browser may keep it as the application said. */
  keepPrivate(headers: RawHeaders): RawHeaders;
  /**
   * Says the same of an answer that brings a session, and in every place that some cache reads first: a cache may be
   * told to read less than it should.
   */
  keepSessionPrivate(headers: RawHeaders): RawHeaders;
  /** Says of an answer that nothing keeps it. */
  keepNowhere(headers: RawHeaders): RawHeaders;
}

export function createCacheWords(clock: Clock): CacheWords {
  const forOnePerson = createCacheControlReader(clock);
  return {
    mayBeShared(headers) {
      let isKept = true;
      for (let at = 0; at < headers.length; at += 2) {
        const name = (headers[at] as string).toLowerCase();
        if (isForSharedCaches(name)) return true;
        if (name === 'cache-control' && forOnePerson(headers[at + 1] as string).isSame) isKept = false;
      }
      return isKept;
    },
    keepPrivate(headers) {
      const { rest, directives, expires, pastExpires, isShared } = withoutCaching(headers, clock);
      const { text, isSame } = forOnePerson(directives, expires);
      // What the application says of itself goes on as it came, where that is enough.
      if (isSame && !isShared) return headers;
      rest.push('cache-control', text);
      if (pastExpires !== undefined) rest.push('expires', pastExpires);
      return rest;
    },
    keepSessionPrivate(headers) {
      const { rest, directives, expires } = withoutCaching(headers, clock);
      rest.push('cache-control', forOnePerson(directives, expires).text, 'expires', '0');
      rest.push('cdn-cache-control', 'no-store', 'surrogate-control', 'no-store', 'x-accel-expires', '0');
      return rest;
    },
    keepNowhere(headers) {
      const { rest } = withoutCaching(headers, clock);
      rest.push('cache-control', 'no-store');
      return rest;
    },
  };
}

interface WithoutCaching {
  /** Everything that says nothing of caching. */
  rest: RawHeaders;
  /** All lines of Cache-Control as one. */
  directives: string;
  /** A time to come of Expires, in milliseconds since the epoch. */
  expires: number | undefined;
  /** An Expires of the past, or one that cannot be read, which means the same (RFC 9111 §5.3). */
  pastExpires: string | undefined;
  /** Something beside Cache-Control lets shared caches keep it. */
  isShared: boolean;
}

function withoutCaching(headers: RawHeaders, clock: Clock): WithoutCaching {
  const found: WithoutCaching = {
    rest: [],
    directives: '',
    expires: undefined,
    pastExpires: undefined,
    isShared: false,
  };
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at] as string;
    const value = headers[at + 1] as string;
    const lower = name.toLowerCase();
    if (lower === 'cache-control') {
      found.directives += found.directives === '' ? value : `, ${value}`;
    } else if (lower === 'expires') {
      const time = timeToCome(value, clock);
      if (time === undefined) found.pastExpires = value;
      else found.expires = Math.min(time, found.expires ?? time);
    } else if (isForSharedCaches(lower) || (lower === 'pragma' && !/^\s*no-cache\s*$/i.test(value))) {
      found.isShared = true;
    } else {
      found.rest.push(name, value);
    }
  }
  if (found.pastExpires !== undefined) found.expires = undefined;
  else if (found.expires !== undefined) found.isShared = true;
  return found;
}

/** The milliseconds of a date (RFC 9110 §5.6.7) that is not over yet. */
function timeToCome(date: string, clock: Clock): number | undefined {
  const time = /\d\d:\d\d:\d\d/.test(date) ? Date.parse(date) : Number.NaN;
  return time > clock.now() ? time : undefined;
}
