import type { Clock } from '../../clock.ts';
import { GatewayError } from '../../errors.ts';
import { text } from '../../pages/texts/text.ts';
import type { BrowserRequest } from '../browser/browser-request.ts';
import { type AuthorizationResponse, claimedState } from './authorization-response.ts';
import type { LateLogin } from './late.ts';
import { deriveProofs, type LoginCookies, type LoginSecrets, stateDigest } from './login-cookie.ts';
import { type CarriedLogin, isStale, type LoginStates } from './login-state.ts';
import type { UsedStates } from './used-states.ts';

/** What finds the login that a response belongs to. */
export interface MatchNeeds {
  loginStates: Pick<LoginStates, 'open'>;
  loginCookies: Pick<LoginCookies, 'find'>;
  usedStates: UsedStates;
  clock: Pick<Clock, 'now'>;
}

/** One login on its way, brought back by the browser that began it. */
export interface PendingLogin extends CarriedLogin, Omit<LoginSecrets, 'secret' | 'returnTo'> {
  state: string;
  nonce: string;
  /** RFC 7636 §4.1. */
  codeVerifier: string;
}

/** The login that a response belongs to, or the one that it once was about. */
export type Matched = { login: PendingLogin; late?: never } | { late: LateLogin; login?: never };

/**
 * The login that an authorization response (RFC 6749 §4.1.2) belongs to, which is spent by that; or the one that it
 * once was about, where this browser keeps nothing of it, or nothing that is good any more. Rejects with GatewayError
 * 400 when the state was not made here.
 */
export async function matchLogin(
  { loginStates, loginCookies, usedStates, clock }: MatchNeeds,
  browser: BrowserRequest,
  response: AuthorizationResponse,
): Promise<Matched> {
  const state = claimedState(response) ?? '';
  const carried = loginStates.open(state);
  if (!carried) {
    throw new GatewayError('login_cookie_missing', {
      detail: text('detail.state_unreadable'),
      cause: new Error(state ? 'the state was not made here' : 'the response has no state'),
    });
  }
  const late = (reason: string) => ({ late: { state, carried, reason } });
  const isResponse = !browser.isProbe && [...response.parameters.keys()].some((name) => name !== 'state');
  if (!isResponse) return late('it brings no authorization response');
  const secrets = loginCookies.find(state, browser.cookies);
  if (!secrets) return late('no login cookie of this browser fits the state');
  if (isStale(carried, clock.now())) return late('the login has expired');
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
