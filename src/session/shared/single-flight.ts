/** Runs work once at a time for each key in this process; who comes meanwhile gets the same promise. */
export interface SingleFlight<T> {
  (key: string, work: () => Promise<T>): Promise<T>;
  /** Resolves when what is under way now has ended. */
  ended(): Promise<void>;
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
  const ended = async () => void (await Promise.allSettled(running.values()));
  return Object.assign(alone, { ended });
}
