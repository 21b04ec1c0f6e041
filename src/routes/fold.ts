/**
 * What a code point outside ASCII may become in ASCII: by compatibility normalisation (Unicode UAX #15, NFKC), by
 * letter case, by "best fit" code pages, and by file systems and collations that drop accents and what has no width.
 */

/** Stands for any character outside ASCII: no route has one. */
export const other = '\x80';

/** Taken for a slash or a backslash by some code page: U+00A5 and U+20A9 stand at 0x5C of Japanese and Korean ones. */
const lookalikes: Readonly<Record<string, string>> = {
  '\u2044': '/',
  '\u2215': '/',
  '\u29f8': '/',
  '\u00a5': '\\',
  '\u20a9': '\\',
  '\u2216': '\\',
  '\u29f5': '\\',
};

/** What has no width, and accents that stand alone. */
const ignored = /^[\p{Default_Ignorable_Code_Point}\p{Cf}\p{Mn}]$/u;

/**
 * Where code points are that fold to something with ASCII in it. Left out are ideographs, Hangul, private use and
 * the scripts beyond: a test looks through all of Unicode.
 */
const ranges: readonly (readonly [first: number, last: number])[] = [
  [0x80, 0x33ff],
  [0x4db6, 0x4dff],
  [0xa000, 0xabff],
  [0xd7b0, 0xd7ff],
  [0xfb00, 0xffff],
  [0x1_07a0, 0x1_07ff],
  [0x1_bca0, 0x1_bcaf],
  [0x1_cc00, 0x1_ccff],
  [0x1_d100, 0x1_d1ff],
  [0x1_d400, 0x1_d7ff],
  [0x1_f100, 0x1_f2ff],
  [0x1_fb00, 0x1_fbff],
  [0xe_0000, 0xe_01ff],
];

/**
 * What a code point may become, as text of ASCII and `other`; empty where it may become nothing. Control
 * characters become DEL, blanks a space.
 */
export function foldPoint(point: number): string {
  if (point < 0xa0) return point < 0x80 ? String.fromCharCode(point) : '\x7f';
  const text = String.fromCodePoint(point);
  // U+FFFD stands for what could not be read, and is often dropped with it.
  if (point === 0xfffd || ignored.test(text)) return '';
  if (/^[\s\p{Z}]$/u.test(text)) return ' ';
  const plain = text.normalize('NFKD').replace(/\p{Mn}/gu, '');
  const folded = plain
    .toUpperCase()
    .normalize('NFKD')
    .replace(/\p{Mn}/gu, '')
    .toLowerCase();
  return [...folded].map((each) => lookalikes[each] ?? each.replace(/[^\0-\x7f]/u, other)).join('');
}

/** Code points are looked at in blocks of so many, each when the first of it comes: all of them take 50 ms. */
const blockSize = 128;
const covered = new Set(
  ranges.flatMap(([first, last]) => {
    const start = Math.floor(first / blockSize);
    return Array.from({ length: Math.floor(last / blockSize) - start + 1 }, (_, at) => start + at);
  }),
);
/** What the code points of a block fold to, where that has ASCII in it. */
// scratch: a memo of what never changes, as large as `covered`; a block takes 0.3 ms to read, all of them 50 ms.
const blocks = new Map<number, ReadonlyMap<number, string>>();

/** What a code point outside ASCII may become, looked up. */
export function folded(point: number): string {
  const index = Math.floor(point / blockSize);
  if (!covered.has(index)) return other;
  let block = blocks.get(index);
  if (!block) {
    block = readBlock(index);
    blocks.set(index, block);
  }
  return block.get(point) ?? other;
}

function readBlock(index: number): ReadonlyMap<number, string> {
  const block = new Map<number, string>();
  for (let point = index * blockSize; point < (index + 1) * blockSize; point++) {
    // Behind a character that no route has, only what ends a segment or the path still counts.
    const text = foldPoint(point).replace(/\x80[^/\\;?#]*/g, other);
    if (text !== other) block.set(point, text);
  }
  return block;
}
