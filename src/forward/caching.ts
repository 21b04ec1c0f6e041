import type { RouteConfig } from '../config/schema/index.ts';
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

/** Whether a shared cache may keep the answer, by its headers. Where they leave that open, it may. */
export function mayBeShared(headers: RawHeaders): boolean {
  let isKept = true;
  for (let at = 0; at < headers.length; at += 2) {
    const name = (headers[at] as string).toLowerCase();
    if (isForSharedCaches(name)) return true;
    if (name === 'cache-control' && forOnePerson(headers[at + 1] as string).isSame) isKept = false;
  }
  return isKept;
}

/** Says of an answer that no shared cache may keep it. The browser may keep it as the application said. */
export function keepPrivate(headers: RawHeaders): RawHeaders {
  const { rest, directives, expires, pastExpires, isShared } = withoutCaching(headers);
  const { text, isSame } = forOnePerson(directives, expires);
  // What the application says of itself goes on as it came, where that is enough.
  if (isSame && !isShared) return headers;
  rest.push('cache-control', text);
  if (pastExpires !== undefined) rest.push('expires', pastExpires);
  return rest;
}

/**
 * Says the same of an answer that brings a session, and in every place that some cache reads first: a cache may be
 * told to read less than it should.
 */
export function keepSessionPrivate(headers: RawHeaders): RawHeaders {
  const { rest, directives, expires } = withoutCaching(headers);
  rest.push('cache-control', forOnePerson(directives, expires).text, 'expires', '0');
  rest.push('cdn-cache-control', 'no-store', 'surrogate-control', 'no-store', 'x-accel-expires', '0');
  return rest;
}

/** Says of an answer that nothing keeps it. */
export function keepNowhere(headers: RawHeaders): RawHeaders {
  const { rest } = withoutCaching(headers);
  rest.push('cache-control', 'no-store');
  return rest;
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

function withoutCaching(headers: RawHeaders): WithoutCaching {
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
      const time = timeToCome(value);
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
function timeToCome(date: string): number | undefined {
  const time = /\d\d:\d\d:\d\d/.test(date) ? Date.parse(date) : Number.NaN;
  return time > Date.now() ? time : undefined;
}

interface ForOnePerson {
  text: string;
  /** Nothing had to be said otherwise. */
  isSame: boolean;
}

/** Applications say few different things; remembering a bounded number of them saves reading them again. */
const remembered = new Map<string, ForOnePerson>();
const mostRemembered = 1000;
const longestRemembered = 200;

/**
 * What Cache-Control (RFC 9111 §5.2.2) says to a browser, and to no one else: `private`, with those directives that
 * are known to mean nothing but that. Whatever else it says, or cannot be read, is left out.
 * @param expires what Expires said, in milliseconds since the epoch, to be said here
 */
function forOnePerson(value: string, expires?: number): ForOnePerson {
  const known = remembered.get(value);
  if (known && expires === undefined) return known;
  const found = readForOnePerson(value, expires);
  if (expires === undefined && value.length <= longestRemembered && remembered.size < mostRemembered)
    remembered.set(value, found);
  return found;
}

const isFlag: ReadonlySet<string> = new Set([
  'private',
  'no-cache',
  'no-store',
  'must-revalidate',
  'no-transform',
  'immutable',
]);
const isTime: ReadonlySet<string> = new Set(['max-age', 'stale-while-revalidate', 'stale-if-error']);

/** One directive, with the commas before it: a token, and perhaps a token or a quoted text. */
const directive = /[\s,]*([^\s,;="]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,;="]*)))?\s*(?=,|$)/y;

function readForOnePerson(value: string, expires: number | undefined): ForOnePerson {
  const flags = new Set<string>();
  const times = new Map<string, number>();
  let isSame = true;
  const isRead = readDirectives(value, (name, argument) => {
    if (isFlag.has(name) && argument === undefined) flags.add(name);
    // With names of headers these two speak of those alone (§5.2.2.4 and §5.2.2.7).
    else if (isTime.has(name)) times.set(name, Math.min(secondsOf(argument), times.get(name) ?? 2 ** 31));
    else isSame = false;
  });
  isSame &&= isRead && (flags.has('private') || flags.has('no-store'));
  if (!isRead) {
    flags.clear();
    times.clear();
    // In doubt, what is stricter.
    if (/no-store/i.test(value)) flags.add('no-store');
  }
  if (expires !== undefined && !times.has('max-age')) {
    times.set('max-age', Math.max(0, Math.floor((expires - Date.now()) / 1000)));
    isSame = false;
  }
  if (isSame) return { text: value, isSame };
  flags.delete('private');
  const text = ['private', ...flags, ...[...times].map(([name, seconds]) => `${name}=${seconds}`)];
  return { text: text.join(', '), isSame };
}

/** Gives each directive, its name in lower case; false where the text is none of them. */
function readDirectives(value: string, take: (name: string, argument: string | undefined) => void): boolean {
  directive.lastIndex = 0;
  let at = 0;
  while (/[^\s,]/.test(value.slice(at))) {
    const found = directive.exec(value);
    if (!found) return false;
    take((found[1] as string).toLowerCase(), found[2] ?? found[3]);
    at = directive.lastIndex;
  }
  return true;
}

/** What is no number of seconds is none (RFC 9111 §4.2.1). */
function secondsOf(argument: string | undefined): number {
  return argument !== undefined && /^\d{1,10}$/.test(argument) ? Number(argument) : 0;
}
