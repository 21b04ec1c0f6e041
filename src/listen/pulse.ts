import type { Worker } from 'node:cluster';
import type { Clock, Timer } from '../clock.ts';

/** When a process counts as stuck: it left so many questions in a row unanswered, asked at this interval. */
export interface Pulse {
  everyMs: number;
  misses: number;
}

/** Half a minute: no request keeps the event loop for so long, a machine that is short of memory may. */
export const standardPulse: Pulse = { everyMs: 5000, misses: 6 };

type PulseMessage = { kind: 'ping' | 'pong' };

/**
 * Asks a worker again and again whether its event loop turns, from its first sign of life on.
 * @param onStuck called once when it does not answer any more
 */
export function watchPulse(
  worker: Worker,
  { everyMs, misses }: Pulse,
  clock: Clock,
  onStuck: () => void,
): void {
  let unanswered = 0;
  let timer: Timer | undefined;
  const ask = () => {
    if (unanswered >= misses) {
      timer?.cancel();
      onStuck();
      return;
    }
    unanswered += 1;
    if (worker.isConnected()) worker.send({ kind: 'ping' } satisfies PulseMessage, () => {});
  };
  worker.on('message', (message: PulseMessage) => {
    if (message.kind === 'pong') unanswered = 0;
  });
  // What is sent to a worker before it listens for messages is lost.
  worker.once('listening', () => {
    timer = clock.every(everyMs, ask);
  });
  worker.once('exit', () => timer?.cancel());
}

/** A worker's side of it. */
export function answerPulse(): void {
  process.on('message', (message: PulseMessage) => {
    if (message.kind === 'ping')
      process.send?.({ kind: 'pong' } satisfies PulseMessage, undefined, {}, () => {});
  });
}
