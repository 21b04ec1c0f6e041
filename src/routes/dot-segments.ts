import { escaped, kindOf, kinds, leadC0, leadC1, removable, type Tokens } from './tokens.ts';

/**
 * What a segment may have been read as so far, one bit each: nothing yet; one dot; two; three and more, which is
 * no dot segment; and one or two with something behind them that is dropped at the end of a segment.
 */
const nothing = 1;
const oneDot = 2;
const twoDots = 4;
const moreDots = 8;
const dropping = 16;
const isDots = oneDot | twoDots | dropping;
/** Set where a segment has ended that was a dot segment. */
const found = 32;
/** Set behind C0 or C1, of which some make one character with the next byte; it goes out with the next character. */
const pending = 64;

/** The first token that ends a segment which some reader takes for `.` or `..` (RFC 3986 §5.2.4); -1 for none. */
export function dotSegment({ symbol, flags, byte, count, more }: Tokens): number {
  let state = nothing;
  /** What it was before C0 or C1. */
  let made = 0;
  let base = 0;
  for (let at = 1; at < count; at++) {
    const code = symbol[at] as number;
    const given = flags[at] as number;
    // Most segments are known not to be one after their first character.
    if (state === 0 && made === 0 && !isTelling(code, given) && (more.size === 0 || !more.has(at))) continue;
    const before = state;
    state = more.size === 0 ? goOn(before, code, given) : readAll(before, code, more.get(at) ?? '', given);
    if (made !== 0) state |= goOn(made, base | ((byte[at] as number) & 0x3f), escaped);
    if ((state & found) !== 0) return at;
    made = (given & (leadC0 | leadC1)) === 0 ? 0 : before | pending;
    base = (given & leadC1) === 0 ? 0 : 0x40;
  }
  return (state & isDots) === 0 ? -1 : count - 1;
}

/** Whether a token says something of a segment that is known not to be a dot segment. */
function isTelling(symbol: number, flags: number): boolean {
  const kind = kindOf[symbol];
  return kind === kinds.slash || kind === kinds.backslash || (flags & (leadC0 | leadC1)) !== 0;
}

/** A token that stands for several characters. */
function readAll(state: number, first: number, rest: string, flags: number): number {
  let after = goOn(state, first, flags);
  let ended = after & found;
  for (const each of rest) {
    after = goOn(after & ~found, each.charCodeAt(0), flags | escaped);
    ended |= after & found;
  }
  return after | ended;
}

function goOn(state: number, symbol: number, flags: number): number {
  const kept = (flags & removable) === 0 ? 0 : drop(state);
  const ended = (state & isDots) === 0 ? 0 : found;
  switch (kindOf[symbol]) {
    case kinds.slash:
    case kinds.backslash:
      return ended | nothing | kept;
    case kinds.semicolon:
    case kinds.end:
      return ended | kept;
    case kinds.control:
      return ended | state;
    case kinds.dot:
      return kept | (state & (moreDots | dropping)) | ((state & (nothing | oneDot | twoDots)) << 1);
    case kinds.blank:
    case kinds.plus:
      return kept | (drop(state) & (nothing | dropping));
    default:
      return kept;
  }
}

/** Behind something that may be nothing: everything as it was, and dots may be followed by more that is dropped. */
function drop(state: number): number {
  return state | ((state & (oneDot | twoDots)) === 0 ? 0 : dropping);
}
