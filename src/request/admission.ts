import { type Decision, decide, trusts } from '../access/decide.ts';
import { isForgeable, isNavigation, isPreflight } from '../access/navigation.ts';
import type { Network } from '../config/schema/index.ts';
import { GatewayError } from '../errors.ts';
import type { Forwarding } from '../forward/forwarder.ts';
import type { Lifespan } from '../forward/live-connections.ts';
import { type Caller, callerOfSession } from '../identity/caller.ts';
import type { Visit } from '../identity/visit.ts';
import { compileNetworks } from '../listen/peer.ts';
import type { Route } from '../routes/table.ts';
import { upstreamPath } from '../routes/upstream-path.ts';
import { parseCookies } from '../session/cookies.ts';
import type { Session } from '../session/session.ts';
import type { Current } from '../session/sessions.ts';
import type { Maybe } from '../session/stores/store.ts';
import type { Destination, Exchange } from './exchange.ts';
import type { Parts } from './parts.ts';

/** Who asks, and whether they may. */
export interface Admission {
  caller: Caller | undefined;
  decision: Decision;
}

/**
 * Stages 2 and 3 of a request: opens its session and decides. It answers at once where the session asks
 * nobody. Rejects with GatewayError 503 when that cannot be told now.
 */
export function admit(parts: Parts, exchange: Exchange, route: Route): Maybe<Admission> {
  const { request, peer } = exchange;
  const conclude = (current: Current | undefined): Admission => {
    exchange.subject = current?.session.subject;
    const known = current && callerOfSession(parts.login.providers, current);
    const caller = known && trusts(route, known.person) ? known : undefined;
    const person = caller?.person;
    const { method } = exchange;
    const { headers } = request;
    const navigation = isNavigation(method, headers);
    const preflight = isPreflight(method, headers);
    const forgeable = isForgeable(method, headers);
    const isFrom = (networks: readonly Network[]) => matcherOf(networks)(peer.clientAddress);
    return { caller, decision: decide(route, { person, isFrom, navigation, preflight, forgeable }) };
  };
  const current = parts.sessions.current(parseCookies(request.headers.cookie));
  return current instanceof Promise ? current.then(conclude) : conclude(current);
}

/** A denial as an error; it names the person, who may have another account. */
export function refusal(
  { code, reason }: Extract<Decision, { kind: 'deny' }>,
  caller: Caller | undefined,
): GatewayError {
  if (code !== 'not_allowed') return new GatewayError(code);
  const person = caller?.person;
  const detail = person ? `You are signed in as ${person.email ?? person.user}.` : undefined;
  return new GatewayError(code, { ...(detail && { detail }), cause: new Error(reason) });
}

const matchers = new WeakMap<readonly Network[], (address: string) => boolean>();

/** Networks stand in the configuration, so each list is compiled once. */
function matcherOf(networks: readonly Network[]): (address: string) => boolean {
  const known = matchers.get(networks) ?? compileNetworks(networks);
  matchers.set(networks, known);
  return known;
}

/** What the forwarder has to know of an allowed request, apart from where its answer goes. */
export function forwardingOf(
  parts: Parts,
  exchange: Exchange,
  { target, origin }: Destination,
  route: Route,
  caller: Caller | undefined,
): Omit<Forwarding, 'fail'> {
  const session = caller?.current?.session;
  return {
    request: exchange.request,
    route,
    path: upstreamPath(route, target.path) + target.query,
    publicOrigin: origin,
    sender: { ...exchange.peer, host: target.host, scheme: origin.startsWith('https:') ? 'https' : 'http' },
    context: { requestId: exchange.requestId, person: caller?.person },
    setCookies: caller?.current?.setCookies ?? [],
    lifespan: session && lifespanOf(parts, session),
  };
}

function lifespanOf({ revocations, closeAtTokenExpiry }: Parts, session: Session): Lifespan {
  const tokenEnd = closeAtTokenExpiry ? session.accessTokenExpiresAt : undefined;
  return {
    endsAt: Math.min(session.expiresAt, tokenEnd ?? session.expiresAt),
    isRevoked: revocations.watch(session),
  };
}

/** What the login and the other endpoints have to know of a request. */
export function visitOf({ request, peer }: Exchange, { origin, target, resolution }: Destination): Visit {
  const uri = peer.trusted ? request.headers['x-forwarded-uri'] : undefined;
  const originalUri = typeof uri === 'string' ? uri : undefined;
  const path = resolution.kind === 'endpoint' ? resolution.path : target.path;
  return { origin, path, cookies: parseCookies(request.headers.cookie), originalUri };
}
