import { type Decision, decide } from '../access/decide.ts';
import { isNavigation } from '../access/navigation.ts';
import type { Forwarding } from '../forward/forwarder.ts';
import type { Lifespan } from '../forward/live-connections.ts';
import type { Visit } from '../identity/visit.ts';
import type { Route } from '../routes/table.ts';
import { parseCookies } from '../session/cookies.ts';
import type { Session } from '../session/session.ts';
import type { Current } from '../session/sessions.ts';
import type { Maybe } from '../session/stores/store.ts';
import type { Destination, Exchange } from './exchange.ts';
import type { Parts } from './parts.ts';
import { isWebSocket } from './without-upgrade.ts';

/** Who asks, and whether they may. */
export interface Admission {
  current: Current | undefined;
  decision: Decision;
}

/**
 * Stages 2 and 3 of a request: opens its session and decides. It answers at once where the session asks
 * nobody. Rejects with GatewayError 503 when that cannot be told now.
 */
export function admit({ sessions }: Parts, exchange: Exchange, route: Route): Maybe<Admission> {
  const { request } = exchange;
  const conclude = (current: Current | undefined): Admission => {
    exchange.subject = current?.session.subject;
    const navigation = isNavigation(request.method ?? '', request.headers);
    return { current, decision: decide(route, { signedIn: current !== undefined, navigation }) };
  };
  const current = sessions.current(parseCookies(request.headers.cookie));
  return current instanceof Promise ? current.then(conclude) : conclude(current);
}

/** What the forwarder has to know of an allowed request, apart from where its answer goes. */
export function forwardingOf(
  parts: Parts,
  exchange: Exchange,
  { target, origin }: Destination,
  route: Route,
  current: Current | undefined,
): Omit<Forwarding, 'fail'> {
  const session = current?.session;
  return {
    request: exchange.request,
    route,
    path: target.path + target.query,
    publicOrigin: origin,
    sender: { ...exchange.peer, host: target.host, scheme: origin.startsWith('https:') ? 'https' : 'http' },
    context: { requestId: exchange.requestId, person: session && { ...session, sessionId: session.id } },
    setCookies: current?.setCookies ?? [],
    lifespan: session && lifespanOf(parts, exchange, session),
  };
}

function lifespanOf(
  { revocations, closeAtTokenExpiry }: Parts,
  { request }: Exchange,
  session: Session,
): Lifespan {
  const tokenEnd = closeAtTokenExpiry && isWebSocket(request) ? session.accessTokenExpiresAt : undefined;
  return {
    endsAt: Math.min(session.expiresAt, tokenEnd ?? session.expiresAt),
    isRevoked: () => revocations.isRevoked(session),
  };
}

/** What the login and the other endpoints have to know of a request. */
export function visitOf({ request }: Exchange, { origin }: Destination): Visit {
  return { origin, cookies: parseCookies(request.headers.cookie) };
}
