import { randomBytes } from 'node:crypto';
import {
  type Configuration,
  genericGrantRequest,
  refreshTokenGrant,
  type TokenEndpointResponse,
} from 'openid-client';
import type { Clock } from '../../clock.ts';
import { describeError } from '../../observe/log.ts';
import { systemRandom } from '../../random.ts';
import { refreshTime } from '../../session/lifetime.ts';
import type { RefreshOutcome } from '../../session/refresh.ts';
import type { Session } from '../../session/session.ts';
import {
  type ClaimsParts,
  checkRequiredClaims,
  collectClaims,
  type Knowledge,
} from '../login/collect-claims.ts';
import { dpopHandle, isTokenType } from './dpop.ts';
import { loginError } from './failure.ts';
import type { HangWatch, Probe } from './hang-watch.ts';
import { verifyIdToken } from './id-token.ts';
import { KeysUnavailable } from './keys.ts';
import type { Provider } from './provider.ts';
import { claimsRefreshTime } from './refresh-claims.ts';
import { resourceParameters } from './resource.ts';
import { askTokenEndpoint } from './tenants.ts';
import { judgeError } from './verdict.ts';

export interface GrantParts extends ClaimsParts {
  clock: Clock;
}

/**
 * Replaces the tokens of a session (RFC 6749 §6, OpenID Connect Core §12). Rejects where the endpoint gave none; what
 * fails after it gave some does not lose them.
 */
export async function refreshTokens(
  { provider, claimPaths, log, clock }: GrantParts,
  session: Session,
  watch: HangWatch,
): Promise<RefreshOutcome> {
  const client = provider.refreshClient();
  const dpop = await dpopHandle(client, session.dpopKey);
  const ask = (asking: Configuration) =>
    refreshTokenGrant(
      asking,
      session.refreshToken ?? '',
      resourceParameters(provider.config),
      dpop && { DPoP: dpop },
    );
  const tokens = await watch.call(() => askTokenEndpoint(provider, client, ask));
  // The refresh token may be spent, so there is no way back to tokens of the right type.
  if (!isTokenType(session, tokens)) {
    return { kind: 'ended', reason: `the refresh gave a token of the type ${tokens.token_type}` };
  }
  const stated = provider.config.type === 'oidc' ? tokens.claims() : undefined;
  // OpenID Connect Core §12.2: the same person as before. The library cannot know who that was.
  if (stated && stated.sub !== session.subject) {
    return { kind: 'ended', reason: 'the refresh gave an ID token of somebody else' };
  }
  const idToken = stated && (await isVerified()) ? stated : undefined;
  const known = { claims: session.claims, fetched: session.fetchedClaims };
  const { claims: fresh, fetched } = await freshClaims();
  checkRequiredClaims(provider, fresh);
  const now = Math.floor(clock.now() / 1000);
  const claims = { ...authenticationOf(session), ...fresh };
  const about = { claims, fetchedClaims: fetched, claimsRefreshAt: claimsRefreshTime(provider, now) };
  return { kind: 'refreshed', session: { ...session, ...tokenFields(tokens, tokens.expiresIn()), ...about } };

  /** False where the keys cannot be had: the tokens are good all the same, and the claims of before stay. */
  async function isVerified(): Promise<boolean> {
    try {
      await verifyIdToken(provider, tokens);
      return true;
    } catch (error) {
      if (!(error instanceof KeysUnavailable)) throw error;
      log.warn({ provider: provider.name, reason: describeError(error) }, 'claims could not be refreshed');
      return false;
    }
  }

  async function freshClaims(): Promise<Knowledge> {
    const { subject } = session;
    const { access_token: accessToken } = tokens;
    try {
      // Not with the patience of a refresh: the answer of the token endpoint is in hand.
      const asking = provider.client();
      const proof = await dpopHandle(asking, session.dpopKey);
      return await collectClaims(
        { provider, claimPaths, log },
        { client: asking, accessToken, dpop: proof, idToken, subject, known },
      );
    } catch (error) {
      if (loginError(error).code === 'login_token_invalid') throw error;
      // The refresh token is spent: whatever else fails, the new one must not be lost.
      log.warn({ provider: provider.name, reason: describeError(error) }, 'claims could not be refreshed');
      return known;
    }
  }

  function tokenFields(fresh: TokenEndpointResponse, expiresIn: number | undefined): Partial<Session> {
    const now = Math.floor(clock.now() / 1000);
    const newIdToken = idToken === undefined ? undefined : fresh.id_token;
    return {
      accessToken: fresh.access_token,
      accessTokenExpiresAt: expiresIn === undefined ? undefined : now + expiresIn,
      refreshAt: expiresIn === undefined ? undefined : refreshTime(expiresIn, now, systemRandom),
      // RFC 6749 §6: without a new refresh token the old one stays good.
      refreshToken: fresh.refresh_token ?? session.refreshToken,
      idToken: session.idToken === undefined ? undefined : (newIdToken ?? session.idToken),
    };
  }
}

/** How and when the person signed in: a refresh need not say it again (OpenID Connect Core §12.2). */
function authenticationOf({ claims }: Session): Record<string, unknown> {
  const { acr, auth_time: authTime } = claims;
  return { ...(acr !== undefined && { acr }), ...(authTime !== undefined && { auth_time: authTime }) };
}

/** A server that does not answer such a call in this time does not answer. */
const probeTimeoutMs = 2000;

/**
 * Asks the token endpoint with a code, or a refresh token, that was made up: a server that works refuses it. Rejects
 * where there is no answer, or one that says that the server does not work.
 */
export function tokenEndpointProbe(provider: Provider): Probe {
  return async (grant) => {
    const { issuer } = provider.client().serverMetadata();
    const client = provider.clientOfIssuer(issuer, probeTimeoutMs, provider.fetch);
    const name = grant === 'refresh_token' ? 'refresh_token' : 'code';
    try {
      await genericGrantRequest(client, grant, { [name]: `probe-${randomBytes(12).toString('base64url')}` });
    } catch (error) {
      if (judgeError(error).kind === 'unavailable') throw error;
    }
  };
}
