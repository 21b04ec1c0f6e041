import type { Event, ToldOf } from '../../events.ts';
import type { Level } from '../log-writer.ts';

/** How an event is written. */
export type Line<E> = {
  level: Level | ((event: E) => Level);
  message: string | ((event: E) => string);
  /** Which of its fields, in the order in which they stand; what is undefined is left out. */
  fields: readonly (keyof E & string)[] | ((event: E) => Readonly<Record<string, unknown>>);
};

/**
 * The rows of some events. Null for an event without a line: it is for other sinks. `request` for the lines of requests,
 * which `log.ts` writes.
 */
export type LinesOf<E extends Event> = { [K in E['kind']]: Line<ToldOf<K>> | null | 'request' };
