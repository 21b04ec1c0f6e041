import { randomUUID } from 'node:crypto';
import { GatewayError } from '../errors.ts';
import type { UpstreamRequest } from '../forward/forwarding.ts';
import type { HeaderFields, Inbound } from '../listen/inbound.ts';
import { forwardedValue, type Peer } from '../listen/peer.ts';
import { isHeadTooLarge } from '../listen/server.ts';
import type { ObservedExchange, ObservedOutcome, ObservedPassage } from '../observe/observed-exchange.ts';
import type { Trace } from '../observe/trace.ts';
import type { Reader } from '../plan/plan.ts';
import { destinationOf } from '../routes/destination.ts';
import { askedEndpoint, type Resolution, readHealthTarget, resolveTarget } from '../routes/resolve.ts';
import type { Route } from '../routes/table.ts';
import { type RequestTarget, readTarget } from '../routes/target.ts';

/** One request, as far as it is known before anybody asks who sent it. */
export interface Exchange {
  request: Inbound;
  /** The request target, byte for byte; Fastify puts a name of its own in its place. */
  rawTarget: string;
  /** The method that is decided on. */
  method: string;
  requestId: string;
  /** Milliseconds of a monotonic clock, as all times here. */
  startedAt: number;
  peer: Peer;
  trace: Trace | undefined;
  /** What was asked for, where it goes and the origin that it came to; or why it is refused. */
  destination: Destination | Refusal;
  /** For those who watch: who it turned out to be, how it came, and what was decided. */
  subject: string | undefined;
  person: ObservedExchange['person'];
  session: ObservedExchange['session'];
  via: ObservedExchange['via'];
  outcome: ObservedOutcome | undefined;
  endpoint: string | undefined;
  passage: ObservedPassage | undefined;
  /** When the form of an endpoint had come, and when the gateway's own answer was written, if they were. */
  formAt: number | undefined;
  answeredAt: number | undefined;
  /** Bytes of that form, and of the body of that answer. */
  formBytes: number;
  answerBytes: number;
  /** What goes on upstream for it, and ends when the client leaves. */
  upstreamRequest: UpstreamRequest | undefined;
  /** Called when the whole answer went to a client that was still there: it has what the answer set. */
  delivered: (() => void) | undefined;
  /** The status of an answer that was written past the response object, since its request broke off. */
  brokeWith: number | undefined;
  /** It was turned away for what others of the same client do: one line of the log tells of many. */
  isTurnedAway: boolean;
  /** Tells the pipeline that one of its requests has ended; undefined when it knows. */
  leave: (() => void) | undefined;
}

export interface Destination {
  target: RequestTarget;
  resolution: Resolution;
  /** The public origin that the request came to. */
  origin: string;
  /** Where it copies or moves something to: path and query of the upstream; undefined for any other request. */
  writesTo: string | undefined;
}

export interface Refusal {
  error: unknown;
}

/** What a request id of another program may look like: nothing that breaks a log line or a header. */
const requestIdPattern = /^[A-Za-z0-9._:@/+=-]{1,128}$/;

/**
 * Reads a request once; every later stage works on the result.
 * @param startedAt milliseconds of a monotonic clock
 */
export function readExchange(reader: Reader, request: Inbound, startedAt: number): Exchange {
  const peer = reader.readPeer(request);
  const given = forwardedValue(request, peer, 'x-request-id');
  const method = request.method ?? '';
  return {
    request,
    rawTarget: request.url ?? '',
    method,
    requestId: given !== undefined && requestIdPattern.test(given) ? given : randomUUID(),
    startedAt,
    peer,
    trace: undefined,
    destination: readDestination(reader, request, peer, method),
    subject: undefined,
    person: undefined,
    session: undefined,
    via: undefined,
    outcome: undefined,
    endpoint: undefined,
    passage: undefined,
    formAt: undefined,
    answeredAt: undefined,
    formBytes: 0,
    answerBytes: 0,
    upstreamRequest: undefined,
    delivered: undefined,
    brokeWith: undefined,
    isTurnedAway: false,
    leave: undefined,
  };
}

function readDestination(
  { table, hosts, prefix }: Reader,
  request: Inbound,
  peer: Peer,
  method: string,
): Destination | Refusal {
  try {
    if (isHeadTooLarge(request)) throw new GatewayError('headers_too_large');
    const health = readHealthTarget(prefix, request);
    if (health) {
      const resolution = { kind: 'endpoint', path: health.path } as const;
      return { target: health, origin: hosts.standard, resolution, writesTo: undefined };
    }
    const target = readTarget(request, forwardedValue(request, peer, 'x-forwarded-host'));
    const asked = peer.trusted ? askedEndpoint(prefix, target.path) : undefined;
    // A proxy that asks may know the gateway by a name that browsers never see.
    if (asked) {
      const resolution = { kind: 'endpoint', path: asked } as const;
      return { target, origin: hosts.standard, resolution, writesTo: undefined };
    }
    return resolveRequest({ table, hosts, prefix }, target, method, request.headers);
  } catch (error) {
    return { error };
  }
}

/** Finds where a request goes, and what it writes to there. Throws GatewayError. */
export function resolveRequest(
  { table, hosts, prefix }: Pick<Reader, 'table' | 'hosts' | 'prefix'>,
  target: RequestTarget,
  method: string,
  headers: HeaderFields,
): Destination {
  const origin = hosts.originOf(target);
  const resolution = resolveTarget(table, prefix, target, method);
  const writesTo =
    resolution.kind === 'route' && headers.destination !== undefined
      ? destinationOf(table, prefix, { method, headers, target, route: resolution.route })
      : undefined;
  return { target, origin, resolution, writesTo };
}

/** Whether a request is the question of a proxy (original.ts), at any of its places. */
export function isQuestion(reader: Reader, request: Inbound): boolean {
  const peer = reader.readPeer(request);
  if (!peer.trusted) return false;
  const destination = readDestination(reader, request, peer, request.method ?? '');
  return !('error' in destination) && askedEndpoint(reader.prefix, destination.target.path) !== undefined;
}

/** Where a request goes. Throws its refusal for one that was not even read. */
export function arrived({ destination }: Exchange): Destination {
  if ('error' in destination) throw destination.error;
  return destination;
}

/** The route of a request. Throws its refusal, and GatewayError 404 where there can be none. */
export function routeOf(exchange: Exchange): Route {
  const { resolution } = arrived(exchange);
  if (resolution.kind === 'endpoint') throw new GatewayError('unknown_endpoint');
  return resolution.route;
}

/** The request has its whole answer, or its client has gone; what comes later of it counts for nothing. */
export function endExchange(exchange: Exchange): void {
  const { leave } = exchange;
  exchange.leave = undefined;
  leave?.();
}
