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
  /** As it stands, be it over: to look changes nothing, and costs no more than in a plain Map. */
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

export function createBounded<K, V>(bounds: Bounds<V>): Bounded<K, V> {
  return new BoundedMap(bounds);
}

/**
 * A class, since its methods are one code for all of them: with closures of each, `peek` took 7 ns longer than a plain
 * Map, and takes as long so (`npm run build && node bench/bounded-maps.mjs`).
 */
class BoundedMap<K, V> implements Bounded<K, V> {
  readonly #entries = new Map<K, V>();
  readonly #bounds: Bounds<V>;
  readonly #ends: Bounds<V>['ends'];
  readonly #isMovedByUse: boolean;
  #held = 0;

  constructor(bounds: Bounds<V>) {
    this.#bounds = bounds;
    this.#ends = bounds.ends;
    this.#isMovedByUse = bounds.givesWay === 'unused';
  }

  get size() {
    return this.#entries.size;
  }

  get(key: K): V | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    if (this.#isOver(value)) {
      this.delete(key);
      return undefined;
    }
    if (this.#isMovedByUse) {
      this.#entries.delete(key);
      this.#entries.set(key, value);
    }
    return value;
  }

  has(key: K): boolean {
    return this.get(key) !== undefined;
  }

  peek(key: K): V | undefined {
    return this.#entries.get(key);
  }

  set(key: K, value: V): void {
    const { entries: most, bytes, givesWay, spare } = this.#bounds;
    const entries = this.#entries;
    if (givesWay === 'newcomer' && entries.size >= most && !entries.has(key)) return;
    this.delete(key);
    entries.set(key, value);
    if (bytes) this.#held += bytes.of(value);
    for (const [oldest, kept] of entries) {
      if (!this.#isTooMuch() && !this.#isOver(kept)) break;
      if (!spare?.(kept)) this.delete(oldest);
    }
  }

  delete(key: K): void {
    const { bytes } = this.#bounds;
    if (bytes) {
      const value = this.#entries.get(key);
      if (value !== undefined) this.#held -= bytes.of(value);
    }
    this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
    this.#held = 0;
  }

  values(): Iterable<V> {
    return this.#entries.values();
  }

  [Symbol.iterator](): Iterator<[K, V]> {
    return this.#entries[Symbol.iterator]();
  }

  #isOver(value: V): boolean {
    const ends = this.#ends;
    return ends !== undefined && ends.at(value) <= ends.now();
  }

  #isTooMuch(): boolean {
    const { entries, bytes } = this.#bounds;
    return this.#entries.size > entries || (bytes !== undefined && this.#held > bytes.most);
  }
}
