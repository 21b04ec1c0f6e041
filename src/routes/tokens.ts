import { decodeToEnd, hexDigit, type Units, wide } from './decode.ts';
import { folded, other } from './fold.ts';

/**
 * A path as a list of tokens, each with the character that it stands for once everything is decoded and folded,
 * and with what else a reader may take it for.
 */
export interface Tokens {
  path: string;
  count: number;
  /** The character, or `otherSymbol`; letters keep their case. */
  symbol: Uint8Array;
  /** What else it may be, see the flags below. */
  flags: Uint8Array;
  /** The byte that a decoder of overlong UTF-8 takes from it, where the token before is C0 or C1. */
  byte: Uint8Array;
  /** Where its spelling begins in the path. */
  from: Int32Array;
  /** The other characters of a token that stands for several, such as U+2105, which is `c/o`. */
  more: Map<number, string>;
}

/** It is spelt in a way that not everybody decodes: it may be no character of a route. */
export const escaped = 1;
/** It may be nothing at all. */
export const removable = 2;
/** C0 or C1: with the next byte, whatever that is, some decoders make a character of it. */
export const leadC0 = 4;
export const leadC1 = 8;
/** A byte that begins a character of three bytes or more, all of whose bits are in the bytes behind it. */
const leadLong = 32;
/** It is escaped exactly once, the way everybody decodes. */
export const once = 16;

/** A character that no route has. */
const otherSymbol = 0x80;

/** What a character does to a walk. */
export const kinds = {
  ordinary: 0,
  slash: 1,
  backslash: 2,
  semicolon: 3,
  end: 4,
  control: 5,
  dot: 6,
  blank: 7,
  plus: 8,
  none: 9,
} as const;

/** The kind of each symbol. */
export const kindOf = Uint8Array.from({ length: 256 }, (_, symbol) => {
  if (symbol < 0x20 || symbol === 0x7f) return kinds.control;
  if (symbol > 0x7f) return kinds.none;
  const named: Record<string, number> = {
    '/': kinds.slash,
    '\\': kinds.backslash,
    ';': kinds.semicolon,
    '?': kinds.end,
    '#': kinds.end,
    '.': kinds.dot,
    ' ': kinds.blank,
    '+': kinds.plus,
    '%': kinds.none,
  };
  return named[String.fromCharCode(symbol)] ?? kinds.ordinary;
});

// scratch: one path is read at a time, and to its end; decode.ts says what new arrays for each would cost.
const tokens: Tokens = {
  path: '',
  count: 0,
  symbol: new Uint8Array(0),
  flags: new Uint8Array(0),
  byte: new Uint8Array(0),
  from: new Int32Array(0),
  more: new Map(),
};

/** The characters of a path without its escapes. */
export const symbolsOf = ({ symbol, count }: Tokens): string =>
  String.fromCharCode(...symbol.subarray(0, count));

/** Reads a path into tokens. The result is valid until the next call. */
export function readTokens(path: string): Tokens {
  const units = decodeToEnd(path);
  if (tokens.symbol.length < units.count) {
    const size = units.count * 2;
    tokens.symbol = new Uint8Array(size);
    tokens.flags = new Uint8Array(size);
    tokens.byte = new Uint8Array(size);
    tokens.from = new Int32Array(size);
  }
  tokens.path = path;
  tokens.count = 0;
  if (tokens.more.size > 0) tokens.more.clear();
  for (let at = 0; at < units.count; ) {
    const unit = units.unit[at] as number;
    if (unit < 0x80) {
      const depth = units.depth[at] as number;
      push(unit, depth === 0 ? 0 : depth === 1 ? escaped | once : escaped, unit, units.from[at] as number);
      at++;
    } else if (unit >= wide) {
      at += pushWide(units, at);
    } else {
      at += pushBytes(units, at);
    }
  }
  return tokens;
}

function push(symbol: number, flags: number, byte: number, from: number): void {
  const at = tokens.count;
  tokens.symbol[at] = symbol;
  tokens.flags[at] = flags;
  tokens.byte[at] = byte;
  tokens.from[at] = from;
  tokens.count = at + 1;
}

function pushFolded(text: string, flags: number, byte: number, from: number): void {
  if (text === '') push(otherSymbol, flags | escaped | removable, byte, from);
  else {
    if (text.length > 1) tokens.more.set(tokens.count, text.slice(1));
    push(text.charCodeAt(0), flags | escaped, byte, from);
  }
}

/** The code units of `%uXXXX`, of which two may be one character. Returns how many there were. */
function pushWide({ unit, from }: Units, at: number): number {
  const code = (unit[at] as number) - wide;
  const next = (unit[at + 1] as number) - wide;
  const isPair = code >= 0xd800 && code < 0xdc00 && next >= 0xdc00 && next < 0xe000;
  const point = isPair ? 0x1_0000 + ((code - 0xd800) << 10) + (next - 0xdc00) : code;
  // Half a pair is invalid and may be dropped; and `%u00C0` is the byte C0 to who reads Latin-1.
  const isHalf = !isPair && code >= 0xd800 && code < 0xe000;
  const flags = leadOf(code) | (isHalf || code < 0x100 ? removable : 0);
  pushFolded(folded(point), flags, code & 0xff, from[at] as number);
  return isPair ? 2 : 1;
}

/** The smallest code point that needs so many bytes. */
const smallest = [0, 0, 0x80, 0x800, 0x1_0000, 0x20_0000, 0x400_0000];

/**
 * One character of UTF-8, overlong ones included (RFC 3629 §10), or one byte of anything else. Returns how many
 * bytes it took.
 */
function pushBytes({ unit, from, count }: Units, at: number): number {
  const lead = unit[at] as number;
  const place = from[at] as number;
  const length = lead < 0xc2 || lead > 0xfd ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lengthOfLong(lead);
  let point = length === 0 ? 0 : lead & (0x7f >> length);
  let read = 1;
  while (read < length && at + read < count && ((unit[at + read] as number) & ~0x3f) === 0x80) {
    point = point * 64 + ((unit[at + read] as number) & 0x3f);
    read++;
  }
  const isSurrogate = point >= 0xd800 && point < 0xe000;
  if (length === 0 || read < length || point > 0x10_ffff || isSurrogate) {
    // Who does not read UTF-8 reads Latin-1, more or less.
    const latin = lead < 0xa0 ? other : folded(lead);
    pushFolded(latin.length > 1 ? other : latin, removable | leadOf(lead), lead, place);
    return 1;
  }
  const isOverlong = point < (smallest[length] as number);
  const text = point < 0x80 ? String.fromCharCode(point) : folded(point);
  pushFolded(text, isOverlong ? removable : 0, lead, place);
  return length;
}

/**
 * Where an old decoder of UTF-8, which takes any byte for a continuation, makes a character of ASCII: `%e0A` and a
 * letter give that letter, and `%e0@o` a slash. C0 and C1, which give one with every next byte, are read as that; with
 * these leads only a few bytes do, and no UTF-8 begins so. The token of the lead; -1 for nowhere.
 */
export function looseOverlong({ symbol, byte, flags, count }: Tokens): number {
  // How many such bytes a search found, and where it ended: who needs more before that place need not search again.
  let found = 0;
  let until = 0;
  for (let at = 0; at < count; at++) {
    if (((flags[at] as number) & leadLong) === 0) continue;
    const zeros = zerosOf(byte[at] as number);
    if (at < until && zeros > found) continue;
    let needed = zeros;
    let next = at + 1;
    for (; next < count && needed > 0; next++) {
      // The last one may bring one bit; what may be nothing does not end it.
      if (((byte[next] as number) & 0x3f) < 2) needed--;
      else if (
        kindOf[symbol[next] as number] !== kinds.control &&
        ((flags[next] as number) & removable) === 0
      )
        break;
    }
    // With one byte more it is the character.
    if (needed === 0 && next < count) return at;
    found = zeros - Math.max(1, needed);
    until = next;
  }
  return -1;
}

/** How many bytes behind a lead that is zero but for its mark have to be nearly so; 0 for other leads. */
function zerosOf(lead: number): number {
  return lead === 0xe0 ? 1 : lead === 0xf0 ? 2 : lead === 0xf8 ? 3 : lead === 0xfc ? 4 : 0;
}

/** What a byte that stands alone may begin. */
function leadOf(byte: number): number {
  if (byte === 0xc0) return leadC0;
  if (byte === 0xc1) return leadC1;
  return zerosOf(byte) === 0 ? 0 : leadLong;
}

function lengthOfLong(lead: number): number {
  return lead < 0xf8 ? 4 : lead < 0xfc ? 5 : 6;
}

/**
 * Where an escape appears only when something is removed or folded that not everybody removes or folds, such as
 * `%252%0af` or `%25` before fullwidth digits: the token of its `%`; -1 for nowhere.
 */
export function hiddenEscape(tokens: Tokens): number {
  const { symbol, flags, byte, count, more } = tokens;
  for (let at = 0; at < count; at++) {
    if (symbol[at] === percent || more.get(at)?.includes('%')) {
      if (mayBeDigits(tokens, at + 1)) return at;
    } else if (((flags[at] as number) & leadC0) !== 0 && at + 1 < count) {
      // C0 and C1 with the next byte: only C0 gives a `%`.
      if (((byte[at + 1] as number) & 0x3f) === percent && mayBeDigits(tokens, at + 2)) return at;
    }
  }
  return -1;
}

const percent = 0x25;

/** Whether two hexadecimal digits follow, or `u` and four, when all is left out that may be nothing. */
function mayBeDigits({ symbol, flags, byte, count }: Tokens, from: number): boolean {
  let digits = 0;
  let needed = 2;
  for (let at = from; at < count && digits < needed; at++) {
    const code = symbol[at] as number;
    const given = flags[at] as number;
    if (hexDigit(code) < 16) digits++;
    else if (digits === 0 && needed === 2 && (code | 0x20) === 0x75) needed = 4;
    else if ((given & (leadC0 | leadC1)) !== 0 && at + 1 < count) {
      const made = ((given & leadC1) === 0 ? 0 : 0x40) | ((byte[at + 1] as number) & 0x3f);
      if (hexDigit(made) < 16) {
        digits++;
        at++;
      }
    } else if (kindOf[code] !== kinds.control && (given & removable) === 0) return false;
  }
  return digits === needed;
}

/** How a token is spelt, as it can stand in a log line. */
export function spelling({ path, from, count }: Tokens, at: number): string {
  const end = at + 1 < count ? (from[at + 1] as number) : path.length;
  return shown(path.slice(from[at], end));
}

/** Up to 40 characters, in visible ASCII. */
export function shown(text: string): string {
  const short = text.length > 40 ? `${text.slice(0, 40)}...` : text;
  return short.replace(/[^\x21-\x7e]/g, (each) => `\\x${each.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
