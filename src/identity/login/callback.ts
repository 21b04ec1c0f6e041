import { randomBytes } from 'node:crypto';
import {
  authorizationCodeGrant,
  type Configuration,
  type IDToken,
  type TokenEndpointResponse,
  type TokenEndpointResponseHelpers,
} from 'openid-client';
import { GatewayError } from '../../errors.ts';
import type { Logger } from '../../observe/log.ts';
import { refreshTime } from '../../session/lifetime.ts';
import type { Session } from '../../session/session.ts';
import { dpopHandle, isTokenType } from '../provider/dpop.ts';
import { loginError } from '../provider/failure.ts';
import { verifyIdToken } from '../provider/id-token.ts';
import type { Provider } from '../provider/provider.ts';
import { claimsRefreshTime } from '../provider/refresh-claims.ts';
import { resourceParameters } from '../provider/resource.ts';
import { askTokenEndpoint } from '../provider/tenants.ts';
import type { Visit } from '../visit.ts';
import {
  type AuthorizationResponse,
  claimedState,
  readAuthorizationResponse,
} from './authorization-response.ts';
import { checkRequiredClaims, collectClaims, type Knowledge, subjectOf } from './collect-claims.ts';
import type { PendingLogin } from './login-cookie.ts';
import { callbackPath, type LoginParts } from './start.ts';
import { unmetByLogin } from './step-up.ts';
import type { UsedStates } from './used-states.ts';

export interface CallbackParts extends LoginParts {
  usedStates: UsedStates;
  /** The dotted paths of every claim that the configuration uses. */
  claimPaths: ReadonlySet<string>;
  keepIdToken(provider: Provider): boolean;
  /** Milliseconds. */
  maxLifetime: number;
  log: Logger;
}

export interface FinishedLogin {
  session: Session;
  returnTo: string;
  /** What the sign-in lacks of what was asked: the session must not begin. */
  unmet: ReturnType<typeof unmetByLogin>;
}

/**
 * The login that an authorization response (RFC 6749 §4.1.2) belongs to. Throws GatewayError 400 when it
 * belongs to none of this browser's.
 */
export function matchLogin(
  { loginCookies }: LoginParts,
  visit: Visit,
  response: AuthorizationResponse,
): PendingLogin {
  const state = claimedState(response);
  const login = state === null || state === '' ? undefined : loginCookies.find(state, visit.cookies);
  if (login) return login;
  throw new GatewayError('login_cookie_missing', {
    detail:
      'Perhaps the Back button was used, the sign-in page was open for more than ten minutes, or your browser blocks cookies.',
    cause: new Error(state ? 'no login cookie of this browser fits the state' : 'the response has no state'),
  });
}

/** What has to hold before the code is spent and is for us to check: the library looks at the rest. */
async function checkLogin(
  { usedStates, prefix }: CallbackParts,
  provider: Provider,
  login: PendingLogin,
  visit: Visit,
): Promise<void> {
  if (!(await usedStates.claim(login.state))) {
    throw new GatewayError('login_cookie_missing', { cause: new Error('the state was used before') });
  }
  // RFC 9700 §4.4.2.2: an answer at another provider's redirect URI is that provider's.
  if (login.origin !== visit.origin || visit.path !== callbackPath(prefix, provider)) {
    throw new GatewayError('login_state_mismatch', {
      cause: new Error(`the login began at ${login.origin} with provider ${login.provider}`),
    });
  }
}

/**
 * Ends a login: checks the authorization response, exchanges the code, checks the ID token and makes the
 * session. Rejects with GatewayError.
 */
export async function finishLogin(
  parts: CallbackParts,
  login: PendingLogin,
  visit: Visit,
  response: AuthorizationResponse,
): Promise<FinishedLogin> {
  const provider = parts.providers.get(login.provider);
  if (!provider) {
    throw new GatewayError('login_state_mismatch', {
      cause: new Error(`there is no ${login.provider} any more`),
    });
  }
  const client = provider.client();
  await checkLogin(parts, provider, login, visit);
  const parameters = await readAuthorizationResponse(provider, response);
  try {
    const dpop = await dpopHandle(client, login.dpopKey);
    // The redirect URI is made of what is configured; Host and X-Forwarded-* have no say in it.
    const currentUrl = new URL(`${login.origin}${visit.path}?${parameters}`);
    const isOpenId = provider.config.type === 'oidc';
    const checks = {
      expectedState: login.state,
      ...(provider.config.pkce && { pkceCodeVerifier: login.codeVerifier }),
      ...(isOpenId && { expectedNonce: login.nonce, idTokenExpected: true }),
      ...(isOpenId && login.maxAge !== undefined && { maxAge: login.maxAge }),
    };
    const ask = (asking: Configuration) =>
      authorizationCodeGrant(
        asking,
        currentUrl,
        // The library writes into them.
        { ...checks },
        resourceParameters(provider.config),
        dpop && { DPoP: dpop },
      );
    const tokens = await askTokenEndpoint(provider, client, ask, parameters.get('iss'));
    if (isOpenId) await verifyIdToken(provider, tokens);
    if (!isTokenType(login, tokens)) {
      const expected = login.dpopKey === undefined ? 'Bearer' : 'DPoP';
      const detail = `The access token is not of the type ${expected}.`;
      throw new GatewayError('login_response_invalid', { detail });
    }
    const idToken = isOpenId ? checkedIdToken(tokens) : undefined;
    const unmet = unmetByLogin(login.stepUp, idToken);
    const { access_token: accessToken } = tokens;
    const question = { client, accessToken, dpop, idToken, subject: idToken?.sub };
    const knowledge = await collectClaims({ ...parts, provider }, question);
    checkRequiredClaims(provider, knowledge.claims);
    const session = newSession(parts, provider, login, tokens, idToken, knowledge);
    return { session, returnTo: login.returnTo, unmet };
  } catch (error) {
    throw loginError(error);
  }
}

function checkedIdToken(tokens: TokenEndpointResponse & TokenEndpointResponseHelpers): IDToken {
  const idToken = tokens.claims();
  if (!idToken || typeof idToken.sub !== 'string' || idToken.sub === '') {
    throw new GatewayError('login_token_invalid', { detail: 'The ID token names nobody.' });
  }
  return idToken;
}

function newSession(
  { maxLifetime, keepIdToken }: CallbackParts,
  provider: Provider,
  { dpopKey }: PendingLogin,
  tokens: TokenEndpointResponse & TokenEndpointResponseHelpers,
  idToken: IDToken | undefined,
  { claims, fetched }: Knowledge,
): Session {
  const exactly = Date.now() / 1000;
  const now = Math.floor(exactly);
  const expiresIn = tokens.expiresIn();
  const sid = idToken?.sid;
  // Without an ID token the collecting of claims has made sure that there is one.
  const subject = idToken?.sub ?? subjectOf(claims[provider.config.claims.user]) ?? '';
  return {
    id: randomBytes(16).toString('base64url'),
    provider: provider.name,
    subject,
    providerSessionId: typeof sid === 'string' ? sid : undefined,
    claims,
    fetchedClaims: fetched,
    claimsRefreshAt: claimsRefreshTime(provider, now),
    accessToken: tokens.access_token,
    accessTokenExpiresAt: expiresIn === undefined ? undefined : now + expiresIn,
    refreshAt: expiresIn === undefined ? undefined : refreshTime(expiresIn, now),
    refreshToken: tokens.refresh_token,
    dpopKey,
    idToken: idToken && keepIdToken(provider) ? tokens.id_token : undefined,
    createdAt: exactly,
    seenAt: now,
    expiresAt: now + Math.floor(maxLifetime / 1000),
  };
}
