import cluster from 'node:cluster';
import type { Clock } from '../clock.ts';

/** A signal that comes again sooner than this is the same wish: of a group, or of a supervisor that repeats itself. */
const sameWishMs = 1000;

/**
 * Calls back when this process is asked to stop: `stop` at the first SIGTERM or SIGINT, `endNow` when somebody asks
 * again later, or presses Ctrl-C a second time.
 *
 * A worker stops by SIGTERM, once: a signal to the whole group reaches it beside the one of its primary, and only
 * the primary ends it by force. Ctrl-C in a terminal reaches it too, and is the primary's to pass on.
 */
export function onStopSignals(
  clock: Clock,
  stop: (signal: NodeJS.Signals) => void,
  endNow: () => void,
): void {
  let firstAt: number | undefined;
  const received = (signal: NodeJS.Signals) => {
    if (cluster.isWorker && signal === 'SIGINT') return;
    if (firstAt === undefined) {
      firstAt = clock.monotonic();
      stop(signal);
      return;
    }
    const again = signal === 'SIGINT' || clock.monotonic() - firstAt > sameWishMs;
    if (again && !cluster.isWorker) endNow();
  };
  process.on('SIGTERM', received);
  process.on('SIGINT', received);
}

/** Node opens its debugger at SIGUSR1, to everybody on the machine who can reach its port. */
export function refuseInspector(): void {
  process.on('SIGUSR1', () => {});
}
