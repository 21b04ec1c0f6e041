import type { Inbound } from '../../listen/inbound.ts';
import type { Exchange } from '../exchange.ts';
import type { Forward } from '../outcome.ts';
import type { Pipeline } from '../pipeline.ts';

/** A request that has come in, with the pipeline that decides on it from beginning to end. */
export interface Entry {
  pipeline: Pipeline;
  exchange: Exchange;
  /** The outcome that lets it go to its upstream; undefined until there is one. */
  admitted: Forward | undefined;
}

export interface EntryOf {
  /** The entry of a request; the same one at every call, whatever pipeline is the current one by then. */
  (request: Inbound): Entry;
  /**
   * Whether a request is the question of a proxy, which may carry the Upgrade of what it asks about and is answered as
   * any. It is only looked at, and has not come in by that: it may never have its turn.
   */
  isQuestion(request: Inbound): boolean;
}

/** @param current the pipeline of requests that come in now; asked once for each of them, at its first touch */
export function rememberEntries(current: () => Pipeline): EntryOf {
  const entryOf = (request: RememberingRequest) => {
    request[remembered] ??= enter(current(), request);
    return request[remembered];
  };
  return Object.assign(entryOf, { isQuestion: (request: Inbound) => current().isQuestion(request) });
}

function enter(pipeline: Pipeline, request: Inbound): Entry {
  return { pipeline, exchange: pipeline.arrive(request), admitted: undefined };
}

// A weak map would do too, but each of its entries costs the garbage collector more than the look-ups save.
const remembered = Symbol('entry');
type RememberingRequest = Inbound & { [remembered]?: Entry };
