import type { Random } from '../random.ts';
import type { Session } from './session.ts';

/** The limits of sessions, in seconds. */
export interface Lifetimes {
  idle: number;
  longest: number;
  /** What happens when the access token has expired and there is no refresh token. */
  onTokenExpiry: 'login' | 'keep';
}

/** `seenAt` is written at most this often: rewriting a cookie on every answer helps nobody. */
const longestStepSeconds = 60;

/** Answers that take longer than this until their headers are rare. */
const quietSeconds = 90;

/** Refreshes start this long before the token's end, or a fifth of its life before it when that is less. */
const longestMarginSeconds = 60;

/** Whether a session is over by the clock. Its own limits count, and those of today's configuration. */
export function isOver(session: Session, lifetimes: Lifetimes, now: number): boolean {
  const { createdAt, expiresAt, seenAt, refreshToken, accessTokenExpiresAt } = session;
  if (now >= expiresAt || now >= createdAt + lifetimes.longest) return true;
  // What is written of `seenAt` may lag by one step.
  if (now >= seenAt + lifetimes.idle + stepSeconds(lifetimes)) return true;
  const isTokenOver = accessTokenExpiresAt !== undefined && now >= accessTokenExpiresAt;
  return isTokenOver && refreshToken === undefined && lifetimes.onTokenExpiry === 'login';
}

/**
 * Whether the time of the last request should be written down again. Not shortly before a refresh, which does
 * that anyway: an answer that is long under way would put the tokens from before in place of the new ones.
 */
export function shouldTouch(session: Session, lifetimes: Lifetimes, now: number): boolean {
  return now - session.seenAt >= stepSeconds(lifetimes) && !isBeforeRefresh(session, lifetimes, now);
}

/**
 * Of a session that is kept on the server: whether its use has to be written down before the answer. The end by
 * `isOver` counts from what is written, a step later: a session that was used within the step is never over too soon,
 * whatever becomes of this process and of what it has noted.
 */
export function isUseLate({ seenAt }: Session, lifetimes: Lifetimes, now: number): boolean {
  return now - seenAt >= stepSeconds(lifetimes);
}

/** Whether a use is noted, to be written soon: early enough that the next use is never late (`isUseLate`). */
export function isUseNoted({ seenAt }: Session, lifetimes: Lifetimes, now: number): boolean {
  return now - seenAt >= Math.ceil(stepSeconds(lifetimes) / 2);
}

/** Whether a refresh of the tokens comes so soon that nothing else should write the session down before. */
function isBeforeRefresh({ refreshToken, refreshAt }: Session, { idle }: Lifetimes, now: number): boolean {
  const quiet = Math.min(quietSeconds, idle / 2);
  return refreshToken !== undefined && refreshAt !== undefined && now >= refreshAt - quiet;
}

/** Whether it is time to ask for the claims again. A refresh of the tokens that comes soon does that too. */
export function isClaimsRefreshDue(session: Session, lifetimes: Lifetimes, now: number): boolean {
  const { claimsRefreshAt } = session;
  if (claimsRefreshAt === undefined || now < claimsRefreshAt) return false;
  return isTokenValid(session, now) && !isBeforeRefresh(session, lifetimes, now);
}

function stepSeconds({ idle }: Lifetimes): number {
  return Math.max(1, Math.min(longestStepSeconds, Math.floor(idle / 10)));
}

/** Whether the access token can be replaced, and it is time to. */
export function isRefreshDue({ refreshToken, refreshAt }: Session, now: number): boolean {
  return refreshToken !== undefined && refreshAt !== undefined && now >= refreshAt;
}

/** Whether the access token in hand may still be sent upstream. */
export function isTokenValid({ accessTokenExpiresAt }: Session, now: number): boolean {
  return accessTokenExpiresAt === undefined || now < accessTokenExpiresAt;
}

/**
 * When an access token should be replaced: ahead of its end, by a margin that differs, so that people who came
 * together don't refresh together.
 * @param expiresIn seconds that the token lasts from now on
 */
export function refreshTime(expiresIn: number, now: number, random: Random): number {
  const margin = Math.min(longestMarginSeconds, expiresIn / 5);
  return Math.floor(now + expiresIn - margin * (0.5 + random() / 2));
}
