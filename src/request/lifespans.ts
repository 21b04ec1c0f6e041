import type { Lifespan } from '../forward/live-connections.ts';
import type { Caller } from '../identity/claims/caller.ts';
import type { SessionRevocations } from '../session/revocation-keys.ts';
import type { Session } from '../session/session.ts';

/** How long what somebody has open may stay so; undefined for what knows no end. */
export type LifespanOf = (caller: Caller) => Lifespan | undefined;

export interface LifespanNeeds {
  revocations: Pick<SessionRevocations, 'isRevoked'>;
  /** Whether a WebSocket ends with the access token that opened it. */
  closeAtTokenExpiry: boolean;
}

/** Nobody tells the gateway of tokens that are revoked. */
const isRevoked = () => false;

export function createLifespans({ revocations, closeAtTokenExpiry }: LifespanNeeds): LifespanOf {
  /** Sessions that are remembered come again as the same object; each has one lifespan. */
  const known = new WeakMap<Session, Lifespan>();
  return ({ current, tokenExpiresAt }) => {
    // A client has nothing but its token, so what it has open ends with that.
    if (!current) return tokenExpiresAt === undefined ? undefined : { endsAt: tokenExpiresAt, isRevoked };
    const { session } = current;
    let lifespan = known.get(session);
    if (!lifespan) {
      const tokenEnd = closeAtTokenExpiry ? session.accessTokenExpiresAt : undefined;
      const endsAt = Math.min(session.expiresAt, tokenEnd ?? session.expiresAt);
      lifespan = { endsAt, isRevoked: () => revocations.isRevoked(session) };
      known.set(session, lifespan);
    }
    return lifespan;
  };
}
