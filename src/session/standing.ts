import { GatewayError } from '../errors.ts';
import type { Found } from './found.ts';
import type { Session } from './session.ts';

/** The session of a request, ready to be used. */
export interface Current {
  session: Session;
  /** What the answer has to set, often nothing. */
  setCookies: readonly string[];
  /** They say nothing but that the session was used, or seal it anew: a later answer can bring them as well. */
  canWait?: boolean;
  /** For the store, to write it again. */
  found: Found;
  /** To be called when an answer has brought `setCookies` to the browser; undefined where nobody needs to know. */
  delivered?: (() => void) | undefined;
}

/** A session that is there and cannot be used: the request goes on as that of nobody. */
export interface Lapsed {
  lapsed:
    | 'ended'
    /** The provider refuses this session alone, and may not for ever: the cookie stays. */
    | 'parked'
    /** Nobody knows: the provider is out. Only a new login makes sense, or to wait. */
    | 'unavailable';
  /** What the answer has to set: the cookie of a session that has ended is taken away. */
  setCookies: readonly string[];
  /** Seconds until it makes sense to ask again. */
  retryAfter: number | undefined;
  /** For the log. */
  reason: string;
}

/** How a request stands: with a session, with one that cannot be used, or without. */
export type Standing = Current | Lapsed | undefined;

/** Throws GatewayError 503 where nobody knows whether the session is good. */
export function usable(standing: Standing): Current | undefined {
  if (standing === undefined || !('lapsed' in standing)) return standing;
  if (standing.lapsed !== 'unavailable') return undefined;
  throw new GatewayError('provider_unavailable', {
    retryAfter: standing.retryAfter ?? 1,
    cause: new Error(standing.reason),
  });
}
