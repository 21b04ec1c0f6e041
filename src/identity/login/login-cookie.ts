import { createHash, timingSafeEqual } from 'node:crypto';
import type { GatewayCookies } from '../../session/cookie-names.ts';
import { type Cookie, expireCookie, setCookie } from '../../session/cookies.ts';
import type { KeyRing } from '../../session/key-ring.ts';
import { open, seal } from '../../session/seal.ts';
import type { DpopKey } from '../provider/dpop.ts';
import type { AccountPrompt } from './other-account.ts';
import type { StepUpWish } from './step-up.ts';

/** One login on its way: what must be the same when the person comes back. */
export interface PendingLogin {
  provider: string;
  state: string;
  nonce: string;
  /** RFC 7636 §4.1. */
  codeVerifier: string;
  /** The public origin that the login started on; its callback is on the same one. */
  origin: string;
  /** Where the person was going: an absolute URL. */
  returnTo: string;
  /** Seconds since the epoch. */
  startedAt: number;
  /** Seconds: how old the sign-in at the provider may be, where that was asked. */
  maxAge?: number | undefined;
  /** The key that the tokens will be bound to (RFC 9449). */
  dpopKey?: DpopKey | undefined;
  /** What the sign-in has to bring. */
  stepUp?: StepUpWish | undefined;
  /** How the provider was asked to let the person choose an account. */
  accountPrompt?: AccountPrompt | undefined;
}

export const loginLifetimeSeconds = 600;
/** Tabs that wait for a login at the same time; beyond that the oldest gives way. */
const mostPendingLogins = 4;

/**
 * Keeps each running login in a sealed cookie of its own, so that logins in several tabs don't disturb each
 * other and an answer only counts in the browser that asked.
 */
export interface LoginCookies {
  /**
   * Set-Cookie values that remember the login, and drop the oldest ones when there are too many.
   * @param crossSite the response will be posted by a page of the provider, so the cookie is `SameSite=None`
   */
  remember(login: PendingLogin, cookies: readonly Cookie[], crossSite: boolean): string[];
  /** The login that a state belongs to; undefined when this browser has none, or it has expired. */
  find(state: string, cookies: readonly Cookie[]): PendingLogin | undefined;
  /** Set-Cookie values that forget the login of a state. */
  forget(state: string, cookies: readonly Cookie[]): string[];
}

export function createLoginCookies(
  names: GatewayCookies,
  ring: KeyRing,
  now: () => number = Date.now,
): LoginCookies {
  const attributes = names.loginAttributes;
  const nameOf = (state: string) =>
    names.loginPrefix + createHash('sha256').update(state).digest('base64url').slice(0, 10);

  const read = ({ name, value }: Cookie): PendingLogin | undefined => {
    const opened = open(value, ring, 'login', name);
    const login = opened && (JSON.parse(opened.text) as PendingLogin);
    return login && login.startedAt + loginLifetimeSeconds > now() / 1000 ? login : undefined;
  };

  return {
    remember(login, cookies, crossSite) {
      const earlier = cookies.filter(({ name }) => name.startsWith(names.loginPrefix));
      const age = new Map(earlier.map((cookie) => [cookie.name, read(cookie)?.startedAt ?? 0]));
      const oldestFirst = [...age.keys()].sort((a, b) => (age.get(a) ?? 0) - (age.get(b) ?? 0));
      const dropped = oldestFirst.slice(0, Math.max(0, oldestFirst.length - (mostPendingLogins - 1)));
      const name = nameOf(login.state);
      const value = seal(JSON.stringify(login), ring, 'login', name);
      return [
        ...dropped.map((old) => expireCookie(old, attributes)),
        setCookie({ name, value }, crossSite ? names.crossSiteAttributes : attributes, loginLifetimeSeconds),
      ];
    },
    find(state, cookies) {
      const name = nameOf(state);
      for (const cookie of cookies) {
        const login = cookie.name === name ? read(cookie) : undefined;
        if (login && sameText(login.state, state)) return login;
      }
      return;
    },
    forget(state, cookies) {
      const name = nameOf(state);
      return cookies.some((cookie) => cookie.name === name) ? [expireCookie(name, attributes)] : [];
    },
  };
}

function sameText(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
