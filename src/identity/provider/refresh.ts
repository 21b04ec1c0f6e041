import {
  type Configuration,
  ResponseBodyError,
  refreshTokenGrant,
  type TokenEndpointResponse,
} from 'openid-client';
import type { GatewayError } from '../../errors.ts';
import { describeError, type Logger } from '../../observe/log.ts';
import { refreshTime } from '../../session/lifetime.ts';
import type { Grant, RefreshOutcome } from '../../session/refresh.ts';
import type { Session } from '../../session/session.ts';
import {
  type ClaimsParts,
  checkRequiredClaims,
  collectClaims,
  type Knowledge,
} from '../login/collect-claims.ts';
import { createCircuit } from './circuit.ts';
import { dpopHandle, isTokenType } from './dpop.ts';
import { loginError } from './failure.ts';
import { verifyIdToken } from './id-token.ts';
import type { Providers } from './providers.ts';
import { askClaims, claimsRefreshTime } from './refresh-claims.ts';
import { resourceParameters } from './resource.ts';
import { askTokenEndpoint } from './tenants.ts';

export interface GrantsParts {
  providers: Providers;
  /** The dotted paths of every claim that the configuration uses. */
  claimPaths: ReadonlySet<string>;
  log: Logger;
}

/** The same, for one of the providers. */
type GrantParts = ClaimsParts;

/**
 * Makes the function that replaces the tokens of a session (RFC 6749 §6, OpenID Connect Core §12): it asks the
 * provider that gave them.
 */
export function createGrants({ providers, ...rest }: GrantsParts): Grant {
  const grants = new Map(
    providers.all.map((provider) => {
      const parts = { ...rest, provider };
      // The endpoints fail apart from each other.
      return [
        provider.name,
        { tokens: guarded(parts, askProvider), claims: guarded(parts, askClaims) },
      ] as const;
    }),
  );
  return async (session, renewal) =>
    grants.get(session.provider)?.[renewal](session) ?? {
      kind: 'ended',
      reason: 'its provider is not configured any more',
    };
}

type Ask = (parts: GrantParts, session: Session) => Promise<RefreshOutcome>;

/** Asks, and makes an outcome of whatever comes of it; a provider that is out is left alone for a while. */
function guarded(parts: GrantParts, ask: Ask): (session: Session) => Promise<RefreshOutcome> {
  const { provider, log } = parts;
  const what = ask === askClaims ? 'refresh of claims' : 'refresh';
  const circuit = createCircuit();
  return async (session) => {
    if (!provider.isReady()) return { kind: 'unavailable', retryAfter: 1 };
    const wait = circuit.blockedFor();
    if (wait > 0) return { kind: 'unavailable', retryAfter: wait };
    try {
      const next = await ask(parts, session);
      circuit.succeeded();
      log.info({ provider: provider.name, subject: session.subject }, what);
      return next;
    } catch (error) {
      return failed(error);
    }
  };

  function failed(error: unknown): RefreshOutcome {
    if (error instanceof ResponseBodyError && error.error === 'invalid_grant') {
      circuit.succeeded();
      return { kind: 'ended', reason: describeError(error) };
    }
    const failure: GatewayError = loginError(error);
    if (failure.code === 'login_token_invalid' || failure.code === 'login_not_admitted') {
      circuit.succeeded();
      return { kind: 'ended', reason: describeError(error) };
    }
    circuit.failed(retryAfterOf(error));
    const retryAfter = Math.max(1, circuit.blockedFor());
    log.warn({ provider: provider.name, reason: describeError(error), retryAfter }, `${what} failed`);
    return { kind: 'unavailable', retryAfter };
  }
}

async function askProvider(
  { provider, claimPaths, log }: GrantParts,
  session: Session,
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
  const tokens = await askTokenEndpoint(provider, client, ask);
  // The refresh token may be spent, so there is no way back to tokens of the right type.
  if (!isTokenType(session, tokens)) {
    return { kind: 'ended', reason: `the refresh gave a token of the type ${tokens.token_type}` };
  }
  const idToken = provider.config.type === 'oidc' ? tokens.claims() : undefined;
  if (idToken) await verifyIdToken(provider, tokens);
  // OpenID Connect Core §12.2: the same person as before. The library cannot know who that was.
  if (idToken && idToken.sub !== session.subject) {
    return { kind: 'ended', reason: 'the refresh gave an ID token of somebody else' };
  }
  const known = { claims: session.claims, fetched: session.fetchedClaims };
  const { claims: fresh, fetched } = await freshClaims();
  checkRequiredClaims(provider, fresh);
  const now = Math.floor(Date.now() / 1000);
  const claims = { ...authenticationOf(session), ...fresh };
  const about = { claims, fetchedClaims: fetched, claimsRefreshAt: claimsRefreshTime(provider, now) };
  return { kind: 'refreshed', session: { ...session, ...tokenFields(tokens, tokens.expiresIn()), ...about } };

  async function freshClaims(): Promise<Knowledge> {
    const { subject } = session;
    const { access_token: accessToken } = tokens;
    try {
      return await collectClaims(
        { provider, claimPaths, log },
        { client, accessToken, dpop, idToken, subject, known },
      );
    } catch (error) {
      if (loginError(error).code === 'login_token_invalid') throw error;
      // The refresh token is spent: whatever else fails, the new one must not be lost.
      log.warn({ provider: provider.name, reason: describeError(error) }, 'claims could not be refreshed');
      return known;
    }
  }

  function tokenFields(fresh: TokenEndpointResponse, expiresIn: number | undefined): Partial<Session> {
    const now = Math.floor(Date.now() / 1000);
    return {
      accessToken: fresh.access_token,
      accessTokenExpiresAt: expiresIn === undefined ? undefined : now + expiresIn,
      refreshAt: expiresIn === undefined ? undefined : refreshTime(expiresIn, now),
      // RFC 6749 §6: without a new refresh token the old one stays good.
      refreshToken: fresh.refresh_token ?? session.refreshToken,
      idToken: session.idToken === undefined ? undefined : (fresh.id_token ?? session.idToken),
    };
  }
}

/** How and when the person signed in: a refresh need not say it again (OpenID Connect Core §12.2). */
function authenticationOf({ claims }: Session): Record<string, unknown> {
  const { acr, auth_time: authTime } = claims;
  return { ...(acr !== undefined && { acr }), ...(authTime !== undefined && { auth_time: authTime }) };
}

/** What an error answer says (RFC 9110 §10.2.3), in seconds; the form with a date is not worth a parser here. */
export function retryAfterOf(error: unknown): number | undefined {
  const response = error instanceof ResponseBodyError ? error.response : (error as Error).cause;
  const header = response instanceof Response ? response.headers.get('retry-after') : null;
  return header !== null && /^\d{1,6}$/.test(header) ? Number(header) : undefined;
}
