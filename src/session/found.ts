import type { Session } from './session.ts';

/** A session that was found, and what its store needs to write it again. */
export interface Found {
  session: Session;
  /** It was sealed with a key that is no longer the first of the ring. */
  outdatedKey: boolean;
  /** What only the store understands. */
  handle: unknown;
}

export type Maybe<T> = T | Promise<T>;
