import { type Decision, decide } from '../access/decide.ts';
import { isNavigation } from '../access/navigation.ts';
import type { Forwarding } from '../forward/forwarder.ts';
import type { Visit } from '../identity/visit.ts';
import type { Route } from '../routes/table.ts';
import { parseCookies } from '../session/cookies.ts';
import type { Session } from '../session/session.ts';
import type { Destination, Exchange } from './exchange.ts';
import type { Parts } from './parts.ts';

/** Who asks, and whether they may. */
export interface Admission {
  session: Session | undefined;
  decision: Decision;
}

/** Stages 2 and 3 of a request: opens its session and decides. */
export function admit({ sessions }: Parts, exchange: Exchange, route: Route): Admission {
  const { request } = exchange;
  const session = sessions.read(parseCookies(request.headers.cookie));
  exchange.subject = session?.subject;
  const navigation = isNavigation(request.method ?? '', request.headers);
  return { session, decision: decide(route, { signedIn: session !== undefined, navigation }) };
}

/** What the forwarder has to know of an allowed request, apart from where its answer goes. */
export function forwardingOf(
  exchange: Exchange,
  { target, origin }: Destination,
  route: Route,
  session: Session | undefined,
): Omit<Forwarding, 'fail'> {
  return {
    request: exchange.request,
    route,
    path: target.path + target.query,
    publicOrigin: origin,
    sender: { ...exchange.peer, host: target.host, scheme: origin.startsWith('https:') ? 'https' : 'http' },
    context: { requestId: exchange.requestId, person: session && { ...session, sessionId: session.id } },
  };
}

/** What the login and the other endpoints have to know of a request. */
export function visitOf({ request }: Exchange, { origin }: Destination): Visit {
  return { origin, cookies: parseCookies(request.headers.cookie) };
}
