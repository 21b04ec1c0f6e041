import type { Worker } from 'node:cluster';
import type { Clock } from '../clock.ts';

type FarewellMessage = { kind: 'leaving' | 'farewell' };

/** A primary that does not answer is not waited for. */
const patienceMs = 1000;

/** A worker says that it will end by itself, so that another one is started before it has. */
export function sayLeaving(): void {
  process.send?.({ kind: 'leaving' } satisfies FarewellMessage, undefined, {}, () => {});
}

/**
 * A worker that has stopped listening waits until the primary knows. What was handed to it until then stands before
 * the answer, and was given back; what it sent stands before its last word.
 */
export async function sayFarewell(clock: Clock): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = clock.after(patienceMs, resolve);
    process.on('message', ({ kind }: FarewellMessage) => {
      if (kind !== 'farewell') return;
      timer.cancel();
      resolve();
    });
    process.once('disconnect', resolve);
    process.send?.({ kind: 'farewell' } satisfies FarewellMessage, undefined, {}, () => {});
  });
  await new Promise<void>((resolve) => {
    if (!process.connected) return resolve();
    process.send?.({ kind: 'farewell' } satisfies FarewellMessage, undefined, {}, () => resolve());
  });
}

/** The primary's side of it. */
export function answerFarewell(worker: Worker, onLeaving: () => void): void {
  worker.on('message', ({ kind }: FarewellMessage) => {
    if (kind === 'leaving') onLeaving();
    if (kind === 'farewell' && worker.isConnected())
      worker.send({ kind: 'farewell' } satisfies FarewellMessage, () => {});
  });
}
