import type { AccessRequest } from '../access/decide.ts';
import { isForgeable, isFromElsewhere, isNavigation, isPreflight } from '../access/navigation.ts';
import type { Network } from '../config/schema/index.ts';
import type { Caller } from '../identity/claims/caller.ts';
import { compileNetworks } from '../listen/peer.ts';
import type { Route } from '../routes/table.ts';
import type { Exchange } from './exchange.ts';

/** What rules may ask of a request. Most ask for nothing but the person, so the rest is told when it is asked for. */
export class Question implements AccessRequest {
  readonly person: Caller['person'] | undefined;
  readonly #exchange: Exchange;
  readonly #origins: ReadonlySet<string>;
  readonly #route: Route;

  constructor(
    exchange: Exchange,
    person: Caller['person'] | undefined,
    origins: ReadonlySet<string>,
    route: Route,
  ) {
    this.#exchange = exchange;
    this.person = person;
    this.#origins = origins;
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
    const isTrusted = (origin: string) => this.#origins.has(origin) || !!this.#route.cors?.includes(origin);
    return isFromElsewhere(method, request.headers, isTrusted);
  }

  get now(): number {
    return Date.now() / 1000;
  }

  isFrom(networks: readonly Network[]): boolean {
    const { clientAddress } = this.#exchange.peer;
    return clientAddress !== undefined && matcherOf(networks)(clientAddress);
  }
}

const matchers = new WeakMap<readonly Network[], (address: string) => boolean>();

/** Networks stand in the configuration, so each list is compiled once. */
function matcherOf(networks: readonly Network[]): (address: string) => boolean {
  const known = matchers.get(networks) ?? compileNetworks(networks);
  matchers.set(networks, known);
  return known;
}
