import { type PathSettings, standardSettings } from './settings.ts';
import { escaped, kindOf, kinds, leadC0, leadC1, once, removable, type Tokens } from './tokens.ts';
import { lower, type Trie, waysToStand } from './trie.ts';

/** What a walk came to: the one access of all places that the path may be read as, or why there is none. */
export type Reach =
  | { kind: 'one'; access: number }
  /** Two readings have two accesses, or there are too many readings; the token is the last one that was odd. */
  | { kind: 'several' | 'crowded'; token: number };

/** How a position stands at its node. */
const inPath = 0;
/** Behind dots, blanks or `+`, which are nothing if the segment ends after them. */
const trailing = 1;
/** Behind a `;`, in what is hidden up to the end of the segment. */
const hidden = 2;
/** In the host of `//host/path`, at the root. */
const inAuthority = 3;
/** Added to these: behind C0 or C1, which make a character of the next byte. */
const afterC0 = 4;
const afterC1 = 8;
const behindLead = afterC0 | afterC1;
/** A position is its node, shifted, and how it stands there. */
const shift = Math.log2(waysToStand);

const mostPositions = 64;
/** So many positions of all steps together: what a path of 8 KiB may cost stays below a millisecond. */
const mostSteps = 30_000;
const slash = 0x2f;

let trie: Trie;
let settings: PathSettings = standardSettings;
let now = new Int32Array(mostPositions);
let next = new Int32Array(mostPositions);
let nowCount = 0;
let nextCount = 0;
/** Marks the positions of this step, so that none is there twice. */
let stamp = 0;
let access = -1;
let isSplit = false;
let isCrowded = false;
let isOdd = false;

/**
 * Walks all readings of a path through a trie at once. Each token is read independently of the others, since
 * servers decode one and not the next. A position that leaves the trie never comes back, but by a dot segment.
 * @param returns the nodes that a dot segment may lead back to; none where those are refused
 */
export function walk(
  through: Trie,
  reading: PathSettings,
  tokens: Tokens,
  returns: readonly number[] = [],
): Reach {
  trie = through;
  settings = reading;
  access = -1;
  isSplit = false;
  isCrowded = false;
  nowCount = 0;
  begin();
  enter(0, inPath);
  end();
  let odd = 0;
  let steps = 0;
  for (let at = 1; at < tokens.count; at++) {
    if (nowCount === 0 && returns.length === 0) break;
    steps += nowCount * (1 + (tokens.more.get(at)?.length ?? 0));
    isOdd = false;
    step(tokens, at, returns);
    if (isOdd) odd = at;
    if (isSplit) return { kind: 'several', token: odd };
    if (isCrowded || steps > mostSteps) return { kind: 'crowded', token: odd };
  }
  for (let at = 0; at < nowCount; at++) {
    const position = now[at] as number;
    reach(trie.end[(position & 3) === inAuthority ? 0 : position >> shift] as number);
  }
  return isSplit ? { kind: 'several', token: odd } : { kind: 'one', access };
}

/**
 * The access of a path that is read in one way, but for the case of its letters; undefined where that matters.
 */
export function plainAccess(
  { child, sibling, symbol, folded, end, beyond, leaf }: Trie,
  { ignoreCase }: PathSettings,
  path: string,
): number | undefined {
  let node = 0;
  for (let at = 1; at < path.length && leaf[node] === 0; at++) {
    const code = path.charCodeAt(at);
    const plain = lower(code);
    let found = 0;
    for (let to = child[node] as number; to !== 0; to = sibling[to] as number) {
      if (folded[to] !== plain) continue;
      if (!ignoreCase && (symbol[to] !== code || found !== 0)) return undefined;
      found = to;
    }
    if (found === 0) return beyond[node];
    node = found;
  }
  return end[node];
}

function begin(): void {
  nextCount = 0;
  // Where the count begins anew, what is left of the last time must not be taken for this one.
  if (++trie.step > 0x7fff_fff0) {
    trie.stamps.fill(0);
    trie.step = 1;
  }
  stamp = trie.step;
}

function end(): void {
  const swapped = now;
  now = next;
  next = swapped;
  nowCount = nextCount;
}

function step(tokens: Tokens, at: number, returns: readonly number[]): void {
  const symbol = tokens.symbol[at] as number;
  const flags = tokens.flags[at] as number;
  const byte = tokens.byte[at] as number;
  const more = tokens.more.size === 0 ? undefined : tokens.more.get(at);
  let made: number[] | undefined;
  begin();
  for (let each = 0; each < nowCount; each++) {
    const position = now[each] as number;
    // Who makes one character of C0 or C1 and the byte behind it takes the token as that, and as a whole.
    if ((position & behindLead) === 0) feed(position >> shift, position & 3, symbol, flags);
    else if (more === undefined) feedMade(position, byte);
    else made = [...(made ?? []), position];
  }
  end();
  for (let next = 0; more !== undefined && next < more.length; next++) {
    begin();
    for (let each = 0; each < nowCount; each++) {
      const position = now[each] as number;
      if ((position & behindLead) === 0) {
        feed(position >> shift, position & 3, more.charCodeAt(next), flags | escaped);
      }
    }
    end();
  }
  if (made === undefined && (returns.length === 0 || !isSeparator(symbol))) return;
  begin();
  for (let each = 0; each < nowCount; each++) enterPosition(now[each] as number);
  for (const position of made ?? []) feedMade(position, byte);
  for (const node of returns) enter(node, inPath);
  end();
}

function feedMade(position: number, byte: number): void {
  const symbol = ((position & afterC1) === 0 ? 0 : 0x40) | (byte & 0x3f);
  feed(position >> shift, position & 3, symbol, escaped);
}

const isSeparator = (symbol: number) => kindOf[symbol] === kinds.slash || kindOf[symbol] === kinds.backslash;

/** Takes one position on by one character. */
function feed(node: number, way: number, symbol: number, flags: number): void {
  const kind = kindOf[symbol] as number;
  if (kind === kinds.slash && isPlainSlash(flags)) {
    if (way === inAuthority) enter(0, inPath);
    else separate(node);
    return;
  }
  if (way === inPath) feedInPath(node, symbol, kind, flags);
  else if (way === trailing) feedTrailing(node, kind, flags);
  else feedHidden(node, way, kind);
  if ((flags & (leadC0 | leadC1)) !== 0) enter(node, way + ((flags & leadC0) !== 0 ? afterC0 : afterC1));
}

function isPlainSlash(flags: number): boolean {
  return (flags & escaped) === 0 || (settings.encodedSlash === 'separator' && (flags & once) !== 0);
}

function feedInPath(node: number, symbol: number, kind: number, flags: number): void {
  const { beyond, starts } = trie;
  if (kind === kinds.ordinary) follow(node, symbol, flags);
  else if (kind === kinds.dot || kind === kinds.plus) {
    follow(node, symbol, flags);
    enter(node, trailing);
    if (kind === kinds.plus && starts[node] === 1) enterOddly(node, inPath);
  } else if (kind === kinds.semicolon && settings.parameters === 'strip' && (flags & escaped) === 0) {
    enterOddly(node, hidden);
  } else {
    reach(beyond[node] as number);
    if (kind === kinds.slash || kind === kinds.backslash) separateOddly(node);
    else if (kind === kinds.semicolon) hide(node);
    else if (kind === kinds.end) finish(node);
    else if (kind === kinds.control) {
      finish(node);
      enter(node, inPath);
    } else if (kind === kinds.blank) {
      enter(node, trailing);
      if (starts[node] === 1) enterOddly(node, inPath);
    }
  }
  if ((flags & removable) !== 0) enterOddly(node, inPath);
}

/** What is in the middle of a segment after all ends the hypothesis, and adds nothing to the reach. */
function feedTrailing(node: number, kind: number, flags: number): void {
  if (kind === kinds.slash || kind === kinds.backslash) separateOddly(node);
  else if (kind === kinds.semicolon) hide(node);
  else if (kind === kinds.end) finish(node);
  else if (kind === kinds.control) {
    finish(node);
    enter(node, trailing);
  } else if (kind === kinds.dot || kind === kinds.blank || kind === kinds.plus || (flags & removable) !== 0) {
    enter(node, trailing);
  }
}

/** Behind a `;`, or in a host: only what ends it counts. */
function feedHidden(node: number, way: number, kind: number): void {
  if (kind === kinds.slash || kind === kinds.backslash) {
    if (way === hidden) separateOddly(node);
    else enterOddly(0, inPath);
  } else if (kind === kinds.end || kind === kinds.control) finish(node);
  enter(node, way);
}

/** A character that routes may have: on along the trie, or out of it, or both. */
function follow(node: number, symbol: number, flags: number): void {
  const { child, sibling, folded } = trie;
  const plain = lower(symbol);
  let isSame = false;
  for (let to = child[node] as number; to !== 0; to = sibling[to] as number) {
    if (folded[to] !== plain) continue;
    if (settings.ignoreCase || trie.symbol[to] === symbol) isSame = true;
    else isOdd = true;
    if ((flags & escaped) !== 0) isOdd = true;
    enter(to, inPath);
  }
  if (!isSame || (flags & escaped) !== 0) reach(trie.beyond[node] as number);
}

function separateOddly(node: number): void {
  isOdd = true;
  separate(node);
}

/** A slash: on to the next segment; at the start of one it is one slash with the one before, or an empty segment. */
function separate(node: number): void {
  const { child, sibling, beyond, starts } = trie;
  if (starts[node] === 1) {
    isOdd = true;
    enter(node, inPath);
    reach(beyond[node] as number);
    if (node === 0) enter(0, inAuthority);
    return;
  }
  for (let to = child[node] as number; to !== 0; to = sibling[to] as number) {
    if (trie.symbol[to] === slash) {
      enter(to, inPath);
      return;
    }
  }
  reach(beyond[node] as number);
}

function hide(node: number): void {
  finish(node);
  enter(node, hidden);
}

/** The path may end here. */
function finish(node: number): void {
  isOdd = true;
  reach(trie.end[node] as number);
}

function enterOddly(node: number, way: number): void {
  isOdd = true;
  enter(node, way);
}

function enter(node: number, way: number): void {
  // From here on, every path has one access.
  if (trie.leaf[node] === 1) reach(trie.end[node] as number);
  else enterPosition((node << shift) | way);
}

function enterPosition(position: number): void {
  if (trie.stamps[position] === stamp) return;
  trie.stamps[position] = stamp;
  if (nextCount === mostPositions) isCrowded = true;
  else next[nextCount++] = position;
}

function reach(found: number): void {
  if (access === -1) access = found;
  else if (access !== found) isSplit = true;
}
