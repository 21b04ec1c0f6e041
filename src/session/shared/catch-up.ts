import type { Clock } from '../../clock.ts';

/** What has arrived for a process is read within this, unless it is held up. */
const momentMs = 100;

/**
 * Whether this process has read what arrived for it. One that was stopped, or had no processor, goes on with whatever
 * connection comes first: a request may be before the end of its session, though that was told long ago. So whoever
 * finds that nobody looked for a moment has all connections read first, which takes two turns of the event loop and asks
 * nobody.
 */
export function createCatchUp({ monotonic }: Pick<Clock, 'monotonic'>): () => Promise<void> | undefined {
  let readUntil = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;
  return () => {
    const now = monotonic();
    if (now - readUntil <= momentMs) return undefined;
    reading ??= new Promise((resolve) => {
      const done = () => {
        readUntil = now;
        reading = undefined;
        resolve();
      };
      // The first is the end of the turn that is under way, the second that of a whole one.
      setImmediate(() => setImmediate(done));
    });
    return reading;
  };
}
