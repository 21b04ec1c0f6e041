import type { Clock } from '../../clock.ts';

interface Entry<T> {
  value: T;
  /** Milliseconds of the clock that never goes back. */
  until: number;
  bytes: number;
}

/** Outcomes by key, each for a time; all together bounded in number and size. */
export interface Cache<T> {
  get(key: string): T | undefined;
  /**
   * @param until milliseconds of the clock that never goes back
   * @param bytes about how much memory the value takes
   */
  set(key: string, value: T, until: number, bytes: number): void;
}

/** What came first gives way first: looking an entry up changes nothing, so that it costs little. */
export function createCache<T>(
  limits: { entries: number; bytes: number },
  { monotonic: now }: Pick<Clock, 'monotonic'>,
): Cache<T> {
  const entries = new Map<string, Entry<T>>();
  let total = 0;
  const remove = (key: string, { bytes }: Entry<T>) => {
    entries.delete(key);
    total -= bytes;
  };
  return {
    get(key) {
      const entry = entries.get(key);
      if (!entry) return undefined;
      if (entry.until > now()) return entry.value;
      remove(key, entry);
      return undefined;
    },
    set(key, value, until, bytes) {
      const earlier = entries.get(key);
      if (earlier) remove(key, earlier);
      if (until <= now()) return;
      entries.set(key, { value, until, bytes });
      total += bytes;
      for (const [oldest, entry] of entries) {
        if (entries.size <= limits.entries && total <= limits.bytes) break;
        remove(oldest, entry);
      }
    },
  };
}
