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
  | { kind: 'unavailable'; retryAfter: number };

/** Asks the provider for new tokens (RFC 6749 §6). Never rejects for what the provider does. */
export type Grant = (session: Session) => Promise<RefreshOutcome>;

/**
 * What came of using the refresh token for something else than the session's own tokens, which stay: the one
 * to use from now on, often the same.
 */
export type Spent = { kind: 'spent'; refreshToken: string } | Exclude<RefreshOutcome, { kind: 'refreshed' }>;

/** Requests that still carry the cookie from before a refresh get its outcome for this long. */
const lingerMs = 30_000;

/** So often may others use the refresh token for something before somebody's turn comes. */
const mostTurns = 100;

export interface Refresher {
  /**
   * New tokens for a session; the provider is asked once for each refresh token, whatever the number of
   * requests, workers and instances.
   * @param keep writes the new session down before anybody is told of it
   */
  refresh(session: Session, keep: Keep): Promise<RefreshOutcome>;
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
  /** Does the work, unless somebody used this refresh token before or does so now: then it is that one's outcome. */
  const takeTurn = async (session: Session, work: () => Promise<Posting>): Promise<Outcome> => {
    const { refreshToken = '', accessToken } = session;
    // Providers that don't rotate give the same refresh token again: the access token tells one turn from the next.
    const turn = Buffer.from(`${refreshToken}\0${accessToken}`, 'utf8');
    const name = `refresh ${createHash('sha256').update(turn).digest('base64url')}`;
    // Only who holds the old tokens can read the new ones.
    const key = deriveKey(turn, 'refresh');
    const sealed = (outcome: Outcome) => sealWith(key, JSON.stringify(outcome), 'refresh', name);
    const value = await shared.once(name, async (): Promise<Posted> => {
      const { outcome, lingerMs: linger, afterwards } = await work();
      const posted = { value: sealed(outcome), lingerMs: linger };
      return afterwards ? { ...posted, afterwards: { value: sealed(afterwards), forMs: longest } } : posted;
    });
    const opened = openWith([key], value, 'refresh', name);
    return opened ? (JSON.parse(opened.text) as Outcome) : { kind: 'unavailable', retryAfter: 1 };
  };

  const refreshNow = async (session: Session, keep: Keep): Promise<Posting> => {
    const outcome = await grant(session);
    if (outcome.kind !== 'refreshed') return failed(outcome);
    await keep(outcome.session);
    if (outcome.session.refreshToken === session.refreshToken) return { outcome, lingerMs };
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
        const outcome = await takeTurn(current, () => refreshNow(current, keep));
        if (outcome.kind !== 'spent') return outcome;
        current = { ...current, refreshToken: outcome.refreshToken };
      }
      return late;
    },
    async spend(session, keep, work) {
      let current = session;
      let isDone = false;
      for (let turn = 0; turn < mostTurns; turn++) {
        const outcome = await takeTurn(current, () => {
          isDone = true;
          return spendNow(current, keep, work);
        });
        if (outcome.kind === 'ended' || outcome.kind === 'unavailable') return outcome;
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
