import { type Clock, systemClock } from '../../src/clock.ts';
import { type Observe, openObserve } from '../../src/observe/open-observe.ts';

/** For what is opened where nobody is told of anything. */
export const unobserved: Omit<Observe, 'flushed'> = {
  emit() {},
  keepSecrets() {},
  check() {},
  apply() {},
  troubles: () => [],
};

/** Tells the log alone, in lines of JSON that are handed over as they are written. */
export function observeInto(
  write: (line: string) => unknown,
  { level = 'info', clock = systemClock }: { level?: 'info' | 'debug'; clock?: Clock } = {},
): Observe {
  return openObserve({ level, pretty: false, destination: { write } }, { clock });
}
