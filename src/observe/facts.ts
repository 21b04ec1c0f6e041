import { GatewayError } from '../errors.ts';
import type { ObservedExchange } from './observed-exchange.ts';

/**
 * What sinks want to know of a request, read when they ask for it: a request on which nobody looks costs nothing. All
 * sinks mean the same by these words. `durationMs` is what came with the event.
 */

/** The address of the client: of the connection, or what trusted proxies say; undefined where they do not say it. */
export const clientOf = ({ peer }: ObservedExchange): string | undefined => peer.clientAddress;

/** The host that was asked for, as it was read; of what was refused unread, as it came. The client's words. */
export function hostOf({ destination, request }: ObservedExchange): string | undefined {
  if (!('error' in destination)) return destination.target.host;
  return textOf(request.headers?.host);
}

/** The client's words. */
export const userAgentOf = ({ request }: ObservedExchange): string | undefined =>
  textOf(request.headers?.['user-agent']);

/** The user name, as the identity headers say it; undefined for nobody in particular. */
export const userOf = ({ person }: ObservedExchange): string | undefined => person?.user;

/** Host and path of the route; undefined for the gateway's own endpoints, and for what goes nowhere. */
export function routeOf({ destination }: ObservedExchange): string | undefined {
  if ('error' in destination || destination.resolution.kind !== 'route') return undefined;
  return destination.resolution.route.label;
}

/** The target that was asked last, and so the one that has answered, where one has. */
export const targetOf = ({ passage }: ObservedExchange): string | undefined => passage?.target;

/** Bytes of the body that were read of the request: on their way upstream, or for an endpoint. */
export const bytesInOf = ({ passage, formBytes }: ObservedExchange): number =>
  formBytes + (passage?.bytesIn ?? 0);

/** Bytes of the body of the answer that were handed on to the client, as far as it took them or not. */
export const bytesOutOf = ({ passage, answerBytes }: ObservedExchange): number =>
  answerBytes + (passage?.bytesOut ?? 0);

/**
 * From the moment that a request goes upstream to the head of the answer: a connection that has to be made, targets
 * that refused before, and the upload of the body are within. Where no head came, up to the failure, or up to now.
 */
export function upstreamMsOf(exchange: ObservedExchange, durationMs: number): number | undefined {
  const { sentAt, headAt, endedAt } = exchange.passage ?? {};
  if (sentAt === undefined) return undefined;
  return (headAt ?? endedAt ?? exchange.startedAt + durationMs) - sentAt;
}

/** The same up to the end of the answer, which a client that reads slowly holds up. */
export function upstreamTotalMsOf(exchange: ObservedExchange, durationMs: number): number | undefined {
  const { sentAt, endedAt } = exchange.passage ?? {};
  if (sentAt === undefined) return undefined;
  return (endedAt ?? exchange.startedAt + durationMs) - sentAt;
}

/**
 * The gateway's own share: until the request goes upstream, and from the head of the answer, or its failure, to the
 * head that goes to the client. Of what the gateway answers itself: until that answer is written, without the time in
 * which the form of an endpoint came. What the gateway waits for (its provider, its store, a turn at the target) is within;
 * bodies that stream are not.
 */
export function gatewayMsOf(exchange: ObservedExchange, durationMs: number): number {
  const { passage, startedAt, formAt, answeredAt } = exchange;
  const { sentAt, headAt, beganAt, endedAt } = passage ?? {};
  if (sentAt === undefined) {
    return (answeredAt ?? startedAt + durationMs) - (formAt ?? startedAt);
  }
  const before = sentAt - startedAt;
  if (headAt !== undefined && beganAt !== undefined) return before + beganAt - headAt;
  if (endedAt !== undefined && answeredAt !== undefined) return before + answeredAt - endedAt;
  return before;
}

export type ObservedDecision = 'allow' | 'login' | 'step-up' | 'deny' | 'answer' | 'refuse';

/** What was decided; undefined for what ended before anything was. */
export function decisionOf({ outcome, destination }: ObservedExchange): ObservedDecision | undefined {
  if (outcome === undefined) return 'error' in destination ? 'refuse' : undefined;
  if (outcome.kind === 'forward') return 'allow';
  return outcome.kind === 'refuse' ? (outcome.decision ?? 'refuse') : outcome.kind;
}

/** Whether a request was refused: by a rule, for want of a stronger sign-in, or before any rule. */
export function isRefusal(exchange: ObservedExchange): boolean {
  const decision = decisionOf(exchange);
  return decision === 'deny' || decision === 'refuse' || decision === 'step-up';
}

/**
 * The rule that decided, such as `allow[0] holds`; of what is refused before or behind the rules, the code of its
 * error. There are as many of them as rules and codes: no word of a client or a person is in one.
 */
export function reasonOf({ outcome, destination }: ObservedExchange): string | undefined {
  if (outcome === undefined) return 'error' in destination ? codeOf(destination.error) : undefined;
  return outcome.kind === 'refuse' && outcome.decision === undefined ? codeOf(outcome.error) : outcome.reason;
}

const codeOf = (error: unknown): string => (error instanceof GatewayError ? error.code : 'internal');

/** By what somebody is known: a session, an access token that they brought, or nothing. */
export function authenticationOf({ person, subject }: ObservedExchange): 'session' | 'bearer' | 'none' {
  if (person?.bearer) return 'bearer';
  return subject === undefined ? 'none' : 'session';
}

/** In which of these ways a request came, or goes on. */
export type RequestKind = 'http' | 'websocket' | 'event-stream' | 'forward-auth';

export function requestKindOf({ via, passage }: ObservedExchange): RequestKind {
  if (via === 'upgrade') return 'websocket';
  if (via === 'question') return 'forward-auth';
  return passage?.isEventStream ? 'event-stream' : 'http';
}

function textOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value;
}
