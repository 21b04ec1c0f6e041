import type { Clock } from '../clock.ts';
import type { GatewayError } from '../errors.ts';
import type { Forwarder } from '../forward/forwarder.ts';
import type { HttpClient, TunnelClient, UpstreamRequest } from '../forward/forwarding.ts';
import type { RawHeaders } from '../forward/request-headers.ts';
import type { Endpoint, Logins } from '../identity/endpoints.ts';
import type { UpstreamTokens } from '../identity/upstream-token/tokens.ts';
import type { RateLimits } from '../limits/rate-limits.ts';
import type { Inbound } from '../listen/inbound.ts';
import type { Emit } from '../observe/events.ts';
import type { Traces } from '../observe/trace.ts';
import type { Answer } from '../pages/answer.ts';
import { createErrorAnswers } from '../pages/error-answers.ts';
import type { Reader } from '../plan/plan.ts';
import { type AdmitNeeds, identify, refuseUnknown } from './admit.ts';
import { refuseUnread, replaceQuestion } from './arrive.ts';
import { type ConcludeNeeds, conclude } from './conclude.ts';
import { decideAccess, refuseForeignSocket } from './decide.ts';
import { type Exchange, isQuestion, readExchange } from './exchange.ts';
import { answerFailure } from './failure.ts';
import { createLifespans, type LifespanNeeds } from './lifespans.ts';
import { limitClients, limitInFlight, limitLogin, limitPeople } from './limit.ts';
import { answerToUpstream, beginLogin } from './logins.ts';
import { refuseMaintained } from './maintenance.ts';
import {
  type Arrival,
  beginJourney,
  type Forward,
  type Journey,
  type Outcome,
  type SignIn,
  type Stage,
} from './outcome.ts';
import { answerInPlace } from './own-answers.ts';
import { answerEndpoint, compileEndpoints, type PublishedThings } from './own-endpoints.ts';
import { supplyToken } from './upstream-token.ts';

/** What of a configuration decides on requests. */
export interface PipelinePlan extends Omit<PublishedThings, 'prefix' | 'isReady'> {
  reader: Reader;
  /** The gateway's own origins. */
  returnOrigins: ReadonlySet<string>;
  /** Whether a WebSocket ends with the access token that opened it. */
  closeAtTokenExpiry: boolean;
}

export interface PipelineNeeds {
  sessions: AdmitNeeds['sessions'];
  callerOf: AdmitNeeds['callerOf'];
  revocations: LifespanNeeds['revocations'];
  bearer: (AdmitNeeds['bearer'] & ConcludeNeeds['bearer']) | undefined;
  logins: Logins;
  /** The gateway's own endpoints. */
  endpoints: readonly Endpoint[];
  /** Access tokens for routes that give their upstream one of its own. */
  tokens: UpstreamTokens;
  /** How much may come in a time. */
  rateLimits: RateLimits;
  /** Whether there are more requests than this process takes at once; told of too. */
  isOverloaded(): boolean;
  forwarder: Pick<Forwarder, 'forward' | 'openTunnel' | 'identityHeaders'>;
  traces?: Pick<Traces, 'begin'> | undefined;
  emit: Emit;
  clock: Clock;
  /** Whether requests should be sent here. */
  isReady: PublishedThings['isReady'];
  /** Called for each request that is read; what it returns is called once, when that request has ended. */
  enter?: () => () => void;
}

/** Where a request has to be taken in: by its body, and by who gets the answer. */
export type Place = 'application' | 'endpoint' | 'auth' | 'forward-auth' | 'nowhere';

/** What is made of requests under one configuration. Transports read bytes, render outcomes, and decide nothing. */
export interface Pipeline {
  /** Reads a request, once. */
  arrive(request: Inbound): Exchange;
  placeOf(exchange: Exchange): Place;
  /** Whether this is the question of a proxy, of a request that is only looked at. */
  isQuestion(request: Inbound): boolean;
  /** The form of an endpoint has come, of so many bytes. */
  formCame(exchange: Exchange, bytes: number): void;
  /** The gateway's own answer is written, with a body of so many bytes. */
  answered(exchange: Exchange, bytes: number): void;
  /** Takes a request through the stages. At once where nobody has to be asked; never rejects. */
  decide(exchange: Exchange, arrival: Arrival): Outcome | Promise<Outcome>;
  /** Begins the login that an outcome asks for. Rejects with GatewayError. */
  begin(exchange: Exchange, outcome: SignIn): Promise<Answer>;
  /** The answer to an error; it is told of too. */
  fail(exchange: Exchange, error: unknown): Answer;
  /** Tells what broke after an answer had begun. */
  broke(exchange: Exchange, error: GatewayError): void;
  forward(outcome: Forward, client: HttpClient): UpstreamRequest;
  openTunnel(outcome: Forward, client: TunnelClient): void;
  /** The headers that the upstream gets, for a proxy that forwards by itself. */
  identityHeaders(outcome: Forward): RawHeaders;
  /** The login that an upstream's 401 asks for; undefined where the answer goes on as it is. */
  challenged(
    exchange: Exchange,
    outcome: Forward,
    rawHeaders: readonly (string | Buffer)[],
  ): Promise<Answer> | undefined;
}

/** Makes what decides on requests under one configuration. */
export function openPipeline(plan: PipelinePlan, needs: PipelineNeeds): Pipeline {
  const { reader, returnOrigins } = plan;
  const { prefix, table } = reader;
  const { logins, bearer, forwarder, rateLimits, emit, clock } = needs;
  const endpoints = compileEndpoints(needs.endpoints, { ...plan, prefix, isReady: needs.isReady });
  const lifespanOf = createLifespans({ ...plan, revocations: needs.revocations });

  const stages: readonly Stage[] = [
    // Arrive: what was asked for, and where that goes.
    replaceQuestion(reader),
    refuseUnread(logins, rateLimits),
    limitInFlight(needs.isOverloaded, prefix),
    limitClients(rateLimits, prefix),
    answerEndpoint(prefix, endpoints),
    refuseMaintained,
    // Admit: who asks.
    identify({ sessions: needs.sessions, callerOf: needs.callerOf, bearer }),
    // Decide: whether they may.
    decideAccess({ returnOrigins, now: clock.now }),
    refuseUnknown,
    refuseForeignSocket(returnOrigins),
    limitPeople(rateLimits),
    supplyToken(needs.tokens, table.routes),
    answerInPlace(logins),
    // The outcome: forward, login, step-up or refuse.
    conclude({ logins, bearer, lifespanOf }),
  ];

  return {
    arrive: (request) => enter(readExchange(reader, request, clock.monotonic()), needs),
    placeOf: (exchange) => placeOf(exchange, prefix, endpoints.takes),
    isQuestion: (request) => isQuestion(reader, request),
    ...notes(clock),
    decide(exchange, arrival) {
      exchange.via = arrival.via;
      const outcome = within(exchange, () => pass(stages, beginJourney(exchange, arrival), 0));
      if (outcome instanceof Promise) return outcome.then((ready) => decided(exchange, ready));
      return decided(exchange, outcome);
    },
    async begin(exchange, outcome) {
      limitLogin(rateLimits, exchange);
      return within(exchange, () => beginLogin(logins, exchange, outcome));
    },
    fail: createFailing(prefix, emit),
    broke: (exchange, error) => emit({ kind: 'request-refused', exchange, error }),
    forward: ({ forwarding }, client) => forwarder.forward(forwarding, client),
    openTunnel: ({ forwarding }, client) => forwarder.openTunnel(forwarding, client),
    identityHeaders: ({ forwarding: { route, context } }) => forwarder.identityHeaders(route, context),
    challenged: (exchange, { forwarding }, rawHeaders) =>
      within(exchange, () => answerToUpstream(logins, exchange, forwarding.context.person, rawHeaders)),
  };
}

function createFailing(prefix: string, emit: Emit): Pipeline['fail'] {
  const answerError = createErrorAnswers();
  return (exchange, error) => {
    // What fails before it was decided on is refused by that.
    exchange.outcome ??= refuse(error);
    return answerFailure(error, exchange, prefix, { emit, answerError });
  };
}

function placeOf(exchange: Exchange, prefix: string, takes: (exchange: Exchange) => boolean): Place {
  const { destination } = exchange;
  if ('error' in destination || destination.resolution.kind === 'route') return 'application';
  const { path } = destination.resolution;
  if (path === `${prefix}/auth`) return 'auth';
  if (path === `${prefix}/forward-auth`) return 'forward-auth';
  return takes(exchange) ? 'endpoint' : 'nowhere';
}

function enter(exchange: Exchange, { enter, traces }: Pick<PipelineNeeds, 'enter' | 'traces'>): Exchange {
  exchange.leave = enter?.();
  exchange.trace = traces?.begin(exchange);
  return exchange;
}

/** What is asked of others for a request is told under it. */
const within = <T>({ trace }: Exchange, work: () => T): T =>
  trace === undefined ? work() : trace.within(work);

/** What those who watch want to know of the gateway's own part. */
function notes(clock: Clock): Pick<Pipeline, 'formCame' | 'answered'> {
  return {
    formCame(exchange, bytes) {
      exchange.formAt = clock.monotonic();
      exchange.formBytes = bytes;
    },
    answered(exchange, bytes) {
      exchange.answeredAt = clock.monotonic();
      exchange.answerBytes = bytes;
    },
  };
}

/** Nothing is made of it here: those who watch look at it when they are told. */
function decided(exchange: Exchange, outcome: Outcome): Outcome {
  exchange.outcome = outcome;
  return outcome;
}

/** Takes a request through the stages from one of them on, up to the first that has an outcome. */
function pass(stages: readonly Stage[], journey: Journey, from: number): Outcome | Promise<Outcome> {
  try {
    for (let at = from; at < stages.length; at++) {
      const outcome = stages[at]?.(journey);
      if (outcome === undefined) continue;
      // A request whose session is known never waits, not even for a microtask.
      if (!(outcome instanceof Promise)) return outcome;
      return outcome.then((ready) => ready ?? pass(stages, journey, at + 1), refuse);
    }
  } catch (error) {
    return refuse(error);
  }
  return refuse(new Error('a request passed every stage without an outcome'));
}

function refuse(error: unknown): Outcome {
  return { kind: 'refuse', reason: error instanceof Error ? error.message : String(error), error };
}
