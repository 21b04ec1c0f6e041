import type { Clock } from '../../clock.ts';
import { GatewayError } from '../../errors.ts';
import type { Emit } from '../../observe/events.ts';
import { type Answer, redirectTo, withCookies } from '../../pages/answer.ts';
import { text } from '../../pages/texts/text.ts';
import type { Sessions } from '../../session/sessions.ts';
import { askedBy, type BrowserRequest } from '../browser/browser-request.ts';
import type { Providers } from '../provider/providers.ts';
import { type AuthorizationResponse, refuseDoubled } from './authorization-response.ts';
import type { LoginCookies } from './login-cookie.ts';
import { type CarriedLogin, isStale } from './login-state.ts';
import type { Rounds } from './rounds.ts';
import type { StartLogin } from './start.ts';

/** A callback that ends no login of this browser, and yet says where somebody was going. */
export interface LateLogin {
  state: string;
  carried: CarriedLogin;
  /** For the log: what is missing. */
  reason: string;
}

export interface LateNeeds {
  providers: Pick<Providers, 'get'>;
  sessions: Pick<Sessions, 'find'>;
  loginCookies: Pick<LoginCookies, 'forget'>;
  rounds: Pick<Rounds, 'count'>;
  start: StartLogin;
  emit: Emit;
  clock: Pick<Clock, 'now'>;
}

/**
 * So many logins in a row may come back without their cookies. The count is sealed into the state, so that it ends
 * for a browser that keeps no cookie at all.
 */
const mostAgain = 2;

/**
 * Answers a callback that comes late: out of the history, of a bookmark, of a tab that was restored, of a program
 * that followed the redirect in place of the browser. With a session it goes on to where that login was bound;
 * without one the login begins once more. Nothing that came along, neither code nor error, is looked at: it may
 * be somebody else's (RFC 9700 §4.7). What is left is a link to a page of this site.
 *
 * Rejects with GatewayError: 400 for a doubled parameter and for a browser that keeps coming back without cookies, 503 where it cannot be told
 * whether there is a session.
 */
export async function answerLate(
  parts: LateNeeds,
  browser: BrowserRequest,
  response: AuthorizationResponse,
  { state, carried, reason }: LateLogin,
): Promise<Answer> {
  refuseDoubled(response.parameters);
  // Browsers hold Lax cookies back from a form of another site: whether there is a session, only a GET can tell.
  if (response.mode === 'form_post') {
    return redirectTo(`${browser.origin}${browser.path}?${new URLSearchParams({ state })}`);
  }
  const { provider, returnTo, stepUp } = carried;
  const session = await parts.sessions.find(browser.cookies);
  const signedIn = session !== undefined;
  parts.emit({ kind: 'login-late', provider, reason, signedIn, ...askedBy(browser) });
  const forget = browser.isProbe ? [] : parts.loginCookies.forget(state, browser.cookies);
  if (session) {
    // Of another kind than this login was for: the page may ask for that again, and must not do so for ever.
    const isOther = !browser.isProbe && (stepUp !== undefined || session.provider !== provider);
    return redirectTo(returnTo, [...forget, ...(isOther ? [parts.rounds.count(browser.cookies)] : [])]);
  }
  // Who took that long does not go round in circles.
  const again = isStale(carried, parts.clock.now()) ? 0 : carried.again;
  if (again >= mostAgain) {
    throw new GatewayError('login_cookie_missing', {
      detail: text('detail.cookies_not_kept'),
      cause: new Error(`${reason}, ${again + 1} times in a row`),
      setCookies: forget,
      returnTo,
    });
  }
  const answer = await parts.start(browser, {
    returnTo,
    providers: parts.providers.get(provider) ? [provider] : undefined,
    stepUp: stepUp && { ...stepUp, attempt: 1 },
    again: again + 1,
  });
  return withCookies(answer, forget);
}
