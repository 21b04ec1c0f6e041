import { Cookie, CookieJar as ToughJar } from 'tough-cookie';

/** A cookie as the jar keeps it. */
export interface JarCookie {
  name: string;
  value: string;
  sameSite: string | undefined;
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

/** Browsers drop a longer name and value (RFC 6265bis §5.6), without a word; tough-cookie keeps it. */
const longestCookie = 4096;

/**
 * A jar that follows RFC 6265bis. Ports don't matter, and loopback is not https.
 * @param options.trustsLoopback takes Secure cookies there all the same, as browsers have come to do
 */
export function createCookieJar({ trustsLoopback = false }: { trustsLoopback?: boolean } = {}): CookieJar {
  const jar = new ToughJar(undefined, {
    prefixSecurity: 'silent',
    allowSecureOnLocal: trustsLoopback,
    enforceSecureOriginOnStorage: true,
  });
  const all = () =>
    (jar.serializeSync()?.cookies ?? []).flatMap((serialized) => {
      const cookie = Cookie.fromJSON(serialized);
      if (!cookie || cookie.TTL() <= 0) return [];
      return [{ name: cookie.key, value: cookie.value, sameSite: cookie.sameSite }];
    });
  return {
    all,
    get: (wanted) => all().find(({ name }) => name === wanted),
    take(url, setCookies) {
      for (const line of setCookies) {
        const cookie = Cookie.parse(line);
        if (!cookie || cookie.key.length + cookie.value.length > longestCookie) continue;
        jar.setCookieSync(cookie, url, { ignoreError: true });
      }
    },
    headerFor: (url) => jar.getCookieStringSync(url) || undefined,
    clear: () => jar.removeAllCookiesSync(),
  };
}
