import { writeJson } from './form/json.ts';
import type { Session } from './session.ts';

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

/** What can come of a turn. */
export type Outcome = RefreshOutcome | Spent;

/** Of an answer that had a session which cannot be written down. */
const unwritable: RefreshOutcome = {
  kind: 'ended',
  reason: 'the claims that came with the refresh are nested too deep, and its refresh token is used up',
};

/**
 * An outcome as the text by which others are told of it, in another process too. It never throws: whatever a provider
 * says of one person, the refresh token is used up by then, and those who keep what came of it have others to serve.
 */
export function outcomeText(outcome: Outcome): string {
  try {
    return writeJson(outcome, 3);
  } catch (error) {
    if (error instanceof RangeError) return writeJson(unwritable);
    throw error;
  }
}
