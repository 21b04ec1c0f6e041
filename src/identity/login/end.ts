import { GatewayError } from '../../errors.ts';
import type { Emit } from '../../observe/events.ts';
import { type Answer, pageAnswer, redirectTo, withCookies } from '../../pages/answer.ts';
import { text } from '../../pages/texts/text.ts';
import type { GatewayCookies } from '../../session/cookie-names.ts';
import type { Sessions } from '../../session/sessions.ts';
import { askedBy, type BrowserRequest } from '../browser/browser-request.ts';
import type { OtherAccounts } from '../browser/other-account.ts';
import { isExpiredRequest, isRefusedPrompt } from '../provider/authorization-errors.ts';
import type { Providers } from '../provider/providers.ts';
import type { AuthorizationResponse } from './authorization-response.ts';
import type { FinishedLogin } from './callback.ts';
import type { LateLogin } from './late.ts';
import type { LoginCookies } from './login-cookie.ts';
import type { Matched, PendingLogin } from './match-login.ts';
import type { Rounds } from './rounds.ts';
import type { StartLogin } from './start.ts';
import { askedAgain, type UnmetStepUp } from './step-up.ts';

/** What answers a callback. */
export interface EndNeeds {
  /** The path below which the endpoints live. */
  prefix: string;
  providers: Pick<Providers, 'get'>;
  sessions: Pick<Sessions, 'begin'>;
  cookies: Pick<GatewayCookies, 'attributes'>;
  loginCookies: Pick<LoginCookies, 'forget'>;
  otherAccounts: Pick<OtherAccounts, 'ask'>;
  rounds: Pick<Rounds, 'isLoop' | 'count'>;
  emit: Emit;
  /** The login that a response belongs to. */
  match(browser: BrowserRequest, response: AuthorizationResponse): Promise<Matched>;
  /** Makes the session of a login. */
  finish(
    login: PendingLogin,
    browser: BrowserRequest,
    response: AuthorizationResponse,
  ): Promise<FinishedLogin>;
  /** Answers a callback that ends no login of this browser. */
  answerLate(browser: BrowserRequest, response: AuthorizationResponse, late: LateLogin): Promise<Answer>;
  start: StartLogin;
  /** Set-Cookie values that remember the provider for the next time. */
  rememberChoice(provider: string): string[];
}

/** Answers an authorization response: the session begins, and the way leads back to where somebody was going. */
export async function endLogin(
  needs: EndNeeds,
  browser: BrowserRequest,
  response: AuthorizationResponse,
): Promise<Answer> {
  let provider: string | undefined;
  try {
    const { login, late } = await needs.match(browser, response);
    provider = login?.provider ?? late?.carried.provider;
    const answer = late
      ? needs.answerLate(browser, response, late)
      : endMatched(needs, browser, login, response);
    return afterPost(response, await answer);
  } catch (error) {
    const code = error instanceof GatewayError ? error.code : 'internal';
    needs.emit({ kind: 'login-failed', provider, code, error, ...askedBy(browser) });
    throw error;
  }
}

async function endMatched(
  needs: EndNeeds,
  browser: BrowserRequest,
  login: PendingLogin,
  response: AuthorizationResponse,
): Promise<Answer> {
  const { sessions, loginCookies, otherAccounts, rounds, emit } = needs;
  const forget = loginCookies.forget(login.state, browser.cookies);
  try {
    const { session, returnTo, unmet } = await needs.finish(login, browser, response);
    if (login.stepUp && unmet) return withCookies(await askAgain(needs.start, browser, login, unmet), forget);
    const cookies = await sessions.begin(session, browser.cookies);
    const { subject, id: sessionId } = session;
    const { provider } = login;
    const user = needs.providers.get(provider)?.personOf(session).user;
    emit({ kind: 'login-finished', provider, user, subject, sessionId, ...askedBy(browser) });
    const remembered = [rounds.count(browser.cookies), ...needs.rememberChoice(login.provider)];
    return goOn(needs, returnTo, [...cookies, ...forget, ...remembered]);
  } catch (error) {
    if (isExpiredRequest(error) && !rounds.isLoop(browser.cookies)) {
      return beginAgain(needs, browser, login, forget);
    }
    if (login.accountPrompt === 'select_account' && isRefusedPrompt(error)) {
      const other = otherAccounts.ask(login.accountPrompt);
      return beginAgain(needs, browser, login, [...forget, other]);
    }
    if (error instanceof GatewayError) {
      // Spent, whatever came of it; but while the store is out nobody can tell, and the same answer may come again.
      if (error.code !== 'store_unavailable') error.setCookies = forget;
      // With the same account the next login would end here again.
      if (error.code === 'login_not_admitted') error.setCookies = [...forget, otherAccounts.ask()];
      error.returnTo = login.returnTo;
    }
    throw error;
  }
}

/** A login brought less than was asked: once more, or the end of it. The session that there was stays. */
function askAgain(
  start: StartLogin,
  browser: BrowserRequest,
  { returnTo, provider, stepUp }: PendingLogin,
  unmet: UnmetStepUp,
): Promise<Answer> {
  return start(browser, {
    returnTo,
    providers: [provider],
    byIntent: true,
    stepUp: stepUp && askedAgain(stepUp, unmet),
  });
}

/** A new login in place of one whose request the provider did not take, or not any more. It counts as a round, so as not to go on for ever. */
function beginAgain(
  { prefix, rounds, emit }: Pick<EndNeeds, 'prefix' | 'rounds' | 'emit'>,
  browser: BrowserRequest,
  { provider, returnTo }: PendingLogin,
  forget: readonly string[],
): Answer {
  emit({ kind: 'login-restarted', provider, ...askedBy(browser) });
  const query = new URLSearchParams({ provider, rd: returnTo });
  return redirectTo(`${browser.origin}${prefix}/start?${query}`, [...forget, rounds.count(browser.cookies)]);
}

/** RFC 9110 §15.4.4: after a POST, 303 is the redirect that surely is a GET, so that the code is not posted on. */
function afterPost({ mode }: AuthorizationResponse, answer: Answer): Answer {
  return mode === 'form_post' && answer.status === 302 ? { ...answer, status: 303 } : answer;
}

/**
 * The way back to the application. The redirect is part of a journey that began at the provider, on which
 * browsers hold SameSite=Strict cookies back; from a page of our own it is a journey of our own.
 */
function goOn(
  { cookies }: Pick<EndNeeds, 'cookies'>,
  returnTo: string,
  setCookies: readonly string[],
): Answer {
  if (cookies.attributes.sameSite !== 'strict') return redirectTo(returnTo, setCookies);
  const page = {
    title: text('signed_in.title'),
    message: text('signed_in.message'),
    refreshTo: returnTo,
    actions: [{ label: text('button.go_on'), href: returnTo }],
  };
  return pageAnswer(200, page, setCookies);
}
