import { createHash } from 'node:crypto';
import { deriveKey } from './key-ring.ts';
import { openWith, sealWith } from './seal.ts';
import type { Session } from './session.ts';
import type { Posted, Shared } from './shared/shared.ts';

/** What came of asking the provider for new tokens. */
export type RefreshOutcome =
  | { kind: 'refreshed'; session: Session }
  /** The provider has ended the session; `reason` is for the log. */
  | { kind: 'ended'; reason: string }
  /** Not now; seconds until it makes sense to ask again. */
  | { kind: 'unavailable'; retryAfter: number }
  /** The provider does not take the access token any more. */
  | { kind: 'token-refused' };

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

/**
 * A request with a good token waits this long for a better one. An outcome that takes nearly as long is not sure
 * to have been waited for.
 */
export const shortPatienceMs = 1000;
const promptMs = 0.8 * shortPatienceMs;

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
}

type Keep = (session: Session) => Promise<void>;
type Outcome = RefreshOutcome | Spent;

/**
 * @param longest milliseconds that a session can last: so long is remembered which refresh tokens are used up
 */
export function createRefresher(shared: Shared, grant: Grant, longest: number): Refresher {
  /**
   * Does the work, unless somebody did it before or does so now: then it is that one's outcome.
   * @param turn what tells one turn from the next; only who holds the tokens in it can read the outcome
   */
  const takeTurn = async (
    kind: 'refresh' | 'claims',
    turn: readonly unknown[],
    work: () => Promise<Posting>,
  ): Promise<Outcome> => {
    const secret = Buffer.from(turn.join('\0'), 'utf8');
    const name = `${kind} ${createHash('sha256').update(secret).digest('base64url')}`;
    const key = deriveKey(secret, 'refresh');
    const sealed = (outcome: Outcome) => sealWith(key, JSON.stringify(outcome), 'refresh', name);
    const value = await shared.once(name, async (): Promise<Posted> => {
      const { outcome, lingerMs: linger, afterwards } = await work();
      const posted = { value: sealed(outcome), lingerMs: linger };
      return afterwards ? { ...posted, afterwards: { value: sealed(afterwards), forMs: longest } } : posted;
    });
    const opened = openWith([key], value, 'refresh', name);
    return opened ? (JSON.parse(opened.text) as Outcome) : { kind: 'unavailable', retryAfter: 1 };
  };

  /** Providers that don't rotate give the same refresh token again: the access token tells one turn from the next. */
  const takeTokenTurn = ({ refreshToken = '', accessToken }: Session, work: () => Promise<Posting>) =>
    takeTurn('refresh', [refreshToken, accessToken], work);

  const refreshNow = async (session: Session, keep: Keep): Promise<Posting> => {
    const startedAt = performance.now();
    const outcome = await grant(session, 'tokens');
    if (outcome.kind !== 'refreshed') return failed(outcome);
    await keep(outcome.session);
    if (outcome.session.refreshToken === session.refreshToken) return { outcome, lingerMs };
    // Nobody may have waited for it, and so no answer brought the new cookie to the browser: whoever comes with
    // the old one, be it much later, must find the way on.
    if (performance.now() - startedAt > promptMs) return { outcome, lingerMs: longest };
    const afterwards: RefreshOutcome = { kind: 'ended', reason: 'this refresh token was replaced before' };
    return { outcome, lingerMs, afterwards };
  };

  const spendNow = async (
    session: Session,
    keep: Keep,
    work: (session: Session) => Promise<Spent>,
  ): Promise<Posting> => {
    const outcome = await work(session);
    if (outcome.kind !== 'spent') return failed(outcome);
    if (outcome.refreshToken === session.refreshToken) return { outcome, lingerMs: 0 };
    await keep({ ...session, refreshToken: outcome.refreshToken });
    // The access token of the session stays, and with it any cookie from before stays good for long: an answer
    // under way may even put it in place of the new one. Whoever comes with it must find the way on.
    return { outcome, lingerMs: longest };
  };

  const failed = (outcome: Exclude<RefreshOutcome, { kind: 'refreshed' }>): Posting => ({
    outcome,
    lingerMs: outcome.kind === 'ended' ? longest : 0,
  });

  const late: RefreshOutcome = { kind: 'unavailable', retryAfter: 1 };

  return {
    async refresh(session, keep) {
      let current = session;
      for (let turn = 0; turn < mostTurns; turn++) {
        const outcome = await takeTokenTurn(current, () => refreshNow(current, keep));
        if (outcome.kind !== 'spent') return outcome;
        current = { ...current, refreshToken: outcome.refreshToken };
      }
      return late;
    },
    async refreshClaims(session, keep) {
      const outcome = await takeTurn('claims', [session.accessToken, session.claimsRefreshAt], async () => {
        const renewed = await grant(session, 'claims');
        if (renewed.kind !== 'refreshed') return { outcome: renewed, lingerMs: 0 };
        await keep(renewed.session);
        return { outcome: renewed, lingerMs };
      });
      return outcome.kind === 'spent' ? late : outcome;
    },
    async spend(session, keep, work) {
      let current = session;
      let isDone = false;
      for (let turn = 0; turn < mostTurns; turn++) {
        const outcome = await takeTokenTurn(current, () => {
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
  };
}

/** An outcome, and for how long others that come for the same turn get it. */
interface Posting {
  outcome: Outcome;
  lingerMs: number;
  /** What they get after that. */
  afterwards?: RefreshOutcome;
}
