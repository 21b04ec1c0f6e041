import { type Clock, systemClock } from '../../src/clock.ts';
import { type Observe, openObserve } from '../../src/observe/open-observe.ts';
import { standardSinks } from '../../src/observe/sinks/index.ts';
import type { LogSettings } from '../../src/observe/sinks/log-writer.ts';
import type { OpenSink } from '../../src/observe/sinks/sink.ts';

/** For what is opened where nobody is told of anything. */
export const unobserved: Omit<Observe, 'flushed' | 'metrics' | 'figures' | 'traces'> = {
  emit() {},
  keepSecrets() {},
  check() {},
  apply() {},
  troubles: () => [],
};

export interface ObserveParts {
  level?: 'info' | 'debug';
  clock?: Clock;
  /** Beside the log. */
  sinks?: readonly OpenSink[] | undefined;
  access?: LogSettings['access'];
  combined?: boolean;
}

/** Tells the log, in lines of JSON that are handed over as they are written. */
export function observeInto(
  write: (line: string) => unknown,
  { level = 'info', clock = systemClock, sinks = [], access, combined }: ObserveParts = {},
): Observe {
  const options = { level, pretty: false, combined, access, destination: { write } };
  return openObserve(options, { clock, sinks: [...standardSinks, ...sinks] });
}
