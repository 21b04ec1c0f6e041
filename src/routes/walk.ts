import {
  afterC0,
  afterC1,
  hidden,
  inAuthority,
  inPath,
  isBehindLead,
  nodeOf,
  Positions,
  trailing,
  wayOf,
} from './positions.ts';
import { type PathSettings, standardSettings } from './settings.ts';
import { escaped, kindOf, kinds, leadC0, leadC1, once, removable, type Tokens } from './tokens.ts';
import { lower, noTrie, type Trie } from './trie.ts';

/** What a walk came to: the one access of all places that the path may be read as, or why there is none. */
export type Reach =
  | { kind: 'one'; access: number }
  /** Two readings have two accesses, or there are too many readings; the token is the last one that was odd. */
  | { kind: 'several' | 'crowded'; token: number };

/** So many positions of all steps together: what a path of 8 KiB may cost stays below a millisecond. */
const mostSteps = 12_000;
/** A byte that leads a character which is made of the next ones costs so many of them. */
const stepsOfLead = 8;
const slash = 0x2f;

const isSeparator = (symbol: number) => kindOf[symbol] === kinds.slash || kindOf[symbol] === kinds.backslash;

/** A walk under way. */
class Walk {
  readonly #positions = new Positions(noTrie);
  #trie: Trie = noTrie;
  #settings: PathSettings = standardSettings;
  /** Whether the token of this step was read in more than one way. */
  #isOdd = false;

  through(trie: Trie, settings: PathSettings, tokens: Tokens, returns: readonly number[]): Reach {
    this.#trie = trie;
    this.#settings = settings;
    const positions = this.#positions;
    positions.start(trie);
    let token = 0;
    let steps = 0;
    for (let at = 1; at < tokens.count && positions.count + returns.length > 0; at++) {
      this.#isOdd = false;
      const isLead = ((tokens.flags[at] as number) & (leadC0 | leadC1)) !== 0;
      const more = tokens.more.size === 0 ? 0 : (tokens.more.get(at)?.length ?? 0);
      steps += positions.count * (isLead ? stepsOfLead : 1 + more);
      this.#step(tokens, at, returns);
      if (this.#isOdd) token = at;
      if (positions.isSplit) return { kind: 'several', token };
      if (positions.isCrowded || steps > mostSteps) return { kind: 'crowded', token };
    }
    positions.finish();
    return positions.isSplit ? { kind: 'several', token } : { kind: 'one', access: positions.access };
  }

  #step(tokens: Tokens, at: number, returns: readonly number[]): void {
    const symbol = tokens.symbol[at] as number;
    const flags = tokens.flags[at] as number;
    const byte = tokens.byte[at] as number;
    const more = tokens.more.size === 0 ? undefined : tokens.more.get(at);
    let made: number[] | undefined;
    this.#positions.begin();
    for (let each = 0; each < this.#positions.count; each++) {
      const position = this.#positions.now[each] as number;
      // Who makes one character of C0 or C1 and the byte behind it takes the token as that, and as a whole.
      if (!isBehindLead(position)) this.#feed(nodeOf(position), wayOf(position), symbol, flags);
      else if (more === undefined) this.#feedMade(position, byte);
      else made = [...(made ?? []), position];
    }
    this.#positions.end();
    for (let next = 0; more !== undefined && next < more.length; next++) {
      this.#positions.begin();
      for (let each = 0; each < this.#positions.count; each++) {
        const position = this.#positions.now[each] as number;
        if (!isBehindLead(position)) {
          this.#feed(nodeOf(position), wayOf(position), more.charCodeAt(next), flags | escaped);
        }
      }
      this.#positions.end();
    }
    if (made === undefined && (returns.length === 0 || !isSeparator(symbol))) return;
    this.#positions.begin();
    for (let each = 0; each < this.#positions.count; each++)
      this.#positions.keep(this.#positions.now[each] as number);
    for (const position of made ?? []) this.#feedMade(position, byte);
    for (const node of returns) this.#positions.enter(node, inPath);
    this.#positions.end();
  }

  #feedMade(position: number, byte: number): void {
    const symbol = ((position & afterC1) === 0 ? 0 : 0x40) | (byte & 0x3f);
    this.#feed(nodeOf(position), wayOf(position), symbol, escaped);
  }

  /** Takes one position on by one character. */
  #feed(node: number, way: number, symbol: number, flags: number): void {
    const kind = kindOf[symbol] as number;
    if (kind === kinds.slash && this.#isPlainSlash(flags)) {
      if (way === inAuthority) this.#positions.enter(0, inPath);
      else this.#separate(node);
      return;
    }
    if (way === inPath) this.#feedInPath(node, symbol, kind, flags);
    else if (way === trailing) this.#feedTrailing(node, kind, flags);
    else this.#feedHidden(node, way, kind);
    if ((flags & (leadC0 | leadC1)) !== 0)
      this.#positions.enter(node, way + ((flags & leadC0) !== 0 ? afterC0 : afterC1));
  }

  #isPlainSlash(flags: number): boolean {
    return (flags & escaped) === 0 || (this.#settings.encodedSlash === 'separator' && (flags & once) !== 0);
  }

  #feedInPath(node: number, symbol: number, kind: number, flags: number): void {
    const { beyond, starts } = this.#trie;
    if (kind === kinds.ordinary) this.#follow(node, symbol, flags);
    else if (kind === kinds.dot || kind === kinds.plus) {
      this.#follow(node, symbol, flags);
      this.#positions.enter(node, trailing);
      if (kind === kinds.plus && starts[node] === 1) this.#enterOddly(node, inPath);
    } else if (kind === kinds.semicolon && this.#settings.parameters === 'strip' && (flags & escaped) === 0) {
      this.#enterOddly(node, hidden);
    } else {
      this.#positions.reach(beyond[node] as number);
      if (kind === kinds.slash || kind === kinds.backslash) this.#separateOddly(node);
      else if (kind === kinds.semicolon) this.#hide(node);
      else if (kind === kinds.end) this.#finish(node);
      else if (kind === kinds.control) {
        this.#finish(node);
        this.#positions.enter(node, inPath);
      } else if (kind === kinds.blank) {
        this.#positions.enter(node, trailing);
        if (starts[node] === 1) this.#enterOddly(node, inPath);
      }
    }
    if ((flags & removable) !== 0) this.#enterOddly(node, inPath);
  }

  /** What is in the middle of a segment after all ends the hypothesis, and adds nothing to the reach. */
  #feedTrailing(node: number, kind: number, flags: number): void {
    if (kind === kinds.slash || kind === kinds.backslash) this.#separateOddly(node);
    else if (kind === kinds.semicolon) this.#hide(node);
    else if (kind === kinds.end) this.#finish(node);
    else if (kind === kinds.control) {
      this.#finish(node);
      this.#positions.enter(node, trailing);
    } else if (
      kind === kinds.dot ||
      kind === kinds.blank ||
      kind === kinds.plus ||
      (flags & removable) !== 0
    ) {
      this.#positions.enter(node, trailing);
    }
  }

  /** Behind a `;`, or in a host: only what ends it counts. */
  #feedHidden(node: number, way: number, kind: number): void {
    if (kind === kinds.slash || kind === kinds.backslash) {
      if (way === hidden) this.#separateOddly(node);
      else this.#enterOddly(0, inPath);
    } else if (kind === kinds.end || kind === kinds.control) this.#finish(node);
    this.#positions.enter(node, way);
  }

  /** A character that routes may have: on along the trie, or out of it, or both. */
  #follow(node: number, symbol: number, flags: number): void {
    const { child, sibling, folded } = this.#trie;
    const plain = lower(symbol);
    let isSame = false;
    for (let to = child[node] as number; to !== 0; to = sibling[to] as number) {
      if (folded[to] !== plain) continue;
      if (this.#settings.ignoreCase || this.#trie.symbol[to] === symbol) isSame = true;
      else this.#isOdd = true;
      if ((flags & escaped) !== 0) this.#isOdd = true;
      this.#positions.enter(to, inPath);
    }
    if (!isSame || (flags & escaped) !== 0) this.#positions.reach(this.#trie.beyond[node] as number);
  }

  #separateOddly(node: number): void {
    this.#isOdd = true;
    this.#separate(node);
  }

  /** A slash: on to the next segment; at the start of one it is one slash with the one before, or an empty segment. */
  #separate(node: number): void {
    const { child, sibling, beyond, starts } = this.#trie;
    if (starts[node] === 1) {
      this.#isOdd = true;
      this.#positions.enter(node, inPath);
      this.#positions.reach(beyond[node] as number);
      if (node === 0) this.#positions.enter(0, inAuthority);
      return;
    }
    for (let to = child[node] as number; to !== 0; to = sibling[to] as number) {
      if (this.#trie.symbol[to] === slash) {
        this.#positions.enter(to, inPath);
        return;
      }
    }
    this.#positions.reach(beyond[node] as number);
  }

  #hide(node: number): void {
    this.#finish(node);
    this.#positions.enter(node, hidden);
  }

  /** The path may end here. */
  #finish(node: number): void {
    this.#isOdd = true;
    this.#positions.reach(this.#trie.end[node] as number);
  }

  #enterOddly(node: number, way: number): void {
    this.#isOdd = true;
    this.#positions.enter(node, way);
  }
}

// scratch: one path is read at a time, and to its end; a walk of its own for each makes a decision about the paths of
// real applications take 2.0 instead of 1.3 µs (bench/path-reading.mjs).
const scratch = new Walk();

/**
 * Walks all readings of a path through a trie at once. Each token is read independently of the others, since
 * servers decode one and not the next. A position that leaves the trie never comes back, but by a dot segment.
 * @param returns the nodes that a dot segment may lead back to; none where those are refused
 */
export function walk(
  trie: Trie,
  settings: PathSettings,
  tokens: Tokens,
  returns: readonly number[] = [],
): Reach {
  return scratch.through(trie, settings, tokens, returns);
}
