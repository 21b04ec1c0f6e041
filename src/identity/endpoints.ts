import type { StepUpConfig } from '../config/schema/index.ts';
import { GatewayError } from '../errors.ts';
import type { HeaderFields } from '../listen/inbound.ts';
import { type Answer, jsonAnswer, pageAnswer, redirectTo, withCookies } from '../pages/answer.ts';
import type { Cookie } from '../session/cookies.ts';
import type { Sessions } from '../session/sessions.ts';
import { usable } from '../session/standing.ts';
import { safeReturnTo } from './browser/return-to.ts';
import { showSignedOut, signedOutArrival } from './browser/signed-out.ts';
import type { Visit } from './browser/visit.ts';
import { callerOfSession } from './caller.ts';
import type { AuthorizationResponse } from './login/authorization-response.ts';
import { type CallbackParts, finishLogin, matchLogin, type PendingLogin } from './login/callback.ts';
import { type ChoiceParts, chooseByEmail, rememberChoice, signInPage } from './login/choose.ts';
import { answerLate } from './login/late.ts';
import { type LoginParts, type LoginWish, startLogin } from './login/start.ts';
import { askedAgain } from './login/step-up.ts';
import { handleBackChannel, handleFrontChannel } from './logout/channels.ts';
import { handleSignOut, type SignOutParts } from './logout/sign-out.ts';
import { isExpiredRequest, isRefusedPrompt } from './provider/verdict.ts';

export interface EndpointParts extends CallbackParts, SignOutParts, ChoiceParts {
  sessions: Sessions;
  /** What the route of a request asks of a sign-in. */
  findStepUp(url: string, method?: string): StepUpConfig | undefined;
}

/** What an endpoint is told of a request. */
export interface EndpointCall {
  visit: Visit;
  query: URLSearchParams;
  /** The fields of a form that was posted; none for any other request. */
  form: URLSearchParams;
  request: { method: string; headers: HeaderFields };
}

/** One of the gateway's own endpoints. */
export interface Endpoint {
  method: 'GET' | 'POST' | 'OPTIONS';
  /** Below the prefix. */
  name: string;
  /** Programs try by HEAD where a link leads to before they open it; nothing begins or ends with that. */
  head?: boolean;
  /** Rejects with GatewayError. */
  handle(call: EndpointCall): Answer | Promise<Answer>;
}

/** What requests need of the login, wherever they go. */
export interface Logins {
  /** Whether there is a provider to sign in at. */
  isPossible: boolean;
  /** Begins a login. Rejects with GatewayError. */
  start(visit: Visit, wish: LoginWish): Promise<Answer>;
  /** The page for somebody who comes back signed out; undefined for everybody else. */
  signedOutArrival(sent: readonly Cookie[]): Answer | undefined;
}

export function loginsOf(parts: LoginParts): Logins {
  return {
    isPossible: parts.providers.all.length > 0,
    start: (visit, wish) => startLogin(parts, visit, wish),
    signedOutArrival: (sent) => signedOutArrival(parts, sent),
  };
}

/** The gateway's own endpoints, as a table. */
export function openEndpoints(parts: EndpointParts): readonly Endpoint[] {
  return [
    { method: 'GET', name: 'start', head: true, handle: ({ visit, query }) => begin(parts, visit, query) },
    {
      method: 'GET',
      name: 'sign_in',
      handle: ({ visit, query }) => signInPage(parts, visit, query.get('rd')),
    },
    {
      method: 'POST',
      name: 'sign_in',
      handle: ({ visit, query, form }) =>
        chooseByEmail(parts, visit, query.get('rd'), form.get('email') ?? ''),
    },
    ...callbacks(parts),
    { method: 'GET', name: 'userinfo', handle: ({ visit }) => userinfo(parts, visit) },
    { method: 'GET', name: 'signed_out', handle: ({ visit }) => showSignedOut(parts, visit.cookies) },
    {
      method: 'GET',
      name: 'sign_out',
      handle: ({ visit, query, request }) => handleSignOut(parts, visit, request, query),
    },
    {
      method: 'POST',
      name: 'sign_out',
      handle: ({ visit, query, form, request }) =>
        handleSignOut(parts, visit, request, new URLSearchParams([...form, ...query])),
    },
    {
      method: 'POST',
      name: 'backchannel-logout',
      handle: ({ form }) => handleBackChannel(parts, form.getAll('logout_token')),
    },
    {
      method: 'GET',
      name: 'frontchannel-logout',
      handle: ({ visit, query }) => handleFrontChannel(parts, visit, query),
    },
  ];
}

/** Where providers send people back to: one place for all of them, and one each for those with their own. */
function callbacks(parts: EndpointParts): readonly Endpoint[] {
  const { all } = parts.providers;
  const own = all.filter(({ config }) => config.ownCallback).map(({ name }) => `callback/${name}`);
  const names = ['callback', ...own];
  const queried = names.map(
    (name): Endpoint => ({
      method: 'GET',
      name,
      head: true,
      handle: ({ visit, query }) => end(parts, visit, { mode: 'query', parameters: query }),
    }),
  );
  if (!all.some(({ config }) => config.responseMode === 'form_post')) return queried;
  const posted = names.map(
    (name): Endpoint => ({
      method: 'POST',
      name,
      handle: ({ visit, form }) => end(parts, visit, { mode: 'form_post', parameters: form }),
    }),
  );
  return [...queried, ...posted];
}

async function begin(parts: EndpointParts, visit: Visit, query: URLSearchParams): Promise<Answer> {
  // A proxy that sends somebody here by itself asks for a page of its own, not for one of ours.
  const asked = visit.originalUri?.startsWith(`${parts.prefix}/`) ? undefined : visit.originalUri;
  const returnTo = safeReturnTo(
    query.get('rd') ?? asked,
    visit.origin,
    parts.returnOrigins,
    parts.isReadable,
  );
  const session = await parts.sessions.peek(visit.cookies);
  const stepUp = stepUpOf(parts, returnTo, query.get('step_up'));
  const provider = query.get('provider') ?? (stepUp && session ? session.provider : null);
  return startLogin(parts, visit, {
    returnTo,
    // A proxy in front may send people here again and again for a stronger sign-in; nobody else would.
    byIntent: session !== undefined && !stepUp,
    asked: query,
    providers: provider === null ? undefined : [provider],
    stepUp: stepUp && { ...stepUp, attempt: 1 },
    hasSession: session !== undefined,
  });
}

/** What the page to go to asks of a sign-in; or the request that was refused, as `POST:/transfers`. */
function stepUpOf(parts: EndpointParts, returnTo: string, refused: string | null): StepUpConfig | undefined {
  const [, method, path] = /^([A-Z]{1,20}):(\/.*)$/s.exec(refused ?? '') ?? [];
  return path === undefined
    ? parts.findStepUp(returnTo)
    : parts.findStepUp(new URL(returnTo).origin + path, method);
}

async function end(parts: EndpointParts, visit: Visit, response: AuthorizationResponse): Promise<Answer> {
  const { login, late } = await matchLogin(parts, visit, response);
  if (late) return afterPost(response, await answerLate(parts, visit, response, late));
  const forget = parts.loginCookies.forget(login.state, visit.cookies);
  try {
    const { session, returnTo, unmet } = await finishLogin(parts, login, visit, response);
    if (login.stepUp && unmet) {
      return afterPost(response, withCookies(await askAgain(parts, visit, login, unmet), forget));
    }
    const cookies = await parts.sessions.begin(session, visit.cookies);
    parts.log.info({ provider: login.provider, subject: session.subject }, 'login');
    const remembered = [parts.rounds.count(visit.cookies), ...rememberChoice(parts, login.provider)];
    return afterPost(response, goOn(parts, returnTo, [...cookies, ...forget, ...remembered]));
  } catch (error) {
    if (isExpiredRequest(error) && !parts.rounds.isLoop(visit.cookies)) {
      return afterPost(response, beginAgain(parts, visit, login, forget));
    }
    if (login.accountPrompt === 'select_account' && isRefusedPrompt(error)) {
      const other = parts.otherAccounts.ask(login.accountPrompt);
      return afterPost(response, beginAgain(parts, visit, login, [...forget, other]));
    }
    if (error instanceof GatewayError) {
      // Spent, whatever came of it; but while the store is out nobody can tell, and the same answer may come again.
      if (error.code !== 'store_unavailable') error.setCookies = forget;
      // With the same account the next login would end here again.
      if (error.code === 'login_not_admitted') error.setCookies = [...forget, parts.otherAccounts.ask()];
      error.returnTo = login.returnTo;
    }
    throw error;
  }
}

/** A login brought less than was asked: once more, or the end of it. The session that there was stays. */
function askAgain(
  parts: EndpointParts,
  visit: Visit,
  { returnTo, provider, stepUp }: PendingLogin,
  unmet: string,
): Promise<Answer> {
  return startLogin(parts, visit, {
    returnTo,
    providers: [provider],
    byIntent: true,
    stepUp: stepUp && askedAgain(stepUp, unmet),
  });
}

/** A new login in place of one whose request the provider did not take, or not any more. It counts as a round, so as not to go on for ever. */
function beginAgain(
  { prefix, rounds, log }: EndpointParts,
  visit: Visit,
  { provider, returnTo }: PendingLogin,
  forget: readonly string[],
): Answer {
  log.info({ provider }, 'the provider did not take the authorization request; the login begins again');
  const query = new URLSearchParams({ provider, rd: returnTo });
  return redirectTo(`${visit.origin}${prefix}/start?${query}`, [...forget, rounds.count(visit.cookies)]);
}

/** RFC 9110 §15.4.4: after a POST, 303 is the redirect that surely is a GET, so that the code is not posted on. */
function afterPost({ mode }: AuthorizationResponse, answer: Answer): Answer {
  return mode === 'form_post' && answer.status === 302 ? { ...answer, status: 303 } : answer;
}

/**
 * The way back to the application. The redirect is part of a journey that began at the provider, on which
 * browsers hold SameSite=Strict cookies back; from a page of our own it is a journey of our own.
 */
function goOn({ cookies }: EndpointParts, returnTo: string, setCookies: readonly string[]): Answer {
  if (cookies.attributes.sameSite !== 'strict') return redirectTo(returnTo, setCookies);
  const page = {
    title: 'You are signed in',
    message: 'The application comes up in a moment.',
    refreshTo: returnTo,
    actions: [{ label: 'Go on', href: returnTo }],
  };
  return pageAnswer(200, page, setCookies);
}

async function userinfo({ sessions, providers }: EndpointParts, visit: Visit): Promise<Answer> {
  const standing = await sessions.current(visit.cookies);
  const current = usable(standing);
  const caller = current && callerOfSession(providers, current);
  if (!caller) throw new GatewayError('not_signed_in', { setCookies: standing?.setCookies ?? [] });
  const { session, setCookies } = caller.current;
  const { accessTokenExpiresAt, refreshToken } = session;
  const { user, email, name, groups, claims } = caller.person;
  return jsonAnswer(
    200,
    {
      sub: session.subject,
      user,
      email,
      name,
      preferredUsername: claims.preferred_username,
      groups,
      provider: session.provider,
      signedInAt: isoTime(session.createdAt),
      expiresAt: isoTime(session.expiresAt),
      accessTokenExpiresAt: accessTokenExpiresAt === undefined ? undefined : isoTime(accessTokenExpiresAt),
      refreshable: refreshToken !== undefined,
    },
    setCookies,
  );
}

function isoTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
