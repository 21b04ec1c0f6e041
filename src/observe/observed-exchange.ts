import type { Trace } from './trace.ts';

/**
 * A request, as sinks may look at it: the thing itself, of which nothing is copied for an event. A sink reads what it
 * needs at once, since the request goes on; `facts.ts` reads it. The query stays out of whatever is made of it, since it
 * may hold secrets. Times are milliseconds of the monotonic clock.
 */
export interface ObservedExchange {
  requestId: string;
  /** The request target as it came. */
  rawTarget: string;
  /** The method that is decided on; of the question of a proxy, that of what it asks about. Empty where nobody read it. */
  method: string;
  request: ObservedRequest;
  peer: { address: string; clientAddress?: string | undefined };
  /** The trace that it belongs to; undefined where there is none. */
  trace?: Trace | undefined;
  /** The path of the gateway's own endpoint that it came to, if there is one. */
  endpoint?: string | undefined;
  subject: string | undefined;
  person: { user: string; bearer: boolean; provider: string | undefined } | undefined;
  /** The session that it came with, where it has one; its id opens nothing. */
  session: { readonly id: string; readonly provider: string } | undefined;
  /** One of many, which have an event of their own from time to time: no line is written for it. */
  isTurnedAway?: boolean;
  destination:
    | {
        target: { path: string; host: string };
        /** The public origin that it came to. */
        origin?: string;
        resolution: { kind: 'endpoint' } | { kind: 'route'; route: { label: string } };
      }
    | { error: unknown };
  /** Undefined until it was decided on. */
  via: 'http' | 'upgrade' | 'question' | undefined;
  outcome: ObservedOutcome | undefined;
  /** Its way upstream, where it has one. */
  passage: ObservedPassage | undefined;
  /** When it came; when the form of an endpoint had come, and when the gateway's own answer was written, if they were. */
  startedAt: number;
  formAt: number | undefined;
  answeredAt: number | undefined;
  /** Bytes of that form, and of the body of that answer. */
  formBytes: number;
  answerBytes: number;
}

/** A request as it came. Nothing is set where it could not be read as HTTP. */
export interface ObservedRequest {
  httpVersion?: string;
  headers?: Readonly<Record<string, string | string[] | undefined>>;
  rawHeaders?: readonly string[];
}

/** What was decided. What `facts.ts` makes of it is bounded, and no data of a person. */
export interface ObservedOutcome {
  kind: 'forward' | 'login' | 'step-up' | 'answer' | 'refuse';
  reason: string;
  /** Of a refusal: which decision it comes from; undefined where it was none of a rule. */
  decision?: 'deny' | 'step-up' | undefined;
  error?: unknown;
}

/** The way of a request upstream. Times are milliseconds of the monotonic clock. */
export interface ObservedPassage {
  /** The target that was asked last, as it was configured. */
  readonly target?: string | undefined;
  /** When it went upstream for the first time. */
  readonly sentAt?: number | undefined;
  /** When the head of the answer was there. */
  readonly headAt?: number | undefined;
  /** When that head went on to the client. */
  readonly beganAt?: number | undefined;
  /** When the answer had ended, or broke. */
  readonly endedAt?: number | undefined;
  /** Bytes of the body that were read from the client, and of the answer's that were handed on to it. */
  readonly bytesIn?: number | undefined;
  readonly bytesOut?: number | undefined;
  readonly isEventStream?: boolean | undefined;
}

/** The status of a request whose client left before there was an answer; as nginx writes it. */
export const clientLeftStatus = 499;
