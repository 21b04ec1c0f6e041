/** A cookie as the jar keeps it. */
export interface JarCookie {
  name: string;
  value: string;
  /** The host that set it; `domain` when it named one. */
  host: string;
  domain: string | undefined;
  path: string;
  secure: boolean;
  httpOnly: boolean;
  sameSite: string | undefined;
  /** Milliseconds of the epoch; undefined for as long as the browser runs. */
  expiresAt: number | undefined;
}

/** The cookies of one browser. */
export interface CookieJar {
  /** Every cookie that has not expired. */
  all(): JarCookie[];
  /** The first cookie of a name. */
  get(name: string): JarCookie | undefined;
  /** Takes the Set-Cookie lines of an answer as a browser does, the refusals included. */
  take(url: string, setCookies: readonly string[]): void;
  /** The Cookie header for a request, or undefined. */
  headerFor(url: string): string | undefined;
  clear(): void;
}

/** Browsers drop a longer name and value (RFC 6265bis §5.6), without a word. */
const longestCookie = 4096;

/** A jar that follows RFC 6265bis as far as tests need: scope, expiry, prefixes, size. Ports don't matter. */
export function createCookieJar(): CookieJar {
  let cookies: JarCookie[] = [];
  const alive = () => cookies.filter(({ expiresAt }) => expiresAt === undefined || expiresAt > Date.now());
  return {
    all: alive,
    get: (name) => alive().find((cookie) => cookie.name === name),
    take(url, setCookies) {
      for (const line of setCookies) {
        const cookie = parseSetCookie(line, new URL(url));
        if (!cookie) continue;
        const same = ({ name, host, domain, path }: JarCookie) =>
          name === cookie.name && (domain ?? host) === (cookie.domain ?? cookie.host) && path === cookie.path;
        // A replaced cookie keeps its place, as in browsers, which send older ones first.
        const at = cookies.findIndex(same);
        if (at < 0) cookies.push(cookie);
        else cookies[at] = cookie;
        cookies = alive();
      }
    },
    headerFor(url) {
      const { hostname, pathname, protocol } = new URL(url);
      const sent = alive()
        .filter((cookie) => inScope(cookie, hostname, pathname, protocol === 'https:'))
        .sort((a, b) => b.path.length - a.path.length);
      return sent.length === 0 ? undefined : sent.map(({ name, value }) => `${name}=${value}`).join('; ');
    },
    clear() {
      cookies = [];
    },
  };
}

function inScope(cookie: JarCookie, hostname: string, pathname: string, secure: boolean): boolean {
  const { host, domain, path } = cookie;
  const hostMatches =
    domain === undefined ? host === hostname : hostname === domain || hostname.endsWith(`.${domain}`);
  const pathMatches =
    path === '/' || pathname === path || pathname.startsWith(path.endsWith('/') ? path : `${path}/`);
  return hostMatches && pathMatches && (secure || !cookie.secure);
}

function parseSetCookie(line: string, { hostname, pathname, protocol }: URL): JarCookie | undefined {
  const [pair = '', ...attributes] = line.split(';');
  const equals = pair.indexOf('=');
  if (equals < 1) return undefined;
  const name = pair.slice(0, equals).trim();
  const value = pair.slice(equals + 1).trim();
  const named = new Map(
    attributes.map((attribute) => {
      const [key = '', ...rest] = attribute.split('=');
      return [key.trim().toLowerCase(), rest.join('=').trim()];
    }),
  );
  const secure = named.has('secure');
  const domain = named.get('domain')?.replace(/^\./, '').toLowerCase() || undefined;
  const givenPath = named.get('path');
  const path = givenPath?.startsWith('/') ? givenPath : pathname.replace(/\/[^/]*$/, '') || '/';
  const isHostPrefixed = /^__host-/i.test(name);
  const refused =
    name.length + value.length > longestCookie ||
    (secure && protocol !== 'https:') ||
    (/^__(host|secure)-/i.test(name) && !secure) ||
    (isHostPrefixed && (path !== '/' || domain !== undefined)) ||
    (domain !== undefined && hostname !== domain && !hostname.endsWith(`.${domain}`));
  if (refused) return undefined;
  return {
    name,
    value,
    host: hostname,
    domain,
    path,
    secure,
    httpOnly: named.has('httponly'),
    sameSite: named.get('samesite')?.toLowerCase(),
    expiresAt: expiry(named),
  };
}

function expiry(named: ReadonlyMap<string, string>): number | undefined {
  const maxAge = named.get('max-age');
  if (maxAge !== undefined && /^-?\d+$/.test(maxAge)) return Date.now() + Number(maxAge) * 1000;
  const expires = Date.parse(named.get('expires') ?? '');
  return Number.isNaN(expires) ? undefined : expires;
}
