import {
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from 'openid-client';
import { GatewayError } from '../../errors.ts';
import { type Answer, redirectTo } from '../../pages/answer.ts';
import type { Provider } from '../provider/provider.ts';
import type { Visit } from '../visit.ts';
import type { LoginCookies } from './login-cookie.ts';
import type { Rounds } from './rounds.ts';

/** What a login is made of; shared by its start and its callback. */
export interface LoginParts {
  provider: Provider;
  loginCookies: LoginCookies;
  rounds: Rounds;
  /** The path of the callback, the same for every origin. */
  callbackPath: string;
}

/** A login cookie must stay below 4096 bytes; a longer address is kept without its query, or not at all. */
const longestReturnTo = 2600;

/**
 * Starts a login: an authorization request (RFC 6749 §4.1.1) with state, nonce and PKCE S256, bound to this
 * browser. Throws GatewayError when the provider is away or when logins have been going round in circles.
 * @param returnTo where to go afterwards: an absolute URL that is known to be safe
 * @param signedIn the browser does have a session: who signs in again by intent is in no loop
 */
export async function startLogin(
  parts: LoginParts,
  visit: Visit,
  returnTo: string,
  signedIn = false,
): Promise<Answer> {
  if (!signedIn && parts.rounds.isLoop(visit.cookies)) {
    throw new GatewayError('login_loop', {
      detail:
        'It may block cookies for this site, or drop them because they are too many or too large. Allow cookies and try again.',
      // The count starts over, so that trying again is a real attempt.
      setCookies: parts.rounds.reset(visit.cookies),
      returnTo,
    });
  }
  const client = parts.provider.client();
  const { config } = parts.provider;
  const state = randomState();
  const nonce = randomNonce();
  const codeVerifier = randomPKCECodeVerifier();
  const location = buildAuthorizationUrl(client, {
    ...config.authorizationParams,
    redirect_uri: visit.origin + parts.callbackPath,
    response_type: 'code',
    scope: [...new Set(['openid', ...config.scopes])].join(' '),
    state,
    nonce,
    code_challenge: await calculatePKCECodeChallenge(codeVerifier),
    code_challenge_method: 'S256',
  });
  const cookies = parts.loginCookies.remember(
    {
      provider: parts.provider.name,
      state,
      nonce,
      codeVerifier,
      origin: visit.origin,
      returnTo: shortened(returnTo),
      startedAt: Math.floor(Date.now() / 1000),
    },
    visit.cookies,
  );
  return redirectTo(location.href, cookies);
}

function shortened(returnTo: string): string {
  if (returnTo.length <= longestReturnTo) return returnTo;
  const withoutQuery = returnTo.replace(/\?.*$/s, '');
  return withoutQuery.length <= longestReturnTo ? withoutQuery : `${new URL(returnTo).origin}/`;
}
