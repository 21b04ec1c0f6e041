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

// One request is read at a time, and to its end.
const positions = new Positions(noTrie);
let trie: Trie = noTrie;
let settings: PathSettings = standardSettings;
/** Whether the token of this step was read in more than one way. */
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
  positions.start(trie);
  let token = 0;
  let steps = 0;
  for (let at = 1; at < tokens.count && positions.count + returns.length > 0; at++) {
    isOdd = false;
    const isLead = ((tokens.flags[at] as number) & (leadC0 | leadC1)) !== 0;
    const more = tokens.more.size === 0 ? 0 : (tokens.more.get(at)?.length ?? 0);
    steps += positions.count * (isLead ? stepsOfLead : 1 + more);
    step(tokens, at, returns);
    if (isOdd) token = at;
    if (positions.isSplit) return { kind: 'several', token };
    if (positions.isCrowded || steps > mostSteps) return { kind: 'crowded', token };
  }
  positions.finish();
  return positions.isSplit ? { kind: 'several', token } : { kind: 'one', access: positions.access };
}

function step(tokens: Tokens, at: number, returns: readonly number[]): void {
  const symbol = tokens.symbol[at] as number;
  const flags = tokens.flags[at] as number;
  const byte = tokens.byte[at] as number;
  const more = tokens.more.size === 0 ? undefined : tokens.more.get(at);
  let made: number[] | undefined;
  positions.begin();
  for (let each = 0; each < positions.count; each++) {
    const position = positions.now[each] as number;
    // Who makes one character of C0 or C1 and the byte behind it takes the token as that, and as a whole.
    if (!isBehindLead(position)) feed(nodeOf(position), wayOf(position), symbol, flags);
    else if (more === undefined) feedMade(position, byte);
    else made = [...(made ?? []), position];
  }
  positions.end();
  for (let next = 0; more !== undefined && next < more.length; next++) {
    positions.begin();
    for (let each = 0; each < positions.count; each++) {
      const position = positions.now[each] as number;
      if (!isBehindLead(position)) {
        feed(nodeOf(position), wayOf(position), more.charCodeAt(next), flags | escaped);
      }
    }
    positions.end();
  }
  if (made === undefined && (returns.length === 0 || !isSeparator(symbol))) return;
  positions.begin();
  for (let each = 0; each < positions.count; each++) positions.keep(positions.now[each] as number);
  for (const position of made ?? []) feedMade(position, byte);
  for (const node of returns) positions.enter(node, inPath);
  positions.end();
}

function feedMade(position: number, byte: number): void {
  const symbol = ((position & afterC1) === 0 ? 0 : 0x40) | (byte & 0x3f);
  feed(nodeOf(position), wayOf(position), symbol, escaped);
}

const isSeparator = (symbol: number) => kindOf[symbol] === kinds.slash || kindOf[symbol] === kinds.backslash;

/** Takes one position on by one character. */
function feed(node: number, way: number, symbol: number, flags: number): void {
  const kind = kindOf[symbol] as number;
  if (kind === kinds.slash && isPlainSlash(flags)) {
    if (way === inAuthority) positions.enter(0, inPath);
    else separate(node);
    return;
  }
  if (way === inPath) feedInPath(node, symbol, kind, flags);
  else if (way === trailing) feedTrailing(node, kind, flags);
  else feedHidden(node, way, kind);
  if ((flags & (leadC0 | leadC1)) !== 0)
    positions.enter(node, way + ((flags & leadC0) !== 0 ? afterC0 : afterC1));
}

function isPlainSlash(flags: number): boolean {
  return (flags & escaped) === 0 || (settings.encodedSlash === 'separator' && (flags & once) !== 0);
}

function feedInPath(node: number, symbol: number, kind: number, flags: number): void {
  const { beyond, starts } = trie;
  if (kind === kinds.ordinary) follow(node, symbol, flags);
  else if (kind === kinds.dot || kind === kinds.plus) {
    follow(node, symbol, flags);
    positions.enter(node, trailing);
    if (kind === kinds.plus && starts[node] === 1) enterOddly(node, inPath);
  } else if (kind === kinds.semicolon && settings.parameters === 'strip' && (flags & escaped) === 0) {
    enterOddly(node, hidden);
  } else {
    positions.reach(beyond[node] as number);
    if (kind === kinds.slash || kind === kinds.backslash) separateOddly(node);
    else if (kind === kinds.semicolon) hide(node);
    else if (kind === kinds.end) finish(node);
    else if (kind === kinds.control) {
      finish(node);
      positions.enter(node, inPath);
    } else if (kind === kinds.blank) {
      positions.enter(node, trailing);
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
    positions.enter(node, trailing);
  } else if (kind === kinds.dot || kind === kinds.blank || kind === kinds.plus || (flags & removable) !== 0) {
    positions.enter(node, trailing);
  }
}

/** Behind a `;`, or in a host: only what ends it counts. */
function feedHidden(node: number, way: number, kind: number): void {
  if (kind === kinds.slash || kind === kinds.backslash) {
    if (way === hidden) separateOddly(node);
    else enterOddly(0, inPath);
  } else if (kind === kinds.end || kind === kinds.control) finish(node);
  positions.enter(node, way);
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
    positions.enter(to, inPath);
  }
  if (!isSame || (flags & escaped) !== 0) positions.reach(trie.beyond[node] as number);
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
    positions.enter(node, inPath);
    positions.reach(beyond[node] as number);
    if (node === 0) positions.enter(0, inAuthority);
    return;
  }
  for (let to = child[node] as number; to !== 0; to = sibling[to] as number) {
    if (trie.symbol[to] === slash) {
      positions.enter(to, inPath);
      return;
    }
  }
  positions.reach(beyond[node] as number);
}

function hide(node: number): void {
  finish(node);
  positions.enter(node, hidden);
}

/** The path may end here. */
function finish(node: number): void {
  isOdd = true;
  positions.reach(trie.end[node] as number);
}

function enterOddly(node: number, way: number): void {
  isOdd = true;
  positions.enter(node, way);
}
