import type { GatewayError } from '../../errors.ts';
import type { ObservedExchange } from '../observed-exchange.ts';

export type RequestEvent =
  /** An answer has ended, or its client has gone. Once for each request, so nothing is made for it. */
  | { kind: 'request-finished'; exchange: ObservedExchange; status: number; durationMs: number }
  /** The client of a handshake left before the answer. */
  | { kind: 'request-left'; exchange: ObservedExchange; durationMs: number }
  /** A WebSocket that was open is closed. `durationMs` counts from its handshake. */
  | { kind: 'websocket-closed'; exchange: ObservedExchange; durationMs: number }
  /** A request was refused, or something failed on its way; its answer has an event of its own. */
  | { kind: 'request-refused'; exchange: ObservedExchange; error: GatewayError }
  /**
   * So many requests were refused by a limit, since the last time that this was said. `client` is an address, of IPv6 a
   * /64, or `others` for those who are too many to be told apart; undefined where people are counted, not clients.
   */
  | { kind: 'requests-limited'; limit: string; client: string | undefined; refused: number };
