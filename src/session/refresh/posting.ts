import type { Clock } from '../../clock.ts';
import type { Random } from '../../random.ts';
import type { Outcome, RefreshOutcome } from '../outcome.ts';
import type { Session } from '../session.ts';
import type { Posted } from '../shared/shared.ts';
import type { Turn } from '../turn.ts';

/** An outcome, and for how long others that come for the same turn get it. */
export interface Posting {
  outcome: Outcome;
  lingerMs: number;
  /** What they get after that. */
  afterwards?: RefreshOutcome;
  /** Whether the next attempt is told of it. */
  isRemembered?: boolean;
}

/** Pauses between attempts of a session that is refused grow from the first to the last of these. */
const firstPauseMs = 1000;
const longestPauseMs = 60_000;

export const replaced: RefreshOutcome = {
  kind: 'replaced',
  reason: 'this refresh token was replaced before',
};
const usedUp: RefreshOutcome = {
  kind: 'ended',
  reason: 'the answer to the refresh could not be used, and its refresh token is used up',
};
export const untold: RefreshOutcome = {
  kind: 'parked',
  reason: 'this refresh token was sent by a process that ended before it told of the answer',
};

export interface PostingNeeds {
  /** Milliseconds that a session can last: so long is remembered which refresh tokens are used up. */
  longest: number;
  clock: Pick<Clock, 'now'>;
  random: Random;
}

/** A session that was refused, and for how long nobody asks for it again. */
export function refused(
  outcome: Exclude<RefreshOutcome, { kind: 'refreshed' }>,
  { accessTokenExpiresAt = 0 }: Session,
  previous: Outcome | undefined,
  { longest, clock, random }: PostingNeeds,
): Posting {
  if (outcome.kind === 'ended') return { outcome, lingerMs: longest };
  if (outcome.kind === 'unavailable') return { outcome, lingerMs: (outcome.pause ?? 0) * 1000 };
  if (outcome.kind !== 'parked') return { outcome, lingerMs: 0 };
  // The access token is used to its end first.
  const leftMs = Math.max(0, accessTokenExpiresAt * 1000 - clock.now());
  if (outcome.isSpent) return { outcome, lingerMs: Math.max(1, leftMs), afterwards: usedUp };
  const { attempts, pauseMs } = nextPause(previous, random);
  return { outcome: { ...outcome, attempts }, lingerMs: Math.max(pauseMs, leftMs), isRemembered: true };
}

/** Half of it by chance, so that those who were refused together do not come back together. */
export function nextPause(
  previous: Outcome | undefined,
  random: Random,
): { attempts: number; pauseMs: number } {
  const attempts = ((previous && 'attempts' in previous && previous.attempts) || 0) + 1;
  const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** (attempts - 1));
  return { attempts, pauseMs: pauseMs * (0.75 + random() / 4) };
}

/** A posting as others can read it: only those who hold the tokens of the turn. */
export function posted(
  turn: Turn,
  { outcome, lingerMs, afterwards, isRemembered }: Posting,
  longest: number,
): Posted {
  return {
    value: turn.seal(outcome),
    lingerMs,
    ...(afterwards && { afterwards: { value: turn.seal(afterwards), forMs: longest } }),
    ...(isRemembered && { rememberMs: longest }),
  };
}
