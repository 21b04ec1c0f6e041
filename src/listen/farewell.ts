import type { Worker } from 'node:cluster';
import type { Clock } from '../clock.ts';

type FarewellMessage =
  | { kind: 'leaving' | 'farewell' | 'drain' }
  /** Whether another worker takes the place of one that leaves. */
  | { kind: 'leave'; isReplaced: boolean };

/** A primary that does not answer is not waited for. */
const patienceMs = 1000;

/**
 * A worker says that it will end by itself, so that another one is started before it has. Gives whether one is: not
 * where the whole gateway ends.
 */
export function sayLeaving(clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = clock.after(patienceMs, () => resolve(false));
    const answered = (isReplaced: boolean) => {
      timer.cancel();
      resolve(isReplaced);
    };
    process.on('message', (message: FarewellMessage) => {
      if (message.kind === 'leave') answered(message.isReplaced);
    });
    process.once('disconnect', () => answered(false));
    process.send?.({ kind: 'leaving' } satisfies FarewellMessage, undefined, {}, () => {});
  });
}

/** A worker is told that others are to take over from the whole gateway. */
export function onDrain(drain: () => void): void {
  process.on('message', ({ kind }: FarewellMessage) => {
    if (kind === 'drain') drain();
  });
}

/** The primary's side of it. */
export function sendDrain(worker: Worker): void {
  send(worker, { kind: 'drain' });
}

function send(worker: Worker, message: FarewellMessage): void {
  if (worker.isConnected()) worker.send(message, () => {});
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

/**
 * The primary's side of it.
 * @param onLeaving gives whether another worker takes its place
 */
export function answerFarewell(worker: Worker, onLeaving: () => boolean): void {
  worker.on('message', ({ kind }: FarewellMessage) => {
    if (kind === 'leaving') send(worker, { kind: 'leave', isReplaced: onLeaving() });
    if (kind === 'farewell') send(worker, { kind: 'farewell' });
  });
}
