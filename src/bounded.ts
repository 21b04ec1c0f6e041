/** What the bounded maps of the gateway hold to. */
export interface Bounds<V> {
  /** So many at the most. */
  entries: number;
  /** So much together at the most. What one takes must not change while it is kept. */
  bytes?: { most: number; of(value: V): number };
  /** From its end on an entry is not there any more; it goes when it is asked for, or once it is the oldest. */
  ends?: { at(value: V): number; now(): number };
  /**
   * Who gives way where there is no room: the one that was set the longest ago, the one that was neither set nor
   * asked for the longest, or whoever comes when the number is reached.
   */
  givesWay?: 'oldest' | 'unused' | 'newcomer';
  /** These do not give way, be they too many. */
  spare?(value: V): boolean;
}

/** A map that cannot fill the memory, whatever a flood puts in. Its values are never undefined. */
export interface Bounded<K, V> {
  readonly size: number;
  get(key: K): V | undefined;
  has(key: K): boolean;
  /** As it stands, be it over; to look changes nothing. */
  peek(key: K): V | undefined;
  /** It is the newest then, wherever it stood before. */
  set(key: K, value: V): void;
  delete(key: K): void;
  clear(): void;
  /** The oldest first; what is over may still be among them. */
  values(): Iterable<V>;
  /** The same, with their keys. */
  [Symbol.iterator](): Iterator<[K, V]>;
}

export function createBounded<K, V>({
  entries: most,
  bytes,
  ends,
  givesWay,
  spare,
}: Bounds<V>): Bounded<K, V> {
  const entries = new Map<K, V>();
  let held = 0;

  const isOver = (value: V) => ends !== undefined && ends.at(value) <= ends.now();
  const isTooMuch = () => entries.size > most || (bytes !== undefined && held > bytes.most);
  const remove = (key: K) => {
    if (bytes) {
      const value = entries.get(key);
      if (value !== undefined) held -= bytes.of(value);
    }
    entries.delete(key);
  };
  const get = (key: K): V | undefined => {
    const value = entries.get(key);
    if (value === undefined) return undefined;
    if (isOver(value)) {
      remove(key);
      return undefined;
    }
    if (givesWay === 'unused') {
      entries.delete(key);
      entries.set(key, value);
    }
    return value;
  };

  return {
    get size() {
      return entries.size;
    },
    get,
    has: (key) => get(key) !== undefined,
    peek: (key) => entries.get(key),
    set(key, value) {
      if (givesWay === 'newcomer' && entries.size >= most && !entries.has(key)) return;
      remove(key);
      entries.set(key, value);
      if (bytes) held += bytes.of(value);
      for (const [oldest, kept] of entries) {
        if (!isTooMuch() && !isOver(kept)) break;
        if (!spare?.(kept)) remove(oldest);
      }
    },
    delete: remove,
    clear() {
      entries.clear();
      held = 0;
    },
    values: () => entries.values(),
    [Symbol.iterator]: () => entries[Symbol.iterator](),
  };
}
