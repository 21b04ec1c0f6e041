/** Runs work once at a time for each key in this process; who comes meanwhile gets the same promise. */
export interface SingleFlight<T> {
  (key: string, work: () => Promise<T>): Promise<T>;
  /** Resolves when nothing is under way any more, or after so many milliseconds. */
  ended(withinMs: number): Promise<void>;
}

export function createSingleFlight<T>(): SingleFlight<T> {
  const running = new Map<string, Promise<T>>();
  const alone = (key: string, work: () => Promise<T>): Promise<T> => {
    const known = running.get(key);
    if (known) return known;
    const run = work().finally(() => running.delete(key));
    running.set(key, run);
    return run;
  };
  const ended = async (withinMs: number) => {
    if (running.size === 0) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, withinMs);
    });
    await Promise.race([Promise.allSettled(running.values()), late]);
    clearTimeout(timer);
  };
  return Object.assign(alone, { ended });
}
