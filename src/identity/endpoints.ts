import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { GatewayError } from '../errors.ts';
import type { Logger } from '../observe/log.ts';
import { type Answer, jsonAnswer, pageAnswer, redirectTo } from '../pages/answer.ts';
import type { GatewayCookies } from '../session/cookie-names.ts';
import type { CookieStore } from '../session/cookie-store.ts';
import { expireCookie } from '../session/cookies.ts';
import { type CallbackParts, finishLogin, matchLogin } from './login/callback.ts';
import { safeReturnTo } from './login/return-to.ts';
import { startLogin } from './login/start.ts';
import { signOut } from './logout/sign-out.ts';
import type { Visit } from './visit.ts';

export interface EndpointParts extends CallbackParts {
  /** The path below which the endpoints live. */
  prefix: string;
  sessions: CookieStore;
  /** The names and attributes of the gateway's cookies. */
  cookies: GatewayCookies;
  /** Every origin that a return address may be on. */
  returnOrigins: ReadonlySet<string>;
  /** The claims that say who a person is, as dotted paths. */
  personClaims: { user: string; email: string; name: string; groups: string };
  log: Logger;
  visitOf(request: FastifyRequest): Visit;
  send(reply: FastifyReply, answer: Answer): FastifyReply;
}

/** Registers the gateway's own endpoints, below the prefix. */
export async function registerEndpoints(app: FastifyInstance, parts: EndpointParts): Promise<void> {
  const { prefix, send, visitOf } = parts;
  // The only body that any of them takes is a small form.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string', bodyLimit: 16 * 1024 }, (_request, body, done) => {
    done(null, String(body));
  });
  const queryOf = (request: FastifyRequest) => new URLSearchParams(/\?(.*)$/s.exec(request.url)?.[1] ?? '');
  const serve = (handle: (request: FastifyRequest, visit: Visit) => Promise<Answer> | Answer) => {
    return async (request: FastifyRequest, reply: FastifyReply) =>
      send(reply, await handle(request, visitOf(request)));
  };

  app.get(
    `${prefix}/start`,
    serve((request, visit) => begin(parts, visit, queryOf(request))),
  );
  app.get(
    `${prefix}/sign_in`,
    serve((request) => toStart(parts, queryOf(request))),
  );
  app.get(
    `${prefix}/callback`,
    serve((request, visit) => end(parts, visit, queryOf(request))),
  );
  app.get(
    `${prefix}/userinfo`,
    serve((_request, visit) => userinfo(parts, visit)),
  );
  const leave = serve((request, visit) => {
    const form = new URLSearchParams(typeof request.body === 'string' ? request.body : '');
    return handleSignOut(parts, request, visit, queryOf(request).get('rd') ?? form.get('rd'));
  });
  app.get(`${prefix}/sign_out`, leave);
  app.post(`${prefix}/sign_out`, leave);
}

function begin(parts: EndpointParts, visit: Visit, query: URLSearchParams): Promise<Answer> {
  return startLogin(parts, visit, safeReturnTo(query.get('rd'), visit.origin, parts.returnOrigins));
}

/** With one provider there is nothing to choose. */
function toStart({ prefix }: EndpointParts, query: URLSearchParams): Answer {
  const rd = query.get('rd');
  return redirectTo(rd === null ? `${prefix}/start` : `${prefix}/start?rd=${encodeURIComponent(rd)}`);
}

async function end(parts: EndpointParts, visit: Visit, query: URLSearchParams): Promise<Answer> {
  const login = matchLogin(parts, visit, query);
  const forget = parts.loginCookies.forget(login.state, visit.cookies);
  try {
    const { session, returnTo } = await finishLogin(parts, login, query);
    const cookies = parts.sessions.write(session, visit.cookies);
    if (!cookies) {
      throw new GatewayError('session_too_large', {
        detail: 'Ask for fewer groups or scopes in its tokens.',
      });
    }
    parts.log.info({ provider: login.provider, subject: session.subject }, 'login');
    return redirectTo(returnTo, [...cookies, ...forget, parts.rounds.count(visit.cookies)]);
  } catch (error) {
    if (error instanceof GatewayError) {
      // Spent, whatever came of it.
      error.setCookies = forget;
      error.returnTo = login.returnTo;
    }
    throw error;
  }
}

function userinfo({ sessions, personClaims }: EndpointParts, visit: Visit): Answer {
  const session = sessions.read(visit.cookies);
  if (!session) throw new GatewayError('not_signed_in');
  return jsonAnswer(200, {
    sub: session.subject,
    user: session.claims[personClaims.user],
    email: session.claims[personClaims.email],
    name: session.claims[personClaims.name],
    preferredUsername: session.claims.preferred_username,
    groups: session.claims[personClaims.groups],
    provider: session.provider,
    signedInAt: new Date(session.createdAt * 1000).toISOString(),
    expiresAt: new Date(session.expiresAt * 1000).toISOString(),
  });
}

function handleSignOut(
  parts: EndpointParts,
  request: FastifyRequest,
  visit: Visit,
  rd: string | null,
): Answer {
  const { prefix, sessions, returnOrigins, provider, log, cookies } = parts;
  const session = sessions.read(visit.cookies);
  if (isCrossSite(request, returnOrigins)) return confirmSignOut(request, prefix, rd);
  const answer = signOut({
    provider,
    session,
    returnTo: safeReturnTo(rd, visit.origin, returnOrigins),
    returnToGiven: rd !== null,
    clearCookies: clearAll(cookies, visit),
    signInUrl: `${prefix}/start`,
    log,
  });
  if (session) log.info({ provider: session.provider, subject: session.subject }, 'logout');
  return answer;
}

/** Set-Cookie values that remove the session, its left-over chunks and logins that are under way. */
function clearAll({ owns, session, attributes, loginAttributes }: GatewayCookies, visit: Visit): string[] {
  const names = new Set(visit.cookies.map(({ name }) => name).filter(owns));
  const isSession = (name: string) => name === session || name.startsWith(`${session}.`);
  return [...names].map((name) => expireCookie(name, isSession(name) ? attributes : loginAttributes));
}

/** Another site must not sign people out behind their back; the browser says who asks. */
function isCrossSite({ headers, method }: FastifyRequest, origins: ReadonlySet<string>): boolean {
  if (headers['sec-fetch-site'] !== undefined) return headers['sec-fetch-site'] === 'cross-site';
  return method === 'POST' && headers.origin !== undefined && !origins.has(headers.origin);
}

function confirmSignOut({ method }: FastifyRequest, prefix: string, rd: string | null): Answer {
  if (method === 'POST') throw new GatewayError('cross_site');
  const action = rd === null ? `${prefix}/sign_out` : `${prefix}/sign_out?rd=${encodeURIComponent(rd)}`;
  return pageAnswer(200, {
    title: 'Sign out?',
    message: 'Another site asks to sign you out here.',
    actions: [
      { label: 'Sign out', href: action, post: true },
      { label: 'Stay signed in', href: '/' },
    ],
  });
}
