import type { Session } from './session.ts';

type Keep = (session: Session) => Promise<unknown>;

/** Pauses between attempts to write something down that could not be written. */
const firstPauseMs = 200;
const longestPauseMs = 1000;
/** Sessions that wait to be written down, at the most; the oldest give way. */
const mostWaiting = 10_000;

/**
 * Writes sessions down, and goes on to try where that fails: the store may be out just when a refresh token was
 * replaced, and what it was replaced by must reach the store when it can.
 * @returns a function that tells whether the session is written down by now; it never rejects
 */
export function createKeeper(): (session: Session, keep: Keep) => Promise<boolean> {
  /** The newest state of each session that could not be written yet. */
  const waiting = new Map<string, Session>();

  const tryLater = (session: Session, keep: Keep, pauseMs: number) => {
    const timer = setTimeout(() => {
      // What came later was written, or waits in its place.
      if (waiting.get(session.id) !== session) return;
      keep(session).then(
        () => {
          if (waiting.get(session.id) === session) waiting.delete(session.id);
        },
        () => tryLater(session, keep, Math.min(longestPauseMs, 2 * pauseMs)),
      );
    }, pauseMs);
    timer.unref();
  };

  return async (session, keep) => {
    try {
      const isKept = await keep(session);
      waiting.delete(session.id);
      return isKept === true;
    } catch {
      waiting.delete(session.id);
      waiting.set(session.id, session);
      for (const oldest of waiting.keys()) {
        if (waiting.size <= mostWaiting) break;
        waiting.delete(oldest);
      }
      tryLater(session, keep, firstPauseMs);
      return false;
    }
  };
}
