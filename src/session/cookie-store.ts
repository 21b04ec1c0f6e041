import {
  type Cookie,
  type CookieAttributes,
  expireCookie,
  joinChunks,
  setCookie,
  splitIntoChunks,
  staleChunks,
} from './cookies.ts';
import type { KeyRing } from './key-ring.ts';
import { open, seal } from './seal.ts';
import { decodeSession, encodeSession, type Session } from './session.ts';

/** Keeps sessions in the browser: sealed, in one cookie or a few. */
export interface CookieStore {
  /** The session of a request; undefined without one, with a broken one or an ended one. */
  read(cookies: readonly Cookie[]): Session | undefined;
  /** The Set-Cookie values that put the session in place of any other; undefined when it is too large. */
  write(session: Session, cookies: readonly Cookie[]): string[] | undefined;
}

/**
 * @param name the cookie's name
 * @param now the time in milliseconds
 */
export function createCookieStore(
  name: string,
  attributes: CookieAttributes,
  ring: KeyRing,
  now: () => number = Date.now,
): CookieStore {
  return {
    read(cookies) {
      for (const sealed of joinChunks(name, cookies)) {
        const opened = open(sealed, ring, 'session', name);
        const session = opened && decodeSession(opened.text);
        if (session && session.expiresAt * 1000 > now()) return session;
      }
      return;
    },
    write(session, cookies) {
      const chunks = splitIntoChunks(name, seal(encodeSession(session), ring, 'session', name), attributes);
      if (!chunks) return;
      return [
        ...chunks.map((chunk) => setCookie(chunk, attributes)),
        ...staleChunks(name, cookies, chunks.length).map((stale) => expireCookie(stale, attributes)),
      ];
    },
  };
}
