import { ResponseBodyError, refreshTokenGrant, type TokenEndpointResponse } from 'openid-client';
import type { GatewayError } from '../../errors.ts';
import { describeError, type Logger } from '../../observe/log.ts';
import { refreshTime } from '../../session/lifetime.ts';
import type { Grant, RefreshOutcome } from '../../session/refresh.ts';
import type { Session } from '../../session/session.ts';
import { collectClaims } from '../login/collect-claims.ts';
import { createCircuit } from './circuit.ts';
import { dpopHandle, isTokenType } from './dpop.ts';
import { loginError } from './failure.ts';
import { verifyIdToken } from './id-token.ts';
import type { Provider } from './provider.ts';
import type { Providers } from './providers.ts';
import { resourceParameters } from './resource.ts';

export interface GrantsParts {
  providers: Providers;
  /** The dotted paths of every claim that the configuration uses. */
  claimPaths: ReadonlySet<string>;
  log: Logger;
}

/** The same, for one of the providers. */
type GrantParts = Omit<GrantsParts, 'providers'> & { provider: Provider };

/**
 * Makes the function that replaces the tokens of a session (RFC 6749 §6, OpenID Connect Core §12): it asks the
 * provider that gave them.
 */
export function createGrants({ providers, ...rest }: GrantsParts): Grant {
  const grants = new Map(
    providers.all.map((provider) => [provider.name, createGrant({ ...rest, provider })]),
  );
  return async (session) =>
    grants.get(session.provider)?.(session) ?? {
      kind: 'ended',
      reason: 'its provider is not configured any more',
    };
}

function createGrant(parts: GrantParts): Grant {
  const { provider, log } = parts;
  const circuit = createCircuit();
  return async (session) => {
    if (!provider.isReady()) return { kind: 'unavailable', retryAfter: 1 };
    const wait = circuit.blockedFor();
    if (wait > 0) return { kind: 'unavailable', retryAfter: wait };
    try {
      const next = await askProvider(parts, session);
      circuit.succeeded();
      log.info({ provider: provider.name, subject: session.subject }, 'refresh');
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
    if (failure.code === 'login_token_invalid') {
      circuit.succeeded();
      return { kind: 'ended', reason: describeError(error) };
    }
    circuit.failed(retryAfterOf(error));
    const retryAfter = Math.max(1, circuit.blockedFor());
    log.warn({ provider: provider.name, reason: describeError(error), retryAfter }, 'refresh failed');
    return { kind: 'unavailable', retryAfter };
  }
}

async function askProvider(
  { provider, claimPaths, log }: GrantParts,
  session: Session,
): Promise<RefreshOutcome> {
  const client = provider.refreshClient();
  const dpop = await dpopHandle(client, session.dpopKey);
  const tokens = await refreshTokenGrant(
    client,
    session.refreshToken ?? '',
    resourceParameters(provider.config),
    dpop && { DPoP: dpop },
  );
  // The refresh token may be spent, so there is no way back to tokens of the right type.
  if (!isTokenType(session, tokens)) {
    return { kind: 'ended', reason: `the refresh gave a token of the type ${tokens.token_type}` };
  }
  const idToken = tokens.claims();
  if (idToken) await verifyIdToken(provider, tokens);
  // OpenID Connect Core §12.2: the same person as before. The library cannot know who that was.
  if (idToken && idToken.sub !== session.subject) {
    return { kind: 'ended', reason: 'the refresh gave an ID token of somebody else' };
  }
  const claims = await freshClaims();
  return {
    kind: 'refreshed',
    session: {
      ...session,
      ...tokenFields(tokens, tokens.expiresIn()),
      claims: { ...authenticationOf(session), ...claims },
    },
  };

  async function freshClaims(): Promise<Readonly<Record<string, unknown>>> {
    const known = { sub: session.subject, ...idToken };
    try {
      return await collectClaims({ provider, claimPaths, log, dpop }, client, tokens, known, session.claims);
    } catch (error) {
      if (loginError(error).code === 'login_token_invalid') throw error;
      // The refresh token is spent: whatever else fails, the new one must not be lost.
      log.warn({ provider: provider.name, reason: describeError(error) }, 'claims could not be refreshed');
      return session.claims;
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
