import type { Clock } from '../../clock.ts';
import {
  type Cookie,
  type CookieAttributes,
  expireCookies,
  setCookie,
  splitIntoChunks,
  staleChunks,
} from '../cookies.ts';
import type { Session } from '../session.ts';

/** Puts a sealed value into the session cookie, or into a few. */
export interface CookieWriter {
  name: string;
  maxBytes: number;
  /** The Set-Cookie values, left-over chunks removed; undefined when it is too large. */
  write(sealed: string, session: Session, cookies: readonly Cookie[]): string[] | undefined;
  /** The Set-Cookie values that take every chunk away that a request came with. */
  expire(cookies: readonly Cookie[]): string[];
}

export interface CookieWriterOptions {
  name: string;
  attributes: CookieAttributes;
  /** The most that all chunks may take together, attributes included. */
  maxBytes: number;
  /** The cookie outlives the browser, until the session ends. */
  persistent: boolean;
}

export function createCookieWriter(
  { name, attributes, maxBytes, persistent }: CookieWriterOptions,
  { now }: Pick<Clock, 'now'>,
): CookieWriter {
  return {
    name,
    maxBytes,
    write(sealed, session, cookies) {
      const maxAge = persistent ? Math.max(0, session.expiresAt - Math.floor(now() / 1000)) : undefined;
      const chunks = splitIntoChunks(name, sealed, attributes, maxAge);
      const lines = chunks?.map((chunk) => setCookie(chunk, attributes, maxAge));
      if (!lines || lines.reduce((sum, line) => sum + line.length, 0) > maxBytes) return undefined;
      const stale = staleChunks(name, cookies, lines.length);
      return [...lines, ...expireCookies(stale, attributes)];
    },
    expire: (cookies) => expireCookies(staleChunks(name, cookies, 0), attributes),
  };
}
