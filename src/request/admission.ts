import { type Decision, decide, trusts } from '../access/decide.ts';
import { isProbe } from '../access/navigation.ts';
import type { TokenConfig } from '../config/schema/index.ts';
import { GatewayError } from '../errors.ts';
import type { Forwarding } from '../forward/forwarding.ts';
import type { Lifespan } from '../forward/live-connections.ts';
import { challengeHeader } from '../identity/bearer/challenge.ts';
import type { Visit } from '../identity/browser/visit.ts';
import { callerOfSession } from '../identity/caller.ts';
import type { Caller } from '../identity/claims/caller.ts';
import { stepUpDetails } from '../identity/login/step-up.ts';
import type { Supply } from '../identity/upstream-token/obtain.ts';
import type { Route } from '../routes/table.ts';
import { upstreamPath } from '../routes/upstream-path.ts';
import { parseCookies } from '../session/cookies.ts';
import type { Session } from '../session/session.ts';
import { type Lapsed, type Standing, usable } from '../session/standing.ts';
import type { Maybe } from '../session/stores/store.ts';
import { arrived, type Destination, type Exchange } from './exchange.ts';
import type { Parts } from './parts.ts';
import { Question } from './question.ts';

/** Who asks, and whether they may. */
export interface Admission {
  caller: Caller | undefined;
  decision: Decision;
  /** The token of the route's upstream, where the route asks for one and the request is allowed. */
  token?: string | undefined;
  /** The `WWW-Authenticate` of a refusal, where access tokens are accepted or a stronger sign-in is asked for. */
  challenge: string | undefined;
  /** What the answer has to set, whatever it is: a session that was refreshed, or one that has ended. */
  setCookies: readonly string[];
}

/**
 * Stages 2 and 3 of a request: verifies its access token, or opens its session, decides, and gets the token of
 * the upstream. It answers at once where nobody has to be asked. Rejects with GatewayError: 400 or 401 for a token
 * that is not accepted, 403 or 502 where the upstream's is not given, 503 when something cannot be told now.
 */
export function admit(parts: Parts, exchange: Exchange, route: Route): Maybe<Admission> {
  const admission = identifyAndDecide(parts, exchange, route);
  const { token } = route;
  if (token === undefined) return admission;
  return admission instanceof Promise
    ? admission.then((admitted) => withToken(parts, token, admitted, exchange))
    : withToken(parts, token, admission, exchange);
}

function identifyAndDecide(parts: Parts, exchange: Exchange, route: Route): Maybe<Admission> {
  // A token decides alone: whoever brings one does not mean the session of a cookie beside it.
  const client = identifyClient(parts, exchange, route);
  if (client !== undefined) {
    return client instanceof Promise
      ? client.then((caller) => conclude(parts, exchange, route, caller, caller?.subject))
      : conclude(parts, exchange, route, client, client.subject);
  }
  const current = parts.sessions.currentOf(exchange.request.headers.cookie);
  if (!(current instanceof Promise)) return concludeSession(parts, exchange, route, current);
  return current.then(
    (ready) => concludeSession(parts, exchange, route, ready),
    (error: unknown) => concludeOutage(parts, exchange, route, error),
  );
}

/**
 * What needs nobody in particular is no reason to refuse somebody whose session cannot be looked up or refreshed
 * now: they are nobody for this request, and keep their cookie. A route with `unauthenticated: pass` would show them
 * what those see who are signed out.
 */
function concludeOutage(parts: Parts, exchange: Exchange, route: Route, error: unknown): Admission {
  if (!(error instanceof GatewayError) || error.status !== 503) throw error;
  const admission = conclude(parts, exchange, route, undefined, undefined);
  const isForEverybody = route.allow === 'public' || route.unauthenticated !== 'pass';
  if (admission.decision.kind !== 'allow' || !isForEverybody) throw error;
  return admission;
}

function concludeSession(parts: Parts, exchange: Exchange, route: Route, standing: Standing): Admission {
  if (standing !== undefined && 'lapsed' in standing) return concludeLapsed(parts, exchange, route, standing);
  const known = standing && callerOfSession(parts.login.providers, standing);
  const caller = known && trusts(route, known.person) ? known : undefined;
  exchange.delivered = standing?.delivered;
  return conclude(parts, exchange, route, caller, standing?.session.subject, standing?.setCookies);
}

/**
 * Without a session that can be used the request is nobody's: a page leads to the login, where that is possible.
 * Throws GatewayError 503 for what needs a session, while nobody knows whether it is good.
 */
function concludeLapsed(parts: Parts, exchange: Exchange, route: Route, lapsed: Lapsed): Admission {
  const admission = conclude(parts, exchange, route, undefined, undefined, lapsed.setCookies);
  const { decision } = admission;
  const isLackingIt =
    decision.kind === 'deny'
      ? decision.code === 'not_signed_in'
      : decision.kind === 'allow' && route.allow !== 'public' && route.unauthenticated === 'pass';
  if (isLackingIt) usable(lapsed);
  return admission;
}

function conclude(
  parts: Parts,
  exchange: Exchange,
  route: Route,
  caller: Caller | undefined,
  subject: string | undefined,
  setCookies: readonly string[] = noCookies,
): Admission {
  exchange.subject = subject;
  const decision = decide(route, new Question(exchange, caller?.person, parts.login.returnOrigins, route));
  const challenge = decision.kind === 'allow' ? undefined : challengeOf(parts, exchange, route, decision);
  return { caller, decision, challenge, setCookies };
}

/** Who brings the access token of a request; undefined for a request without one. */
function identifyClient(
  { bearer }: Parts,
  exchange: Exchange,
  route: Route,
): Caller | Promise<Caller | undefined> | undefined {
  const { request: message, method } = exchange;
  if (!bearer || message.headers.authorization === undefined) return undefined;
  const { origin, target } = arrived(exchange);
  const { host, path } = target;
  // What a proxy does not say for whom it asks is nobody's in particular.
  const { clientAddress: address = '' } = exchange.peer;
  const client = bearer.identify({ message, method, origin, host, path, address, route });
  // Where everybody may pass, a token that fails says nothing but that it is nobody's.
  return client instanceof Promise && route.allow === 'public' ? client.catch(() => undefined) : client;
}

function challengeOf(
  { bearer }: Parts,
  exchange: Exchange,
  route: Route,
  decision: Decision,
): string | undefined {
  const { origin } = arrived(exchange);
  if (decision.kind === 'step-up' && route.stepUp) {
    const details = stepUpDetails(route.stepUp);
    return bearer
      ? bearer.challenge({ origin, route }, details)
      : challengeHeader({ scheme: 'Bearer', realm: origin, ...details });
  }
  if (!bearer) return undefined;
  const isScopeMissing = decision.kind === 'deny' && decision.code === 'insufficient_scope';
  if (!isScopeMissing) return bearer.challenge({ origin, route });
  const { scope } = decision;
  const details = { error: 'insufficient_scope', description: 'The token lacks a scope', scope };
  return bearer.challenge({ origin, route }, details);
}

/** What was allowed, with the token that its upstream gets. */
function withToken(
  { tokens }: Parts,
  config: TokenConfig,
  admission: Admission,
  { request }: Exchange,
): Maybe<Admission> {
  const { caller, decision } = admission;
  if (decision.kind !== 'allow') return admission;
  const take = ({ token, current }: Supply): Admission => ({
    ...admission,
    caller: caller && current ? { ...caller, current } : caller,
    token,
    setCookies: current?.setCookies ?? admission.setCookies,
  });
  const supply = tokens.supply(config, caller, () => parseCookies(request.headers.cookie));
  if (!(supply instanceof Promise)) return take(supply);
  return supply.then(take, (error: unknown) => {
    throw keepingCookies(error, admission.setCookies);
  });
}

/**
 * An error whose answer sets what the session needs. A new one: those who waited for the same token got the same
 * error, and a session is nobody else's.
 */
function keepingCookies(error: unknown, setCookies: readonly string[]): unknown {
  if (!(error instanceof GatewayError) || error.setCookies.length > 0) return error;
  const { code, detail, cause, retryAfter, challenge } = error;
  return new GatewayError(code, {
    ...(detail !== undefined && { detail }),
    ...(retryAfter !== undefined && { retryAfter }),
    cause,
    challenge,
    setCookies,
  });
}

/**
 * A request that is not let pass, as an error; it names the person, who may have another account. What would be
 * sent to the login is refused too, by those who cannot send it there. What was refreshed on the way is kept.
 */
export function refusal({ login }: Parts, admission: Admission): GatewayError {
  const { decision, caller, challenge, setCookies } = admission;
  if (decision.kind === 'step-up') return new GatewayError('step_up_required', { challenge, setCookies });
  if (decision.kind !== 'deny' || decision.code === 'not_signed_in') {
    const code = login.providers.all.length > 0 ? 'not_signed_in' : 'token_missing';
    return new GatewayError(code, { challenge, setCookies });
  }
  const { code, reason } = decision;
  if (code === 'insufficient_scope')
    return new GatewayError(code, { detail: `It needs ${decision.scope}.`, challenge });
  if (code !== 'not_allowed') return new GatewayError(code, { setCookies });
  const person = caller?.person;
  const detail = person ? `You are signed in as ${person.email ?? person.user}.` : undefined;
  return new GatewayError(code, { ...(detail && { detail }), cause: new Error(reason), setCookies });
}

/** What the forwarder has to know of an allowed request, apart from where its answer goes. */
export function forwardingOf(
  parts: Parts,
  exchange: Exchange,
  { target, origin, writesTo }: Destination,
  route: Route,
  { caller, token, setCookies }: Pick<Admission, 'caller' | 'token' | 'setCookies'>,
): Forwarding {
  const session = caller?.current?.session;
  const scheme = origin.startsWith('https:') ? 'https' : 'http';
  const endsAt = caller?.tokenExpiresAt;
  return {
    request: exchange.request,
    route,
    path: upstreamPath(route, target.path) + target.query,
    writesTo,
    publicOrigin: origin,
    sender: { ...exchange.peer, host: target.host, scheme },
    context: {
      requestId: exchange.requestId,
      person: caller?.person,
      token,
      clientAddress: exchange.peer.clientAddress,
    },
    setCookies,
    cookiesCanWait: caller?.current?.canWait ?? false,
    // A client has nothing but its token, so what it has open ends with that.
    lifespan: session ? lifespanOf(parts, session) : endsAt === undefined ? undefined : { endsAt, isRevoked },
  };
}

/** Nobody tells the gateway of tokens that are revoked. */
const isRevoked = () => false;

const noCookies: readonly string[] = [];
const lifespans = new WeakMap<Session, Lifespan>();

/** Sessions that are remembered come again as the same object; each has one lifespan. */
function lifespanOf({ revocations, closeAtTokenExpiry }: Parts, session: Session): Lifespan {
  let lifespan = lifespans.get(session);
  if (!lifespan) {
    const tokenEnd = closeAtTokenExpiry ? session.accessTokenExpiresAt : undefined;
    const endsAt = Math.min(session.expiresAt, tokenEnd ?? session.expiresAt);
    lifespan = { endsAt, isRevoked: () => revocations.isRevoked(session) };
    lifespans.set(session, lifespan);
  }
  return lifespan;
}

/** What the login and the other endpoints have to know of a request. */
export function visitOf(
  { request, method, peer }: Exchange,
  { origin, target, resolution }: Destination,
): Visit {
  const uri = peer.trusted ? request.headers['x-forwarded-uri'] : undefined;
  const originalUri = typeof uri === 'string' ? uri : undefined;
  const path = resolution.kind === 'endpoint' ? resolution.path : target.path;
  return {
    origin,
    path,
    cookies: parseCookies(request.headers.cookie),
    isProbe: isProbe(method, request.headers),
    originalUri,
  };
}
