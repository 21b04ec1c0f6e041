import { createHash } from 'node:crypto';
import { deriveKey, type SealingKey } from './key-ring.ts';
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

/** Requests that still carry the cookie from before a refresh get its outcome for this long. */
const lingerMs = 30_000;

export interface Refresher {
  /**
   * New tokens for a session; the provider is asked once for each refresh token, whatever the number of
   * requests, workers and instances.
   * @param keep writes the new session down before anybody is told of it
   */
  refresh(session: Session, keep: (session: Session) => Promise<void>): Promise<RefreshOutcome>;
  /** The same for claims alone, once for each time that they are due. */
  refreshClaims(session: Session, keep: (session: Session) => Promise<void>): Promise<RefreshOutcome>;
}

/**
 * @param longest milliseconds that a session can last: so long is remembered which refresh tokens are used up
 */
export function createRefresher(shared: Shared, grant: Grant, longest: number): Refresher {
  const opened = (key: SealingKey, value: string, name: string): RefreshOutcome => {
    const found = openWith([key], value, 'refresh', name);
    return found ? (JSON.parse(found.text) as RefreshOutcome) : { kind: 'unavailable', retryAfter: 1 };
  };

  return {
    async refresh(session, keep) {
      const { refreshToken = '', accessToken } = session;
      // Providers that don't rotate give the same refresh token again: the access token tells one turn from the next.
      const turn = Buffer.from(`${refreshToken}\0${accessToken}`, 'utf8');
      const name = `refresh ${createHash('sha256').update(turn).digest('base64url')}`;
      // Only who holds the old tokens can read the new ones.
      const key = deriveKey(turn, 'refresh');
      const sealed = (outcome: RefreshOutcome) => sealWith(key, JSON.stringify(outcome), 'refresh', name);

      const value = await shared.once(name, async (): Promise<Posted> => {
        const outcome = await grant(session, 'tokens');
        if (outcome.kind === 'refreshed') {
          await keep(outcome.session);
          const posted = { value: sealed(outcome), lingerMs };
          if (outcome.session.refreshToken === refreshToken) return posted;
          const used: RefreshOutcome = { kind: 'ended', reason: 'this refresh token was replaced before' };
          return { ...posted, afterwards: { value: sealed(used), forMs: longest } };
        }
        return { value: sealed(outcome), lingerMs: outcome.kind === 'ended' ? longest : 0 };
      });
      return opened(key, value, name);
    },
    async refreshClaims(session, keep) {
      const { accessToken, claimsRefreshAt } = session;
      const turn = Buffer.from(`${accessToken}\0${claimsRefreshAt}`, 'utf8');
      const name = `claims ${createHash('sha256').update(turn).digest('base64url')}`;
      const key = deriveKey(turn, 'refresh');
      const value = await shared.once(name, async (): Promise<Posted> => {
        const outcome = await grant(session, 'claims');
        if (outcome.kind === 'refreshed') await keep(outcome.session);
        const posted = sealWith(key, JSON.stringify(outcome), 'refresh', name);
        return { value: posted, lingerMs: outcome.kind === 'refreshed' ? lingerMs : 0 };
      });
      return opened(key, value, name);
    },
  };
}
