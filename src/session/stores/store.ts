import type { Cookie } from '../cookies.ts';
import type { Found, Maybe } from '../found.ts';
import type { Session } from '../session.ts';

export type { Found, Maybe } from '../found.ts';

/** Where sessions are kept. Everything rejects with GatewayError 503 when the place cannot be reached. */
export interface SessionStore {
  /** Sessions are kept here and not in the browser, so that writing one is enough for all requests. */
  onServer: boolean;
  /**
   * What `read` would give for a Cookie header, where its session was opened before; undefined where it has to
   * be read.
   */
  recall(header: string): Maybe<Found | undefined>;
  /** Whether a cookie of a request opens at all, whatever became of its session. */
  opens(cookies: readonly Cookie[]): boolean;
  /** The session of a request; undefined without one or with a broken one. */
  read(cookies: readonly Cookie[]): Maybe<Found | undefined>;
  /**
   * Keeps a new session; gives the Set-Cookie values that put it in place of any other. Throws GatewayError
   * when it is too large.
   */
  create(session: Session, cookies: readonly Cookie[]): Maybe<string[]>;
  /** Keeps a session that has changed; gives the Set-Cookie values that this needs, often none. */
  update(found: Found, session: Session, cookies: readonly Cookie[]): Maybe<string[]>;
  /**
   * Where sessions are kept on the server: writes down that one was used, and nothing else; false where it is not as it
   * was found any more.
   */
  use?(found: Found, seenAt: number): Promise<boolean>;
  /**
   * Where sessions are kept on the server: the Set-Cookie values that bring the cookie under the first secret. The
   * session stays as it stands, whatever was found of it.
   */
  resealed?(found: Found, cookies: readonly Cookie[]): string[];
  /** The Set-Cookie values that take the session cookie of a request away. */
  expire(cookies: readonly Cookie[]): string[];
  /** Forgets a session. */
  remove(found: Found): Promise<void>;
  /**
   * Where sessions are kept on the server: forgets the session of a request that cannot be read now. What cannot be done
   * now is done when the place can be reached, and rejects all the same.
   */
  removeUnread?(cookies: readonly Cookie[]): Promise<void>;
}
