import type { Decision } from '../access/decide.ts';
import { type ErrorCode, GatewayError } from '../errors.ts';
import type { Forwarding } from '../forward/forwarding.ts';
import { challengeHeader } from '../identity/bearer/challenge.ts';
import type { BearerClients } from '../identity/bearer/clients.ts';
import type { Logins } from '../identity/endpoints.ts';
import { stepUpDetails } from '../identity/login/step-up.ts';
import { text } from '../pages/texts/text.ts';
import type { Route } from '../routes/table.ts';
import { upstreamPath } from '../routes/upstream-path.ts';
import { arrived, type Exchange, routeOf } from './exchange.ts';
import type { LifespanOf } from './lifespans.ts';
import { loginFor } from './logins.ts';
import type { Journey, Outcome, Stage } from './outcome.ts';

export interface ConcludeNeeds {
  logins: Pick<Logins, 'isPossible'>;
  /** Undefined where no access tokens are accepted. */
  bearer: Pick<BearerClients, 'challenge'> | undefined;
  lifespanOf: LifespanOf;
}

/** The last stage: what was decided, with all that the way on needs. */
export function conclude({ logins, bearer, lifespanOf }: ConcludeNeeds): Stage {
  const notSignedIn: ErrorCode = logins.isPossible ? 'not_signed_in' : 'token_missing';
  return (journey): Outcome => {
    const { exchange, caller, decision, setCookies } = journey;
    const { kind } = decision;
    // What somebody has signed in as is theirs: what is told of requests names the rule alone.
    const reason = kind === 'step-up' ? decision.rule : decision.reason;
    if (kind === 'allow') return { kind: 'forward', reason, forwarding: forwardingOf(journey, lifespanOf) };
    const route = routeOf(exchange);
    const challenge = challengeOf(bearer, exchange, route, decision);
    if (kind === 'login') {
      const wanted = loginFor(exchange, { providers: route.provider, stepUp: route.stepUp });
      return { kind, reason, wanted, code: notSignedIn, challenge, setCookies };
    }
    if (kind === 'deny') {
      const error = refusalOf(journey, decision, notSignedIn, challenge);
      return { kind: 'refuse', reason, decision: 'deny', error };
    }
    const provider = caller?.current?.session.provider;
    if (!decision.redirect || provider === undefined || !route.stepUp) {
      const error = new GatewayError('step_up_required', { challenge, setCookies });
      return { kind: 'refuse', reason, decision: 'step-up', error };
    }
    const wanted = {
      ...loginFor(exchange, { providers: [provider], stepUp: route.stepUp }),
      hasSession: true,
    };
    return { kind, reason, wanted, code: 'step_up_required', challenge, setCookies };
  };
}

/** A request that may not pass, as an error; it names the person, who may have another account. */
function refusalOf(
  { caller, setCookies }: Journey,
  decision: Extract<Decision, { kind: 'deny' }>,
  notSignedIn: ErrorCode,
  challenge: string | undefined,
): GatewayError {
  const { code, reason } = decision;
  if (code === 'not_signed_in') return new GatewayError(notSignedIn, { challenge, setCookies });
  if (code === 'insufficient_scope')
    return new GatewayError(code, {
      detail: text('detail.scope_needed', { scope: decision.scope }),
      challenge,
    });
  if (code !== 'not_allowed') return new GatewayError(code, { setCookies });
  const person = caller?.person;
  const detail = person && text('detail.signed_in_as', { user: person.email ?? person.user });
  return new GatewayError(code, { ...(detail && { detail }), cause: new Error(reason), setCookies });
}

/** The `WWW-Authenticate` of a refusal, where access tokens are accepted or a stronger sign-in is asked for. */
function challengeOf(
  bearer: ConcludeNeeds['bearer'],
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

/** What the forwarder has to know of an allowed request, apart from where its answer goes. */
function forwardingOf({ exchange, caller, token, setCookies }: Journey, lifespanOf: LifespanOf): Forwarding {
  const { target, origin, writesTo } = arrived(exchange);
  const { request, requestId, peer, trace } = exchange;
  const { address, trusted, via, vouchesFor, clientAddress } = peer;
  const { host } = target;
  const route = routeOf(exchange);
  const scheme = origin.startsWith('https:') ? 'https' : 'http';
  return {
    request,
    route,
    path: upstreamPath(route, target.path) + target.query,
    writesTo,
    publicOrigin: origin,
    // Named one by one: spread, they cost a thirtieth of the whole request.
    sender: { address, trusted, via, vouchesFor, host, scheme },
    context: { requestId, person: caller?.person, token, clientAddress },
    setCookies,
    trace,
    cookiesCanWait: caller?.current?.canWait ?? false,
    lifespan: caller && lifespanOf(caller),
  };
}
