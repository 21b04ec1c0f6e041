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
 * A map keeps the places of what has gone until it is laid out anew, and who looks for its oldest entry from the front
 * passes thousands of them: 20 µs for each new key of a flood, at 50,000 entries. So a look goes on where the last one
 * ended. It begins anew after so many that have gone, since it holds on to every layout from its own on.
 */
const goneInOneLook = 512;

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
  /** Gives the entries in their order; everything in front of it has gone, but for the oldest. */
  #look: Iterator<[K, V]> | undefined;
  #goneSince = 0;
  /** The one that it gave last, while that is the oldest. */
  #oldest: [K, V] | undefined;

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
      this.#remove(key);
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
    if (spare) this.#makeRoomBehind(spare);
    else this.#makeRoom();
  }

  #makeRoom(): void {
    for (let oldest = this.#first(); oldest; oldest = this.#first()) {
      if (!this.#isTooMuch() && !this.#isOver(oldest[1])) break;
      this.delete(oldest[0]);
    }
  }

  /** Those that are spared stay in front of the oldest that gives way: it is looked for among all. */
  #makeRoomBehind(spare: (value: V) => boolean): void {
    for (const [oldest, kept] of this.#entries) {
      if (!this.#isTooMuch() && !this.#isOver(kept)) break;
      if (!spare(kept)) this.delete(oldest);
    }
  }

  /** The oldest entry. */
  #first(): [K, V] | undefined {
    if (this.#oldest) return this.#oldest;
    this.#look ??= this.#entries.entries();
    const { done, value } = this.#look.next();
    // One that has come to the end gives nothing any more, whatever comes behind it.
    if (done) this.#look = undefined;
    this.#oldest = done ? undefined : value;
    return this.#oldest;
  }

  #remove(key: K): void {
    if (!this.#entries.delete(key)) return;
    this.#goneSince += 1;
    if (this.#goneSince >= goneInOneLook) this.#lookAnew();
    else if (this.#oldest?.[0] === key) this.#oldest = undefined;
  }

  #lookAnew(): void {
    this.#look = undefined;
    this.#oldest = undefined;
    this.#goneSince = 0;
  }

  delete(key: K): void {
    const { bytes } = this.#bounds;
    if (bytes) {
      const value = this.#entries.get(key);
      if (value !== undefined) this.#held -= bytes.of(value);
    }
    this.#remove(key);
  }

  clear(): void {
    this.#entries.clear();
    this.#held = 0;
    this.#lookAnew();
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
