import type { Clock } from '../../clock.ts';
import type { Random } from '../../random.ts';
import { refreshTime } from '../../session/lifetime.ts';
import type { RefreshOutcome } from '../../session/outcome.ts';
import type { Session } from '../../session/session.ts';
import { checkRequiredClaims } from '../claims/user-claims.ts';
import { type IdTokenClaims, isTokenType, type Tokens } from '../tokens/tokens.ts';
import { type ClaimsNeeds, type Collected, collectClaims } from './collect-claims.ts';
import { loginError } from './failure.ts';
import type { HangWatch } from './hang-watch.ts';
import { KeysUnavailable } from './key-set.ts';
import type { Provider } from './provider.ts';
import { claimsRefreshTime } from './refresh-claims.ts';

export interface GrantNeeds extends ClaimsNeeds {
  provider: Provider;
  clock: Clock;
  random: Random;
}

/**
 * Replaces the tokens of a session (RFC 6749 §6, OpenID Connect Core §12). Rejects where the endpoint gave none; what
 * fails after it gave some does not lose them.
 */
export async function refreshTokens(
  needs: GrantNeeds,
  session: Session,
  watch: HangWatch,
): Promise<RefreshOutcome> {
  const { provider, clock, random } = needs;
  const { client, config } = provider;
  const proof = await client.proofOf(session.dpopKey);
  const tokens = await watch.call(() => client.refresh(session.refreshToken ?? '', proof), client.probe);
  // The refresh token may be spent, so there is no way back to tokens of the right type.
  if (!isTokenType(session, tokens)) {
    return { kind: 'ended', reason: `the refresh gave a token of the type ${tokens.type}` };
  }
  const stated = config.type === 'oidc' ? tokens.claims : undefined;
  // OpenID Connect Core §12.2: the same person as before. The library cannot know who that was.
  if (stated && stated.sub !== session.subject) {
    return { kind: 'ended', reason: 'the refresh gave an ID token of somebody else' };
  }
  const idToken = stated && (await isVerified(needs, tokens)) ? stated : undefined;
  const { claims: fresh, fetched, lacking } = await freshClaims(needs, session, tokens, idToken);
  // A new ID token that cannot be verified yet may have what is required.
  checkRequiredClaims(config, fresh, lacking ?? (stated !== idToken || undefined));
  const now = Math.floor(clock.now() / 1000);
  const claims = { ...authenticationOf(session), ...fresh };
  const claimsRefreshAt = claimsRefreshTime(provider, now, random);
  const newIdToken = idToken && tokens.idToken;
  return {
    kind: 'refreshed',
    session: {
      ...session,
      ...tokenFields(session, tokens, now, random),
      idToken: session.idToken === undefined ? undefined : (newIdToken ?? session.idToken),
      claims,
      fetchedClaims: fetched,
      claimsRefreshAt,
    },
  };
}

/** False where the keys cannot be had: the tokens are good all the same, and the claims of before stay. */
async function isVerified({ provider, emit }: GrantNeeds, tokens: Tokens): Promise<boolean> {
  try {
    await provider.verifyIdToken(tokens);
    return true;
  } catch (error) {
    if (!(error instanceof KeysUnavailable)) throw error;
    emit({ kind: 'claims-not-refreshed', provider: provider.name, error });
    return false;
  }
}

async function freshClaims(
  needs: GrantNeeds,
  session: Session,
  { accessToken }: Tokens,
  idToken: IdTokenClaims | undefined,
): Promise<Collected> {
  const { provider, emit } = needs;
  const known = { claims: session.claims, fetched: session.fetchedClaims };
  try {
    const proof = await provider.client.proofOf(session.dpopKey);
    const { subject } = session;
    return await collectClaims(needs, { accessToken, proof, idToken, subject, known });
  } catch (error) {
    if (loginError(error).code === 'login_token_invalid') throw error;
    // The refresh token is spent: whatever else fails, the new one must not be lost.
    emit({ kind: 'claims-not-refreshed', provider: provider.name, error });
    return { ...known, lacking: error };
  }
}

function tokenFields(session: Session, tokens: Tokens, now: number, random: Random): Partial<Session> {
  const { accessToken, expiresIn, refreshToken } = tokens;
  return {
    accessToken,
    accessTokenExpiresAt: expiresIn === undefined ? undefined : now + expiresIn,
    refreshAt: expiresIn === undefined ? undefined : refreshTime(expiresIn, now, random),
    // RFC 6749 §6: without a new refresh token the old one stays good.
    refreshToken: refreshToken ?? session.refreshToken,
  };
}

/** How and when the person signed in: a refresh need not say it again (OpenID Connect Core §12.2). */
function authenticationOf({ claims }: Session): Record<string, unknown> {
  const { acr, auth_time: authTime } = claims;
  return { ...(acr !== undefined && { acr }), ...(authTime !== undefined && { auth_time: authTime }) };
}
