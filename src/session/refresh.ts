import { type Clock, systemClock } from '../clock.ts';
import { createBoundedSet } from './bounded-set.ts';
import type { Session } from './session.ts';
import type { Posted, Shared, Unrepeatable } from './shared/shared.ts';
import { type Turn, turnOf } from './turn.ts';

/** What came of asking the provider for new tokens. */
export type RefreshOutcome =
  /** `isUnkept`: it could not be written down; whoever is told of it should. */
  | { kind: 'refreshed'; session: Session; isUnkept?: boolean }
  /** The provider has ended the session; `reason` is for the log. */
  | { kind: 'ended'; reason: string }
  /** The session went on with other tokens, which an answer has brought to the browser: these are of long ago. */
  | { kind: 'replaced'; reason: string }
  /**
   * Not with these tokens, for now: the provider refuses this session alone, in a way that may pass. `isSpent`: the
   * refresh token is used up, though nothing came of it. `attempts`: how often it was refused so far.
   */
  | { kind: 'parked'; reason: string; isSpent?: boolean; attempts?: number }
  /**
   * Not now, whoever asks; seconds until it makes sense to ask again. `pause`: the provider was asked, and this
   * session leaves it alone for so many seconds.
   */
  | { kind: 'unavailable'; retryAfter: number; pause?: number }
  /** The provider does not take the access token any more. */
  | { kind: 'token-refused'; attempts?: number };

/** What is to be made new: the tokens, and the claims with them; or the claims alone, with the token in hand. */
export type Renewal = 'tokens' | 'claims';

/** Asks the provider for new tokens (RFC 6749 §6) or claims. Never rejects for what the provider does. */
export type Grant = (session: Session, renewal: Renewal) => Promise<RefreshOutcome>;

/**
 * What came of using the refresh token for something else than the session's own tokens, which stay: the one
 * to use from now on, often the same.
 */
export type Spent = { kind: 'spent'; refreshToken: string } | Exclude<RefreshOutcome, { kind: 'refreshed' }>;

/** Requests that still carry the cookie from before a refresh get its outcome for this long. */
const lingerMs = 30_000;

/** A request with a good token waits this long for a better one. */
export const shortPatienceMs = 1000;

/** Pauses between attempts of a session that is refused grow from the first to the last of these. */
const firstPauseMs = 1000;
const longestPauseMs = 60_000;

/** So often may others use the refresh token for something before somebody's turn comes. */
const mostTurns = 100;

export interface Refresher {
  /**
   * New tokens for a session; the provider is asked once for each refresh token, whatever the number of
   * requests, workers and instances.
   * @param keep writes the new session down before anybody is told of it
   */
  refresh(session: Session, keep: Keep): Promise<RefreshOutcome>;
  /** The same for claims alone, once for each time that they are due. */
  refreshClaims(session: Session, keep: Keep): Promise<RefreshOutcome>;
  /**
   * Uses the refresh token for something else, in the same order of turns: who comes second, here or for a
   * refresh, goes on with the refresh token that the first got. Gives the session as it is then.
   */
  spend(session: Session, keep: Keep, work: (session: Session) => Promise<Spent>): Promise<RefreshOutcome>;
  /**
   * An answer has brought the new tokens of this session to its browser: those of before are good for a moment only,
   * for requests that are under way.
   */
  delivered(before: Session, outcome: RefreshOutcome): void;
}

/** Writes a session down: true where that is enough, and no answer has to carry it to the browser. */
type Keep = (session: Session) => Promise<unknown>;
/** What can come of a turn. */
export type Outcome = RefreshOutcome | Spent;

/**
 * @param longest milliseconds that a session can last: so long is remembered which refresh tokens are used up
 */
export function createRefresher(
  shared: Shared,
  grant: Grant,
  longest: number,
  clock: Pick<Clock, 'now'> = systemClock,
): Refresher {
  const tokenTurn = ({ refreshToken = '', accessToken }: Session) =>
    turnOf('refresh', [refreshToken, accessToken]);
  const settled = createBoundedSet(mostSettled);

  /** Does the work, unless somebody did it before or does so now: then it is that one's outcome. */
  const takeTurn = async (
    turn: Turn,
    work: (previous: Outcome | undefined) => Promise<Posting>,
    heldBy?: Unrepeatable['heldBy'],
  ): Promise<Outcome> => {
    const value = await shared.once(
      turn.name,
      async (previous) =>
        posted(turn, await work(previous === undefined ? undefined : turn.open(previous)), longest),
      heldBy && { lost: turn.seal(untold), forMs: longest, heldBy },
    );
    return turn.open(value) ?? { kind: 'unavailable', retryAfter: 1 };
  };

  /** Providers that don't rotate give the same refresh token again: the access token tells one turn from the next. */
  const takeTokenTurn = (
    session: Session,
    heldBy: Unrepeatable['heldBy'],
    work: (previous: Outcome | undefined) => Promise<Posting>,
  ) => takeTurn(tokenTurn(session), work, heldBy);

  const refreshNow = async (
    session: Session,
    keep: Keep,
    previous: Outcome | undefined,
  ): Promise<Posting> => {
    const outcome = await grant(session, 'tokens');
    if (outcome.kind !== 'refreshed') return refused(outcome, session, previous);
    const isKept = await tryToKeep(outcome.session, keep);
    if (outcome.session.refreshToken === session.refreshToken) return { outcome, lingerMs };
    // No answer may bring the new cookie to the browser: its client may have left. Whoever comes with the old one, be
    // it much later, must find the way on.
    if (isKept) return { outcome, lingerMs, afterwards: replaced };
    return { outcome: { ...outcome, isUnkept: true }, lingerMs: longest };
  };

  const spendNow = async (
    session: Session,
    keep: Keep,
    work: (session: Session) => Promise<Spent>,
  ): Promise<Posting> => {
    const outcome = await work(session);
    if (outcome.kind !== 'spent') return refused(outcome, session, undefined);
    if (outcome.refreshToken === session.refreshToken) return { outcome, lingerMs: 0 };
    await tryToKeep({ ...session, refreshToken: outcome.refreshToken }, keep);
    // The access token of the session stays, and with it any cookie from before stays good for long: an answer
    // under way may even put it in place of the new one. Whoever comes with it must find the way on.
    return { outcome, lingerMs: longest };
  };

  /** A session that was refused, and for how long nobody asks for it again. */
  const refused = (
    outcome: Exclude<RefreshOutcome, { kind: 'refreshed' }>,
    { accessTokenExpiresAt = 0 }: Session,
    previous: Outcome | undefined,
  ): Posting => {
    if (outcome.kind === 'ended') return { outcome, lingerMs: longest };
    if (outcome.kind === 'unavailable') return { outcome, lingerMs: (outcome.pause ?? 0) * 1000 };
    if (outcome.kind !== 'parked') return { outcome, lingerMs: 0 };
    // The access token is used to its end first.
    const leftMs = Math.max(0, accessTokenExpiresAt * 1000 - clock.now());
    if (outcome.isSpent) return { outcome, lingerMs: Math.max(1, leftMs), afterwards: usedUp };
    const { attempts, pauseMs } = nextPause(previous);
    return { outcome: { ...outcome, attempts }, lingerMs: Math.max(pauseMs, leftMs), isRemembered: true };
  };

  const late: RefreshOutcome = { kind: 'unavailable', retryAfter: 1 };

  return {
    async refresh(session, keep) {
      let current = session;
      for (let turn = 0; turn < mostTurns; turn++) {
        const outcome = await takeTokenTurn(current, 'gateway', (previous) =>
          refreshNow(current, keep, previous),
        );
        if (outcome.kind !== 'spent') return outcome;
        current = { ...current, refreshToken: outcome.refreshToken };
      }
      return late;
    },
    async refreshClaims(session, keep) {
      const turn = turnOf('claims', [session.accessToken, session.claimsRefreshAt]);
      const outcome = await takeTurn(turn, async (previous) => {
        const renewed = await grant(session, 'claims');
        if (renewed.kind === 'refreshed') {
          await tryToKeep(renewed.session, keep);
          return { outcome: renewed, lingerMs };
        }
        if (renewed.kind !== 'parked' && renewed.kind !== 'token-refused')
          return refused(renewed, session, previous);
        const { attempts, pauseMs } = nextPause(previous);
        return { outcome: { ...renewed, attempts }, lingerMs: pauseMs, isRemembered: true };
      });
      return outcome.kind === 'spent' ? late : outcome;
    },
    async spend(session, keep, work) {
      let current = session;
      let isDone = false;
      for (let turn = 0; turn < mostTurns; turn++) {
        const outcome = await takeTokenTurn(current, 'process', () => {
          isDone = true;
          return spendNow(current, keep, work);
        });
        if (outcome.kind !== 'refreshed' && outcome.kind !== 'spent') return outcome;
        current =
          outcome.kind === 'refreshed' ? outcome.session : { ...current, refreshToken: outcome.refreshToken };
        if (isDone) return { kind: 'refreshed', session: current };
      }
      return late;
    },
    delivered(before, outcome) {
      if (outcome.kind !== 'refreshed' || outcome.session.refreshToken === before.refreshToken) return;
      const turn = tokenTurn(before);
      if (!settled.add(turn.name)) return;
      shared.settle(turn.name, posted(turn, { outcome, lingerMs, afterwards: replaced }, longest));
    },
  };
}

/** Turns whose outcome was delivered are remembered here, so that it is said once. */
const mostSettled = 10_000;

const replaced: RefreshOutcome = { kind: 'replaced', reason: 'this refresh token was replaced before' };
const usedUp: RefreshOutcome = {
  kind: 'ended',
  reason: 'the answer to the refresh could not be used, and its refresh token is used up',
};

const untold: RefreshOutcome = {
  kind: 'parked',
  reason: 'this refresh token was sent by a process that ended before it told of the answer',
};

/** An outcome, and for how long others that come for the same turn get it. */
interface Posting {
  outcome: Outcome;
  lingerMs: number;
  /** What they get after that. */
  afterwards?: RefreshOutcome;
  /** Whether the next attempt is told of it. */
  isRemembered?: boolean;
}

/**
 * Whether the session is written down now. Where it is not, its outcome leads on whoever comes with the tokens from
 * before. It is not tried again: by then another instance may have gone on, and what is new would be overwritten.
 */
async function tryToKeep(session: Session, keep: Keep): Promise<boolean> {
  try {
    return (await keep(session)) === true;
  } catch {
    return false;
  }
}

/** Half of it by chance, so that those who were refused together do not come back together. */
function nextPause(previous: Outcome | undefined): { attempts: number; pauseMs: number } {
  const attempts = ((previous && 'attempts' in previous && previous.attempts) || 0) + 1;
  const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** (attempts - 1));
  return { attempts, pauseMs: pauseMs * (0.75 + Math.random() / 4) };
}

function posted(
  turn: Turn,
  { outcome, lingerMs: linger, afterwards, isRemembered }: Posting,
  longest: number,
): Posted {
  return {
    value: turn.seal(outcome),
    lingerMs: linger,
    ...(afterwards && { afterwards: { value: turn.seal(afterwards), forMs: longest } }),
    ...(isRemembered && { rememberMs: longest }),
  };
}
