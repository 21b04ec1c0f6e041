/**
 * What servers read in different ways, by what some of them take it for. Characters above U+007F stand for
 * single bytes.
 */

const utf8 = (character: string) => encodeURIComponent(character);
const bytes = (character: string) => Buffer.from(character).toString('latin1');

/** Characters that look like another, or fold to it: slash, backslash, yen and won of old code pages. */
const slashLookalikes = ['∕', '⁄', '／', '＼', '¥', '₩', '￦', '￥', '⧵', '﹨'];
const dotLookalikes = ['．', '․', '。', '﹒'];

export const slashes = [
  ...['%2f', '%2F', '%5c', '%5C', '\\', '//', '///', '/\\', '\\/', '/%2f', '/%5c', '%2f%2f', '%2f/'],
  ...['%252f', '%255c', '%25252f', '%%32f', '%%32%66', '%2%66', '%u002f', '%u005c', '%U002F', '%25u002f'],
  ...['%c0%af', '%e0%80%af', '%f0%80%80%af', '%f8%80%80%80%af', '%c1%9c', '%c0%2f', '%c0%5c', '%c1%2f'],
  ...['\xc0\xaf', '\xe0\x80\xaf', '\xc1\x9c', '%c0\xaf', '\xc0%af', '%25c0%25af', '%c0/', '%80/', '%ff/'],
  ...['%2f%00', '%0a/', '/%0a', '/%09/', '/%0d', '%00/', '/%00', '/%7f', '%20/', '/%20', '+/', '/+', './'],
  ...[';/', ';x/', ';x=1/', '/;/', '/;x/', ';%2f', ';%5c', ';\\', '%3b/', '%3B%2f', '%253b/', ';/;/', ';//'],
  ...[
    '/./',
    '/.;/',
    '/%2e/',
    '/.%2f',
    '%2f.%2f',
    '/.%5c',
    '/.../',
    '/%20/',
    '/.%20/',
    '/.%00/',
    '/%e2%80%8b/',
  ],
  ...['%u2215', '%uff0f', '%u2044', '%uff3c', '%u00a5', '%a5', '%bc%af', '%af', '\xa5'],
  ...slashLookalikes.map(utf8),
  ...slashLookalikes.map(bytes),
];

export const climbs = [
  ...['..', '%2e%2e', '.%2e', '%2e.', '%2E%2E', '%252e%252e', '.%252e', '%25252e%25252e', '%%32e.', '%2%65.'],
  ...['..;', '..;x', '..;x=1', '..%3b', '..%253b', '..%3bx', '.;.', '%2e%2e;', '%2e;%2e', '..;/;x'],
  ...['..%00', '.%00.', '%00..', '..%0a', '%0a..', '.%0a.', '..%0d', '..%09', '%09..', '..%7f', '..%1f'],
  ...['..%20', '%20..', '.%20.', '..+', '+..', '. .', '.+.', '..%c2%a0', '..%a0', '..%85', '..%c2%85'],
  ...[
    '%c0%ae%c0%ae',
    '%c0%ae.',
    '%e0%80%ae%e0%80%ae',
    '%f0%80%80%ae.',
    '%c0.%c0.',
    '%c0%2e%c0%2e',
    '\xc0\xae.',
  ],
  ...['%25c0%25ae%25c0%25ae', '%u002e%u002e', '.%u002e', '%u002e.', '%25u002e.', '%uff0e%uff0e', '%u2024.'],
  ...[
    '...',
    '....',
    '.....',
    '..%2e',
    '%2e%2e%2e',
    '..%ff',
    '.%ff.',
    '..%e2%80%8b',
    '.%e2%80%8b.',
    '.%c2%ad.',
  ],
  ...[
    '..%ef%bb%bf',
    '%ef%bb%bf..',
    '%e2%80%a5',
    '%e2%80%a6',
    '‥',
    '..%3f',
    '..%23',
    '..%3fx',
    '..%23x',
    '..%253f',
  ],
  ...dotLookalikes.flatMap((dot) => [utf8(dot) + utf8(dot), `.${utf8(dot)}`, bytes(dot) + bytes(dot)]),
].map((climb) => (climb === '‥' ? bytes(climb) : climb));

/** What can stand anywhere, and is nothing, the end, or junk for some. */
export const junk = [
  ...[
    '%00',
    '%0a',
    '%0d',
    '%0d%0a',
    '%09',
    '%0b',
    '%0c',
    '%1f',
    '%7f',
    '%2500',
    '%u0000',
    '%u000a',
    '%c0%80',
  ],
  ...['%20', '+', '%2b', '%2520', '%c2%a0', '%a0', '%85', '%c2%85', '%e3%80%80', '%e2%80%a8', '\xa0', '\x85'],
  ...[';', ';x', ';x=1', ';.', ';..', ';%2e', '%3b', '%3bx', '%253b', ';;', ';a;b'],
  ...[
    '%3f',
    '%23',
    '%253f',
    '%2523',
    '%u003f',
    '%c0%bf',
    '%c0%a3',
    '%uff1f',
    '%ef%bc%9f',
    '%ef%bc%83',
    '%3fx=1',
  ],
  ...['.', '..', '...', '%2e', '%c0%ae', '%e2%80%a4', '. ', '%2e%20', '.%20', '%20.', '.+', '+.'],
  ...['%ff', '%80', '%c0', '%c1', '%e0%80', '%e2%80', '\xff', '\x80', '\xc0', '\xe2\x80', '%fe', '%f5%80'],
  ...[
    '%e2%80%8b',
    '%e2%80%8d',
    '%e2%81%a0',
    '%ef%bb%bf',
    '%c2%ad',
    '%e2%80%ae',
    '%ef%b8%8f',
    '%cd%8f',
    '%e1%a0%8e',
  ],
  ...['%', '%%', '%2', '%zz', '%u', '%u00', '%uzzzz', '%25', '%2525', '%c', '%-1', '%.', '%/'],
  ...['@', ':', ':80', '~', '!', '*', '=', '&', ',', '^', '|', '"', '<', '>', '`', '{', '}', '[', ']', '$'],
].map((token) => token.replaceAll(' ', '%20'));

/** Letters of which another is a spelling, in other alphabets or by case. */
const letterLookalikes: Readonly<Record<string, readonly string[]>> = {
  a: ['ａ', 'Ａ', 'ⓐ', 'ª', 'ᵃ', 'А', 'à', '𝐚'],
  b: ['ｂ', 'ⓑ'],
  d: ['ｄ', 'ⅾ', 'Ⅾ'],
  i: ['ｉ', 'ı', 'İ', 'ⅰ', 'ⁱ', 'í'],
  k: ['ｋ', '\u212a', 'ⓚ'],
  m: ['ｍ', 'ⅿ', 'Ⅿ'],
  n: ['ｎ', 'ⁿ'],
  p: ['ｐ', 'ⓟ'],
  s: ['ｓ', 'ſ', 'ˢ'],
  t: ['ｔ', 'ⓣ'],
  u: ['ｕ', 'ü', 'u%cc%88'],
};

const hex = (code: number, length = 2) => code.toString(16).padStart(length, '0');

/** Other spellings of a letter, of which some reader may make the letter again. */
export function lettersLike(letter: string): string[] {
  const code = letter.charCodeAt(0);
  const folding = (letterLookalikes[letter] ?? []).flatMap((like) =>
    like.includes('%') ? [like] : [utf8(like), bytes(like), `%u${hex(like.codePointAt(0) ?? 0, 4)}`],
  );
  return [
    ...[`%${hex(code)}`, `%25${hex(code)}`, `%2525${hex(code)}`, `%u${hex(code, 4)}`, letter.toUpperCase()],
    ...[`%${hex(letter.toUpperCase().charCodeAt(0))}`, `%c1%${hex(0x80 + (code & 0x3f))}`, `%c1${letter}`],
    ...[
      `%e0%81%${hex(0x80 + (code & 0x3f))}`,
      `%%3${hex(code)[0]}${hex(code)[1]}`,
      `%u${hex(code + 0xfee0, 4)}`,
    ],
    ...folding,
  ];
}
