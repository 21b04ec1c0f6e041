import { setTimeout as wait } from 'node:timers/promises';

/** A safety net, and no assertion: several processes share a machine that may be busy. */
const longestMs = 30_000;

/**
 * Asks again and again until there is an answer other than undefined and false. Rejects after the limit.
 * @param what for the message: what did not happen
 */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  timeoutMs = longestMs,
): Promise<T> {
  const start = performance.now();
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() - start > timeoutMs) throw new Error(`${what} did not come in ${timeoutMs} ms`);
    await wait(10);
  }
}
