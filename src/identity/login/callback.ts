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
import { systemRandom } from '../../random.ts';
import { refreshTime } from '../../session/lifetime.ts';
import type { Session } from '../../session/session.ts';
import { groupsAdvice } from '../person.ts';
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
import type { LateLogin } from './late.ts';
import { deriveProofs, type LoginSecrets, stateDigest } from './login-cookie.ts';
import { type CarriedLogin, isStale } from './login-state.ts';
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

/** One login on its way, brought back by the browser that began it. */
export interface PendingLogin extends CarriedLogin, Omit<LoginSecrets, 'secret' | 'returnTo'> {
  state: string;
  nonce: string;
  /** RFC 7636 §4.1. */
  codeVerifier: string;
}

/**
 * The login that an authorization response (RFC 6749 §4.1.2) belongs to, which is spent by that; or the one that it
 * once was about, where this browser keeps nothing of it, or nothing that is good any more. Rejects with GatewayError
 * 400 when the state is none of ours.
 */
export async function matchLogin(
  { loginStates, loginCookies, usedStates }: CallbackParts,
  visit: Visit,
  response: AuthorizationResponse,
): Promise<{ login: PendingLogin; late?: never } | { late: LateLogin; login?: never }> {
  const state = claimedState(response) ?? '';
  const carried = loginStates.open(state);
  if (!carried) {
    throw new GatewayError('login_cookie_missing', {
      detail:
        'The address does not say where you wanted to go: it is cut short, or was made before an update here.',
      cause: new Error(state ? 'the state is none of ours' : 'the response has no state'),
    });
  }
  const late = (reason: string) => ({ late: { state, carried, reason } });
  const isResponse = !visit.isProbe && [...response.parameters.keys()].some((name) => name !== 'state');
  if (!isResponse) return late('it brings no authorization response');
  const secrets = loginCookies.find(state, visit.cookies);
  if (!secrets) return late('no login cookie of this browser fits the state');
  if (isStale(carried, Date.now())) return late('the login has expired');
  if (!(await usedStates.claim(stateDigest(state)))) return late('the state was used before');
  const { secret, returnTo, ...kept } = secrets;
  return {
    login: {
      ...carried,
      ...kept,
      returnTo: wholeAddress(carried.returnTo, returnTo),
      state,
      ...deriveProofs(secret),
    },
  };
}

/** The long address of the cookie, where it is on the origin that was checked when the state was opened. */
function wholeAddress(returnTo: string, long: string | undefined): string {
  return long !== undefined && new URL(long).origin === new URL(returnTo).origin ? long : returnTo;
}

/** What has to hold before the code is spent and is for us to check: the library looks at the rest. */
function checkLogin({ prefix }: CallbackParts, provider: Provider, login: PendingLogin, visit: Visit): void {
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
  checkLogin(parts, provider, login, visit);
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
    const advice = groupsAdvice(provider.personRules, knowledge.claims);
    if (advice !== undefined)
      parts.log.warn({ provider: provider.name, claim: provider.config.claims.groups }, advice);
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
    refreshAt: expiresIn === undefined ? undefined : refreshTime(expiresIn, now, systemRandom),
    refreshToken: tokens.refresh_token,
    dpopKey,
    idToken: idToken && keepIdToken(provider) ? tokens.id_token : undefined,
    createdAt: exactly,
    seenAt: now,
    expiresAt: now + Math.floor(maxLifetime / 1000),
  };
}
