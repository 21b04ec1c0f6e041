import type { ErrorCode, GatewayError } from '../errors.ts';
import type { ListenerEvent } from './events/listeners.ts';
import type { PersonEvent } from './events/people.ts';
import type { ProcessEvent } from './events/processes.ts';
import type { ProviderEvent } from './events/providers.ts';
import type { RequestEvent } from './events/requests.ts';
import type { StoreEvent } from './events/stores.ts';
import type { TargetEvent } from './events/targets.ts';

/**
 * Everything that happens in the gateway, as values. Code emits what came of its work, and does not know which sinks
 * listen (src/observe/sinks); the log is one of them. A new kind is a member of a union in `events/`, and a row beside
 * it in `sinks/lines/`.
 *
 * Names mean the same in every event: `provider`, `target` and `route` are names of the configuration, of which there
 * are few; `subject` is a person and `client` an address, of which there are many; `…Ms` is a duration in milliseconds,
 * as exact as the clock. `error` is whatever was thrown: sinks get its description in its place, without secrets.
 */
export type Event =
  | RequestEvent
  | ListenerEvent
  | TargetEvent
  | ProcessEvent
  | PersonEvent
  | ProviderEvent
  | StoreEvent;

/** Says that something has happened. It never throws, and does not wait for anybody. */
export type Emit = (event: Event) => void;

/** What is told of an error in its place. */
type Described<E> = E extends { error: GatewayError }
  ? Omit<E, 'error'> & Refused
  : E extends { error: unknown }
    ? Omit<E, 'error'> & { reason: string }
    : E;

/** What is told of a refusal. */
export interface Refused {
  requestId: string;
  traceId: string | undefined;
  subject: string | undefined;
  client: string | undefined;
  code: ErrorCode;
  status: number;
  /** What the answer does not tell. */
  reason: string | undefined;
  /** Of a path that can be read in two ways: for `explain`, which says what is odd about it. */
  path: string | undefined;
  /** Where a fault of the gateway itself happened. */
  stack: string | undefined;
}

/** An event as sinks get it: errors are described, and known secrets are out of all its texts. */
export type Told = Described<Event>;

/** An event of one kind, as sinks get it. */
export type ToldOf<K extends Event['kind']> = Extract<Told, { kind: K }>;
