import type { RefreshOutcome } from '../../session/refresh.ts';
import type { Session } from '../../session/session.ts';
import { isRefused } from '../login/claim-sources.ts';
import { type ClaimsParts, checkRequiredClaims, collectClaims } from '../login/collect-claims.ts';
import { dpopHandle } from './dpop.ts';
import type { Provider } from './provider.ts';

/** People who came together are not asked about together: the interval is up to a tenth shorter. */
const spread = 0.1;

/** When the claims of a session should be asked for again, in seconds; undefined for never. */
export function claimsRefreshTime({ config, client }: Provider, now: number): number | undefined {
  const { refreshClaims, type, userinfo, sources } = config;
  if (refreshClaims === undefined) return undefined;
  const hasUserinfo = userinfo !== false && client().serverMetadata().userinfo_endpoint !== undefined;
  if (type === 'oidc' && !hasUserinfo && sources.length === 0) return undefined;
  // Later than now in any case: the time is also what tells one turn from the next.
  return Math.max(now + 1, Math.floor(now + (refreshClaims / 1000) * (1 - spread * Math.random())));
}

/**
 * Asks userinfo and the sources again, with the access token in hand. Rejects where they cannot be had; somebody
 * who lacks a claim by now that is required is an error too.
 */
export async function askClaims(parts: ClaimsParts, session: Session): Promise<RefreshOutcome> {
  const { provider } = parts;
  const { accessToken, subject } = session;
  const known = { claims: session.claims, fetched: session.fetchedClaims };
  const client = provider.client();
  const dpop = await dpopHandle(client, session.dpopKey);
  const question = {
    client,
    accessToken,
    dpop,
    idToken: undefined,
    subject,
    known,
    again: true,
  };
  try {
    const { claims, fetched } = await collectClaims(parts, question);
    checkRequiredClaims(provider, claims);
    const claimsRefreshAt = claimsRefreshTime(provider, Math.floor(Date.now() / 1000));
    return { kind: 'refreshed', session: { ...session, claims, fetchedClaims: fetched, claimsRefreshAt } };
  } catch (error) {
    // RFC 8707 §2: a token for another resource may be refused there, and is good all the same.
    if (isRefused(error) && !provider.config.resource) return { kind: 'token-refused' };
    throw error;
  }
}
