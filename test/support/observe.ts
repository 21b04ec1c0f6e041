import { type Clock, systemClock } from '../../src/clock.ts';
import type { Emit } from '../../src/observe/events.ts';
import { type Observe, openObserve } from '../../src/observe/open-observe.ts';
import { standardSinks } from '../../src/observe/sinks/index.ts';
import type { OpenSink } from '../../src/observe/sinks/sink.ts';

/** For what is opened where nobody is told of anything. */
export const unobserved: { emit: Emit; keepSecrets(): void; apply(): void } = {
  emit() {},
  keepSecrets() {},
  apply() {},
};

/** Tells the log alone, in lines of JSON that are handed over as they are written. */
export function observeInto(
  write: (line: string) => unknown,
  {
    level = 'info',
    clock = systemClock,
    sinks = [],
  }: { level?: 'info' | 'debug'; clock?: Clock; sinks?: readonly OpenSink[] | undefined } = {},
): Observe {
  const all = [...standardSinks, ...sinks];
  return openObserve({ level, pretty: false, destination: { write } }, { clock, sinks: all });
}
