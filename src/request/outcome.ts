import type { Decision } from '../access/decide.ts';
import type { ErrorCode } from '../errors.ts';
import type { Forwarding } from '../forward/forwarding.ts';
import type { Caller } from '../identity/claims/caller.ts';
import type { LoginRequest } from '../identity/login/start.ts';
import type { Answer } from '../pages/answer.ts';
import type { Lapsed } from '../session/standing.ts';
import type { Exchange } from './exchange.ts';

/** What becomes of a request, as a value: the transports only render it. `reason` is a sentence for people. */
export type Outcome = Forward | SignIn | Own | Refuse;

/** It goes on to its upstream. */
export interface Forward {
  kind: 'forward';
  reason: string;
  forwarding: Forwarding;
}

/** Somebody has to sign in first, or more strongly. Where nobody can be led there, it is refused with `code`. */
export interface SignIn {
  kind: 'login' | 'step-up';
  reason: string;
  wanted: LoginRequest;
  code: ErrorCode;
  /** The `WWW-Authenticate` of the refusal. */
  challenge: string | undefined;
  /** What the answer has to set, whichever it is. */
  setCookies: readonly string[];
}

/** The gateway itself has the answer. */
export interface Own {
  kind: 'answer';
  reason: string;
  answer: Answer;
}

export interface Refuse {
  kind: 'refuse';
  reason: string;
  /** The decision of a rule that it comes from; undefined where it is none of a rule. */
  decision?: 'deny' | 'step-up';
  /** What is no GatewayError is a fault of the gateway. */
  error: unknown;
  /** Another reader may see another request: nothing more is read from the connection (RFC 9112 §11.2). */
  endsConnection?: boolean;
}

/** How a request came, as far as that changes what may become of it. */
export interface Arrival {
  via: /** Its sender gets the answer, whatever that is. */
    | 'http'
    /** It wants to become a WebSocket. */
    | 'upgrade'
    /** A proxy asks whether it may pass (original.ts). */
    | 'question';
  /** The body, where one of the gateway's own endpoints reads it. */
  form?: string | undefined;
}

/** A request on its way through the stages. Each of them fills in what it finds out. */
export interface Journey {
  readonly exchange: Exchange;
  readonly arrival: Arrival;
  /** Who asks; undefined for nobody in particular. */
  caller: Caller | undefined;
  /** Why the session of the request cannot be used now. */
  withheld: { lapsed: Lapsed } | { outage: unknown } | undefined;
  decision: Decision;
  /** The token of the route's upstream, where the route asks for one. */
  token: string | undefined;
  /** What the answer has to set, whatever it is: a session that was refreshed, or one that has ended. */
  setCookies: readonly string[];
}

/** One thing that is done or asked on the way. An outcome ends the way; an error that is thrown is a refusal. */
export type Stage = (journey: Journey) => Outcome | undefined | Promise<Outcome | undefined>;

/** Until somebody says so, nothing passes. */
const undecided: Decision = { kind: 'deny', code: 'not_allowed', reason: 'nothing was decided' };

const noCookies: readonly string[] = [];

export function beginJourney(exchange: Exchange, arrival: Arrival): Journey {
  return {
    exchange,
    arrival,
    caller: undefined,
    withheld: undefined,
    decision: undecided,
    token: undefined,
    setCookies: noCookies,
  };
}
