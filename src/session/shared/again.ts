import type { Clock } from '../../clock.ts';

/** An outage ends with a call. This is for what was refused by itself, such as by rights that somebody mends. */
const againMs = 5000;

/**
 * Does something again later, for as long as something is left of it.
 * @param work never rejects; gives whether nothing is left
 */
export function createAgain(clock: Pick<Clock, 'after'>, work: () => Promise<boolean>): () => void {
  let isWaiting = false;
  const later = () => {
    if (isWaiting) return;
    isWaiting = true;
    clock
      .after(againMs, () => {
        isWaiting = false;
        void work().then((isDone) => isDone || later());
      })
      .unref();
  };
  return later;
}
