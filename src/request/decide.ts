import { type AccessRequest, decide } from '../access/decide.ts';
import { isForgeable, isFromElsewhere, isNavigation, isPreflight } from '../access/navigation.ts';
import type { Person } from '../access/subject.ts';
import { GatewayError } from '../errors.ts';
import type { Route } from '../routes/table.ts';
import { type Exchange, routeOf } from './exchange.ts';
import { asksForWebSocket } from './original.ts';
import type { Stage } from './outcome.ts';

export interface DecideNeeds {
  /** The gateway's own origins. */
  returnOrigins: ReadonlySet<string>;
  /** Milliseconds since the epoch. */
  now(): number;
}

/** Decides whether whoever asks may pass. */
export function decideAccess({ returnOrigins, now }: DecideNeeds): Stage {
  const context = { origins: returnOrigins, now };
  return (journey) => {
    const { exchange, caller } = journey;
    const route = routeOf(exchange);
    journey.decision = decide(route, new Question(context, exchange, caller?.person, route));
    return undefined;
  };
}

/** What rules ask of a request, beside the request. */
export interface Context {
  origins: ReadonlySet<string>;
  now(): number;
}

/** The part of a request that rules ask of. */
interface AskedOf {
  method: string;
  request: Pick<Exchange['request'], 'headers'>;
  peer: Pick<Exchange['peer'], 'clientAddress'>;
}

/** What rules may ask of a request. Most ask for nothing but the person, so the rest is told when it is asked for. */
export class Question implements AccessRequest {
  readonly person: Person | undefined;
  readonly #context: Context;
  readonly #exchange: AskedOf;
  readonly #route: Pick<Route, 'cors'>;

  constructor(context: Context, exchange: AskedOf, person: Person | undefined, route: Pick<Route, 'cors'>) {
    this.person = person;
    this.#context = context;
    this.#exchange = exchange;
    this.#route = route;
  }

  get navigation(): boolean {
    return isNavigation(this.#exchange.method, this.#exchange.request.headers);
  }

  get preflight(): boolean {
    return isPreflight(this.#exchange.method, this.#exchange.request.headers);
  }

  get forgeable(): boolean {
    return isForgeable(this.#exchange.method, this.#exchange.request.headers);
  }

  get fromElsewhere(): boolean {
    const { method, request } = this.#exchange;
    const isTrusted = (origin: string) =>
      this.#context.origins.has(origin) || !!this.#route.cors?.includes(origin);
    return isFromElsewhere(method, request.headers, isTrusted);
  }

  get now(): number {
    return this.#context.now() / 1000;
  }

  get clientAddress(): string | undefined {
    return this.#exchange.peer.clientAddress;
  }
}

/**
 * RFC 6455 §10.2: browsers open sockets to any site and send that site's cookies along. Throws GatewayError 403
 * for a handshake that rides on the session cookie from another site.
 */
export function refuseForeignSocket(returnOrigins: ReadonlySet<string>): Stage {
  return ({ exchange: { request }, arrival: { via }, caller, decision }) => {
    if (via === 'http' || decision.kind !== 'allow') return undefined;
    if (via === 'question' && !asksForWebSocket(request)) return undefined;
    const { origin } = request.headers;
    if (caller?.current && origin !== undefined && !returnOrigins.has(origin)) {
      throw new GatewayError('cross_site');
    }
    return undefined;
  };
}
