import { test } from 'tap';
import { createHeaderReader } from '../../src/forward/raw-headers.ts';

/** As the parser gives them, and the object that undici makes of them. */
function headOf(...pairs: [string, string][]) {
  const raw = pairs.flat().map((text) => Buffer.from(text, 'latin1'));
  const read: Record<string, string | string[]> = Object.create(null);
  for (const [name, value] of pairs) {
    const lower = name.toLowerCase();
    const before = read[lower];
    read[lower] = before === undefined ? value : [before, value].flat();
  }
  return [raw, read] as const;
}

test('headers come byte for byte, in order and with duplicates, whatever came before', (t) => {
  const reader = createHeaderReader();
  const heads: [string, string][][] = [
    [
      ['Server', 'one'],
      ['Set-Cookie', 'a=1'],
      ['set-cookie', 'b=2'],
      ['X-Latin', 'caf\xe9'],
    ],
    [
      ['server', 'two'],
      ['SET-COOKIE', 'c=3'],
      ['Date', 'today'],
      ['Server', 'three'],
    ],
    [],
    [['X-Empty', '']],
    [
      ['Server', 'one'],
      ['X-Latin', 'caf\xe9'],
      ['Serves', 'x'],
      ['Serve', 'y'],
      ['Server', 'z'],
    ],
    [
      ['__proto__', 'a'],
      ['constructor', 'b'],
      ['toString', 'c'],
      ['__proto__', 'd'],
    ],
    [
      ['X'.repeat(64), 'longest'],
      ['X'.repeat(65), 'longer'],
      ['Y'.repeat(5000), 'much longer'],
      ['Server', 'behind'],
    ],
  ];
  for (let round = 0; round < 3; round++) {
    for (const head of heads) t.same(reader(...headOf(...head)), head.flat());
    for (const head of heads.toReversed()) t.same(reader(...headOf(...head)), head.flat());
  }
  t.end();
});

test('names that nobody sends twice are forgotten, and read all the same', (t) => {
  const reader = createHeaderReader();
  for (let answer = 0; answer < 100; answer++) {
    const head = Array.from({ length: 50 }, (_, at): [string, string] => [`X-${answer}-${at}`, `${at}`]);
    const all: [string, string][] = [['Server', 'one'], ...head, ['Date', 'today']];
    t.same(reader(...headOf(...all)), all.flat());
  }
  t.end();
});

test('an object is read where there are no bytes, as HTTP/2 gives it', (t) => {
  const headers = { server: 'one', 'set-cookie': ['a=1', 'b=2'], none: undefined };
  t.same(createHeaderReader()(headers, headers), ['server', 'one', 'set-cookie', 'a=1', 'set-cookie', 'b=2']);
  t.end();
});
