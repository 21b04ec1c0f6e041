import { createBounded } from '../../bounded.ts';
import type { Clock } from '../../clock.ts';
import type { Obtained } from './ask.ts';

/** Tokens of one target that this process has seen, so that a request with a known one asks and opens nothing. */
export interface TokenCache {
  /** The token of a subject, while it is good; `isDue` for one caller a second when it is time for a new one. */
  get(subject: string): { token: string; isDue: boolean } | undefined;
  put(subject: string, obtained: Obtained): void;
}

interface Entry {
  token: string;
  /** Milliseconds of a clock that is never set. */
  renewAt: number;
  expiresAt: number;
}

/** About 30 MB of tokens; the oldest give way. */
const mostTokens = 10_000;
/** While one request renews a token, others go on with it. */
const nextTryMs = 1000;

export function createTokenCache({ now, monotonic }: Pick<Clock, 'now' | 'monotonic'>): TokenCache {
  const entries = createBounded<string, Entry>({
    entries: mostTokens,
    ends: { at: ({ expiresAt }) => expiresAt, now: monotonic },
  });
  return {
    get(subject) {
      const entry = entries.get(subject);
      if (!entry) return undefined;
      const at = monotonic();
      const isDue = at >= entry.renewAt;
      if (isDue) entry.renewAt = at + nextTryMs;
      return { token: entry.token, isDue };
    },
    put(subject, obtained) {
      if (obtained.kind !== 'token') return;
      const { token, renewAt, expiresAt } = obtained;
      // From here on what is left of it counts, whatever becomes of the time of day.
      const left = (seconds: number) => monotonic() + seconds * 1000 - now();
      entries.set(subject, { token, renewAt: left(renewAt), expiresAt: left(expiresAt) });
    },
  };
}
