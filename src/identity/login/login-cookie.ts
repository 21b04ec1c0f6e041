import { createHash, randomBytes } from 'node:crypto';
import { deriveBytes } from '../../hkdf.ts';
import type { GatewayCookies } from '../../session/cookie-names.ts';
import { type Cookie, expireCookie, expireCookies, setCookie } from '../../session/cookies.ts';
import type { KeyRing } from '../../session/key-ring.ts';
import { mayOpen, open, seal } from '../../session/seal.ts';
import { loginLifetimeSeconds } from '../browser/login-lifetime.ts';
import type { AccountPrompt } from '../browser/other-account.ts';
import type { DpopKey } from '../tokens/dpop-key.ts';

/** What only the browser has that began a login. */
export interface LoginSecrets {
  /** 32 random bytes in base64url, of which the nonce and the verifier are made. */
  secret: string;
  /** The key that the tokens will be bound to (RFC 9449). */
  dpopKey?: DpopKey | undefined;
  /** Seconds: how old the sign-in at the provider may be, where that was asked. */
  maxAge?: number | undefined;
  /** The return address, where it is too long for the state. */
  returnTo?: string | undefined;
  /** How the provider was asked to let the person choose an account. */
  accountPrompt?: AccountPrompt | undefined;
}

/**
 * Login cookies that wait in one browser; beyond that the oldest give way. A page of frames, or a browser that
 * opens its tabs of yesterday, begins many at once. Front ends often take 8 KiB of headers, and the session needs
 * its share. A login whose cookie had to give way begins once more when it comes back.
 */
const mostPendingLogins = 32;
const mostPendingBytes = 6 * 1024;

/**
 * Binds each running login to its browser by a sealed cookie of its own, which opens for the state of that login
 * only. So logins that begin at the same moment don't disturb each other, and an answer only counts in the
 * browser that asked. What else is known of a login travels in its state, so that these cookies are small.
 */
export interface LoginCookies {
  /**
   * Set-Cookie values that bind the login of a state, and drop the oldest ones when there are too many.
   * @param crossSite the response will be posted by a page of the provider, so the cookie is `SameSite=None`
   */
  remember(state: string, secrets: LoginSecrets, cookies: readonly Cookie[], crossSite: boolean): string[];
  /** What this browser keeps for the login of a state; undefined when that is none of its own. */
  find(state: string, cookies: readonly Cookie[]): LoginSecrets | undefined;
  /** Set-Cookie values that forget the login of a state. */
  forget(state: string, cookies: readonly Cookie[]): string[];
}

export function createLoginCookies(names: GatewayCookies, ring: KeyRing): LoginCookies {
  const attributes = names.loginAttributes;
  const nameOf = (state: string) => names.loginPrefix + stateDigest(state).slice(0, 10);
  /** The associated data: the whole state, since the name holds but a part of its digest. */
  const contextOf = (name: string, state: string) => `${name} ${state}`;

  return {
    remember(state, secrets, cookies, crossSite) {
      const name = nameOf(state);
      const value = seal(JSON.stringify(secrets), ring, 'login', contextOf(name, state));
      const earlier = cookies.filter((cookie) => cookie.name.startsWith(names.loginPrefix));
      // Of two cookies of one name the one that opens counts.
      const good = new Set(
        earlier.filter((cookie) => mayOpen(cookie.value, ring, 'login')).map((cookie) => cookie.name),
      );
      const unusable = earlier.filter((cookie) => !good.has(cookie.name)).map((cookie) => cookie.name);
      return [
        ...expireCookies([...unusable, ...tooMany(earlier, { name, value })], attributes),
        setCookie({ name, value }, crossSite ? names.crossSiteAttributes : attributes, loginLifetimeSeconds),
      ];
    },
    find(state, cookies) {
      const name = nameOf(state);
      for (const cookie of cookies) {
        if (cookie.name !== name) continue;
        const opened = open(cookie.value, ring, 'login', contextOf(name, state));
        if (opened) return JSON.parse(opened.text) as LoginSecrets;
      }
      return;
    },
    forget(state, cookies) {
      const name = nameOf(state);
      return cookies.some((cookie) => cookie.name === name) ? [expireCookie(name, attributes)] : [];
    },
  };
}

/** The login cookies that have to give way to one more. Browsers send older ones first (RFC 6265bis §5.8.3). */
function tooMany(cookies: readonly Cookie[], next: Cookie): Set<string> {
  const bytesOf = ({ name, value }: Cookie) => name.length + value.length + '=; '.length;
  const dropped = new Set<string>();
  let count = 1;
  let bytes = bytesOf(next);
  for (const cookie of cookies.toReversed()) {
    count++;
    bytes += bytesOf(cookie);
    if (count > mostPendingLogins || bytes > mostPendingBytes) dropped.add(cookie.name);
  }
  return dropped;
}

/** A short name of a state, which tells nothing about it. */
export function stateDigest(state: string): string {
  return createHash('sha256').update(state).digest('base64url');
}

/** 32 random bytes in base64url; nonce and code verifier of a login follow from it. */
export function createLoginSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** The nonce (OpenID Connect Core §3.1.2.1) and the code verifier (RFC 7636 §4.1) that follow from the secret. */
export function deriveProofs(secret: string): { nonce: string; codeVerifier: string } {
  const bytes = Buffer.from(secret, 'base64url');
  const derive = (what: string) => deriveBytes(bytes, `sallyport/v1/login/${what}`);
  return {
    nonce: derive('nonce').toString('base64url'),
    codeVerifier: derive('verifier').toString('base64url'),
  };
}
