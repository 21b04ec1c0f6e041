import { type Trie, waysToStand } from './trie.ts';

/** How a position stands at its node. */
export const inPath = 0;
/** Behind dots, blanks or `+`, which are nothing if the segment ends after them. */
export const trailing = 1;
/** Behind a `;`, in what is hidden up to the end of the segment. */
export const hidden = 2;
/** In the host of `//host/path`, at the root. */
export const inAuthority = 3;
/** Added to these: behind C0 or C1, which make a character of the next byte. */
export const afterC0 = 4;
export const afterC1 = 8;

/** A position is its node, shifted, and how it stands there. */
const shift = Math.log2(waysToStand);
export const nodeOf = (position: number): number => position >> shift;
export const wayOf = (position: number): number => position & 3;
export const isBehindLead = (position: number): boolean => (position & (afterC0 | afterC1)) !== 0;

/** A path that may be in more places at once is refused: it costs, and nobody needs it. */
const mostPositions = 64;

/** Where the readings of a path stand in a trie, and the access of those that have left it. */
export class Positions {
  trie: Trie;
  now = new Int32Array(mostPositions);
  count = 0;
  /** The access of what was reached first; -1 for nothing yet. */
  access = -1;
  /** Whether something of another access was reached too. */
  isSplit = false;
  isCrowded = false;
  #next = new Int32Array(mostPositions);
  #nextCount = 0;
  /** Marks the positions of this step, so that none is there twice. */
  #stamp = 0;

  constructor(trie: Trie) {
    this.trie = trie;
  }

  /** Stands at the root of a trie. */
  start(trie: Trie): void {
    this.trie = trie;
    this.count = 0;
    this.access = -1;
    this.isSplit = false;
    this.isCrowded = false;
    this.begin();
    this.enter(0, inPath);
    this.end();
  }

  /** Begins a step: what is entered from now on stands there after it. */
  begin(): void {
    this.#nextCount = 0;
    const { trie } = this;
    trie.step++;
    // Where the count begins anew, what is left of the last time must not be taken for this one.
    if (trie.step > 0x7fff_fff0) {
      trie.stamps.fill(0);
      trie.step = 1;
    }
    this.#stamp = trie.step;
  }

  end(): void {
    const swapped = this.now;
    this.now = this.#next;
    this.#next = swapped;
    this.count = this.#nextCount;
  }

  enter(node: number, way: number): void {
    // From here on, every path has one access.
    if (this.trie.leaf[node] === 1) this.reach(this.trie.end[node] as number);
    else this.keep((node << shift) | way);
  }

  keep(position: number): void {
    const { stamps } = this.trie;
    if (stamps[position] === this.#stamp) return;
    stamps[position] = this.#stamp;
    if (this.#nextCount === mostPositions) this.isCrowded = true;
    else this.#next[this.#nextCount++] = position;
  }

  reach(access: number): void {
    if (this.access === -1) this.access = access;
    else if (this.access !== access) this.isSplit = true;
  }

  /** The path ends: so does each position. */
  finish(): void {
    for (let at = 0; at < this.count; at++) {
      const position = this.now[at] as number;
      this.reach(this.trie.end[wayOf(position) === inAuthority ? 0 : nodeOf(position)] as number);
    }
  }
}
