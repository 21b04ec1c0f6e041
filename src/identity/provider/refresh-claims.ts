import type { Clock } from '../../clock.ts';
import type { ProviderConfig } from '../../config/schema/index.ts';
import type { Random } from '../../random.ts';
import type { RefreshOutcome } from '../../session/outcome.ts';
import type { Session } from '../../session/session.ts';
import { checkRequiredClaims } from '../claims/user-claims.ts';
import type { ProviderClient } from './client.ts';
import { type ClaimsNeeds, collectClaims } from './collect-claims.ts';
import { isRefused, meansTokenIsBad } from './resource-verdict.ts';

/** People who came together are not asked about together: the interval is up to a tenth shorter. */
const spread = 0.1;

/** When the claims of a session should be asked for again, in seconds; undefined for never. @param now in seconds */
export function claimsRefreshTime(
  { config, client }: { config: ProviderConfig; client: Pick<ProviderClient, 'metadata'> },
  now: number,
  random: Random,
): number | undefined {
  const { refreshClaims, type, userinfo, sources } = config;
  if (refreshClaims === undefined) return undefined;
  const hasUserinfo = userinfo !== false && client.metadata().userinfo_endpoint !== undefined;
  if (type === 'oidc' && !hasUserinfo && sources.length === 0) return undefined;
  // Later than now in any case: the time is also what tells one turn from the next.
  return Math.max(now + 1, Math.floor(now + (refreshClaims / 1000) * (1 - spread * random())));
}

/** What asks for the claims of a session again. */
interface AskNeeds extends ClaimsNeeds {
  clock: Pick<Clock, 'now' | 'monotonic'>;
  random: Random;
}

/**
 * Asks userinfo and the sources again, with the access token in hand. Rejects where they cannot be had; somebody
 * who lacks a claim by now that is required is an error too.
 */
export async function askClaims(needs: AskNeeds, session: Session): Promise<RefreshOutcome> {
  const { provider, clock, random } = needs;
  const { accessToken, subject } = session;
  const known = { claims: session.claims, fetched: session.fetchedClaims };
  const proof = await provider.client.proofOf(session.dpopKey);
  const question = { accessToken, proof, idToken: undefined, subject, known, again: true };
  try {
    const { claims, fetched, lacking } = await collectClaims(needs, question);
    checkRequiredClaims(provider.config, claims, lacking);
    const claimsRefreshAt = claimsRefreshTime(provider, Math.floor(clock.now() / 1000), random);
    return { kind: 'refreshed', session: { ...session, claims, fetchedClaims: fetched, claimsRefreshAt } };
  } catch (error) {
    // RFC 8707 §2: a token for another resource may be refused there, and is good all the same.
    const hasOther = session.refreshToken !== undefined;
    const isBad = hasOther ? isRefused(error) : meansTokenIsBad(error);
    if (isBad && !provider.config.resource) return { kind: 'token-refused' };
    throw error;
  }
}
