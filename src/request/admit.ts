import { trusts } from '../access/decide.ts';
import { GatewayError } from '../errors.ts';
import type { BearerClients } from '../identity/bearer/clients.ts';
import type { Caller } from '../identity/claims/caller.ts';
import { partOf } from '../observe/trace.ts';
import type { Route } from '../routes/table.ts';
import type { Sessions } from '../session/sessions.ts';
import { type Current, type Standing, usable } from '../session/standing.ts';
import { arrived, type Exchange, routeOf } from './exchange.ts';
import type { Journey, Stage } from './outcome.ts';

export interface AdmitNeeds {
  sessions: Pick<Sessions, 'currentOf'>;
  /** Who the person of a session is; undefined where its provider is not configured any more. */
  callerOf(current: Current): Caller | undefined;
  /** Undefined where no access tokens are accepted. */
  bearer: Pick<BearerClients, 'identify'> | undefined;
}

/**
 * Finds out who asks: by an access token, or by the session. At once where nobody has to be asked. Rejects with
 * GatewayError: 400 or 401 for a token that is not accepted, 503 when that cannot be told now.
 */
export function identify({ sessions, callerOf, bearer }: AdmitNeeds): Stage {
  const takeStanding = (journey: Journey, route: Route, standing: Standing) => {
    if (standing === undefined) return undefined;
    journey.setCookies = standing.setCookies;
    if ('lapsed' in standing) {
      journey.withheld = { lapsed: standing };
      return undefined;
    }
    const caller = callerOf(standing);
    if (caller && trusts(route, caller.person)) journey.caller = caller;
    journey.exchange.subject = standing.session.subject;
    journey.exchange.person = caller?.person;
    journey.exchange.session = standing.session;
    // A proxy that asks has the answer then, and nobody knows whether its client gets it.
    if (journey.arrival.via !== 'question') journey.exchange.delivered = standing.delivered;
    return undefined;
  };
  return (journey) => {
    const { exchange } = journey;
    const route = routeOf(exchange);
    // A token decides alone: whoever brings one does not mean the session of a cookie beside it.
    const client = bearer && identifyClient(bearer, exchange, route);
    if (client !== undefined) {
      if (!(client instanceof Promise)) return takeClient(journey, client);
      return client.then((caller) => takeClient(journey, caller));
    }
    const { cookie } = exchange.request.headers;
    const open = () => sessions.currentOf(cookie);
    const standing = cookie === undefined ? open() : partOf(exchange.trace, 'session.open', open);
    if (!(standing instanceof Promise)) return takeStanding(journey, route, standing);
    return standing.then(
      (ready) => takeStanding(journey, route, ready),
      (error: unknown) => {
        if (!(error instanceof GatewayError) || error.status !== 503) throw error;
        journey.withheld = { outage: error };
        return undefined;
      },
    );
  };
}

function takeClient(journey: Journey, caller: Caller | undefined): undefined {
  journey.caller = caller;
  journey.exchange.subject = caller?.subject;
  journey.exchange.person = caller?.person;
}

/** Who brings the access token of a request; undefined for a request without one. */
function identifyClient(
  bearer: Pick<BearerClients, 'identify'>,
  exchange: Exchange,
  route: Route,
): Caller | Promise<Caller | undefined> | undefined {
  const { request: message, method } = exchange;
  if (message.headers.authorization === undefined) return undefined;
  const { origin, target } = arrived(exchange);
  const { host, path } = target;
  // What a proxy does not say for whom it asks is nobody's in particular.
  const { clientAddress: address = '' } = exchange.peer;
  const client = partOf(exchange.trace, 'bearer.verify', () =>
    bearer.identify({ message, method, origin, host, path, address, route }),
  );
  // Where everybody may pass, a token that fails says nothing but that it is nobody's.
  return client instanceof Promise && route.allow === 'public' ? client.catch(() => undefined) : client;
}

/**
 * What needs nobody in particular is no reason to refuse somebody whose session cannot be looked up or refreshed now:
 * they are nobody for this request, and keep their cookie. What does need them is refused with 503, as is a route with
 * `unauthenticated: pass`, which would show them what those see who are signed out.
 */
export const refuseUnknown: Stage = ({ exchange, withheld, decision }) => {
  if (withheld === undefined) return undefined;
  const { allow, unauthenticated } = routeOf(exchange);
  const isForSignedOut = allow !== 'public' && unauthenticated === 'pass';
  if ('outage' in withheld) {
    if (decision.kind !== 'allow' || isForSignedOut) throw withheld.outage;
    return undefined;
  }
  const isLackingIt =
    decision.kind === 'deny'
      ? decision.code === 'not_signed_in'
      : decision.kind === 'allow' && isForSignedOut;
  // A page leads to the login, where that is possible.
  if (isLackingIt) usable(withheld.lapsed);
  return undefined;
};
