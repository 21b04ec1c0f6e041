type Callback = (value: string | undefined) => void;

/** Those who wait for the ends of turns, by key. */
export interface EndListeners {
  on(key: string, callback: Callback): () => void;
  tell(key: string, value?: string): void;
  /** Any of them may have ended. */
  tellAll(): void;
}

export function createEndListeners(): EndListeners {
  const waiting = new Map<string, Set<Callback>>();
  const tell = (key: string, value?: string) => {
    for (const callback of [...(waiting.get(key) ?? [])]) callback(value);
  };
  return {
    on(key, callback) {
      const callbacks = waiting.get(key) ?? new Set();
      waiting.set(key, callbacks.add(callback));
      return () => {
        callbacks.delete(callback);
        if (callbacks.size === 0 && waiting.get(key) === callbacks) waiting.delete(key);
      };
    },
    tell,
    tellAll() {
      for (const key of [...waiting.keys()]) tell(key);
    },
  };
}
