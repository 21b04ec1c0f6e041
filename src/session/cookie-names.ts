import type { Config } from '../config/schema/index.ts';
import type { CookieAttributes } from './cookies.ts';

/** The names and attributes of every cookie that the gateway sets. */
export interface GatewayCookies {
  session: string;
  /** Each running login has a cookie of its own; its name starts so. */
  loginPrefix: string;
  /** Counts logins that came back without effect. */
  rounds: string;
  /** Remembers which provider was taken. */
  choice: string;
  /** Says, for a minute, that somebody has just signed out. */
  signedOut: string;
  /** Says that the next login has to ask which account it shall be. */
  account: string;
  attributes: CookieAttributes;
  /**
   * The provider sends people back from another site, so Strict would hold a login's cookies back; in a frame of
   * another site Lax would, where the session is for frames. And they have to reach the endpoints, whatever path
   * the session is for.
   */
  loginAttributes: CookieAttributes;
  /** Of a login whose response a page of the provider posts: browsers send no other cookie along with that. */
  crossSiteAttributes: CookieAttributes;
  /** Of the count of logins, which is read when a login begins and when it ends. */
  roundsAttributes: CookieAttributes;
  /** Of the cookies that tie a browser to a target of a route: a `__Host-` name has to fit. */
  stickyAttributes: CookieAttributes;
  /** Whether a cookie's name is one of the gateway's; an upstream never sees nor sets such a cookie. */
  owns(name: string): boolean;
  /** Whether some reader could find such a cookie in a pair of a Cookie header, which then goes nowhere. */
  hides(pair: string): boolean;
}

/** RFC 6265bis §4.1.3: `__Host-` keeps other hosts of the domain from planting a session. */
function standardName(secure: boolean, hasDomain: boolean): string {
  if (!secure) return 'sallyport';
  return hasDomain ? '__Secure-sallyport' : '__Host-sallyport';
}

export function gatewayCookies({
  session: { cookie },
  publicUrl,
  providers,
  routes,
}: Config): GatewayCookies {
  const secure = publicUrl.every((origin) => origin.startsWith('https:'));
  const session = cookie.name ?? standardName(secure, cookie.domain !== undefined);
  const loginPrefix = `${session}-login-`;
  const rounds = `${session}-rounds`;
  const choice = `${session}-provider`;
  const signedOut = `${session}-signed-out`;
  const account = `${session}-account`;
  const whole = new Set([rounds, choice, signedOut, account].map((name) => name.toLowerCase()));
  const sticky = routes.flatMap(({ upstream }) => upstream.sticky?.cookie.toLowerCase() ?? []);
  for (const name of sticky) whole.add(name);
  // Browsers compare the prefixes of names without case, so a differing case is no way around.
  const lowerSession = session.toLowerCase();
  const lowerLogin = loginPrefix.toLowerCase();
  const isChunk = (name: string) => name.startsWith(`${lowerSession}.`) || name === lowerSession;
  const { sameSite, path, domain, partitioned } = cookie;
  const attributes = { secure, sameSite, path, domain, partitioned };
  const loginSameSite = sameSite === 'none' ? 'none' : 'lax';
  const loginAttributes = { ...attributes, path: '/', sameSite: loginSameSite } as const;
  const crossSiteAttributes = { ...loginAttributes, sameSite: 'none', secure: true } as const;
  const isPosted = Object.values(providers).some(({ responseMode }) => responseMode === 'form_post');
  return {
    session,
    loginPrefix,
    rounds,
    choice,
    signedOut,
    account,
    attributes,
    loginAttributes,
    crossSiteAttributes,
    roundsAttributes: isPosted ? crossSiteAttributes : loginAttributes,
    stickyAttributes: { ...attributes, path: '/', domain: undefined },
    owns(name) {
      const lower = name.toLowerCase();
      return isChunk(lower) || lower.startsWith(lowerLogin) || whole.has(lower);
    },
    hides: (pair) => mayHide(pair, lowerSession, true) || sticky.some((name) => mayHide(pair, name, false)),
  };
}

/** What some reader takes for the end of what was before, or trims: fronts join lines by a comma. */
const isOdd = (code: number) => code <= 0x20 || code >= 0x7f;
const isBorder = (code: number) => isOdd(code) || code === 0x2c || code === 0x22;

/**
 * Whether a name of the gateway's own cookies stands in a pair, where some reader may see it: that of a cookie for a route,
 * or any that begins with that of the session (`isBeginning`), as all others do.
 * Some fronts join lines by a comma, and some readers split or trim at more than a semicolon and a blank: behind such
 * a byte, the name counts for going upstream, not for coming in. Reads a pair once, however long it is.
 */
function mayHide(pair: string, session: string, isBeginning: boolean): boolean {
  const last = pair.lastIndexOf('=');
  if (last < session.length) return false;
  const lower = pair.toLowerCase();
  for (let at = lower.indexOf(session); at >= 0; at = lower.indexOf(session, at + 1)) {
    if (at > 0 && !isBorder(lower.charCodeAt(at - 1))) continue;
    let end = at + session.length;
    const isChunkOrOther = isBeginning && (lower[end] === '.' || lower[end] === '-');
    if (isChunkOrOther && last > end) return true;
    while (isOdd(lower.charCodeAt(end))) end++;
    if (lower[end] === '=') return true;
  }
  return false;
}
