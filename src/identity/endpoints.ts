import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { StepUpConfig } from '../config/schema/index.ts';
import { GatewayError } from '../errors.ts';
import { type Answer, jsonAnswer, pageAnswer, redirectTo, withCookies } from '../pages/answer.ts';
import type { Sessions } from '../session/sessions.ts';
import { usable } from '../session/standing.ts';
import { safeReturnTo } from './browser/return-to.ts';
import { showSignedOut } from './browser/signed-out.ts';
import type { Visit } from './browser/visit.ts';
import { callerOfSession } from './caller.ts';
import type { AuthorizationResponse } from './login/authorization-response.ts';
import { type CallbackParts, finishLogin, matchLogin, type PendingLogin } from './login/callback.ts';
import { type ChoiceParts, chooseByEmail, rememberChoice, signInPage } from './login/choose.ts';
import { answerLate } from './login/late.ts';
import { startLogin } from './login/start.ts';
import { askedAgain } from './login/step-up.ts';
import { handleBackChannel, handleFrontChannel } from './logout/channels.ts';
import { handleSignOut, type SignOutParts } from './logout/sign-out.ts';
import { isExpiredRequest, isRefusedPrompt } from './provider/verdict.ts';

export interface EndpointParts extends CallbackParts, SignOutParts, ChoiceParts {
  sessions: Sessions;
  visitOf(request: FastifyRequest): Visit;
  /** What the route of a request asks of a sign-in. */
  findStepUp(url: string, method?: string): StepUpConfig | undefined;
  send(reply: FastifyReply, answer: Answer): FastifyReply;
}

/** The largest form that an endpoint takes: a logout token. */
const largestForm = 32 * 1024;

/** Registers the gateway's own endpoints, below the prefix. */
export async function registerEndpoints(app: FastifyInstance, parts: EndpointParts): Promise<void> {
  const { prefix, send, visitOf } = parts;
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string', bodyLimit: largestForm }, (_request, body, done) => {
    done(null, String(body));
  });

  type Handle = (visit: Visit, query: URLSearchParams, request: FastifyRequest) => Promise<Answer> | Answer;
  const serve = (handle: Handle) => async (request: FastifyRequest, reply: FastifyReply) =>
    send(reply, await handle(visitOf(request), queryOf(request), request));
  const get = (name: string, handle: Handle) => app.get(`${prefix}/${name}`, serve(handle));
  // Programs try by HEAD where a link leads to before they open it; a login neither begins nor ends with that.
  const getOrHead = (name: string, handle: Handle) =>
    app.get(`${prefix}/${name}`, { exposeHeadRoute: true }, serve(handle));
  const post = (name: string, handle: Handle) => app.post(`${prefix}/${name}`, serve(handle));

  getOrHead('start', (visit, query) => begin(parts, visit, query));
  get('sign_in', (visit, query) => signInPage(parts, visit, query.get('rd')));
  post('sign_in', (visit, query, request) =>
    chooseByEmail(parts, visit, query.get('rd'), formOf(request).get('email') ?? ''),
  );
  const isPosted = parts.providers.all.some(({ config }) => config.responseMode === 'form_post');
  const own = parts.providers.all.filter(({ config }) => config.ownCallback);
  for (const name of ['callback', ...own.map((provider) => `callback/${provider.name}`)]) {
    getOrHead(name, (visit, query) => end(parts, visit, { mode: 'query', parameters: query }));
    if (!isPosted) continue;
    post(name, (visit, _query, request) =>
      end(parts, visit, { mode: 'form_post', parameters: formOf(request) }),
    );
  }
  get('userinfo', (visit) => userinfo(parts, visit));
  get('signed_out', (visit) => showSignedOut(parts, visit.cookies));
  get('sign_out', (visit, query, request) => handleSignOut(parts, visit, request, query));
  post('sign_out', (visit, query, request) =>
    handleSignOut(parts, visit, request, new URLSearchParams([...formOf(request), ...query])),
  );
  post('backchannel-logout', (_visit, _query, request) =>
    handleBackChannel(parts, formOf(request).getAll('logout_token')),
  );
  get('frontchannel-logout', (visit, query) => handleFrontChannel(parts, visit, query));
}

function queryOf({ url }: FastifyRequest): URLSearchParams {
  return new URLSearchParams(/\?(.*)$/s.exec(url)?.[1] ?? '');
}

function formOf({ body }: FastifyRequest): URLSearchParams {
  return new URLSearchParams(typeof body === 'string' ? body : '');
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
