import { test } from 'tap';
import { checkTree } from './check-tree.ts';

test('what never changes may stand in a module, and state in what is opened', async (t) => {
  const files = {
    'a.ts':
      "const words: ReadonlySet<string> = new Set(['a']);\nexport const has = (w: string) => words.has(w);\n",
    'b.ts':
      'export function open() {\n  let count = 0;\n  const seen = new Map();\n  seen.set(1, ++count);\n}\n',
    'c.ts':
      "export const table: ReadonlyMap<string, number> = new Map([['a', 1]]);\nconst shape = /a/;\nshape.test('a');\n",
    'd.ts':
      'class Thing {\n  static readonly size = 1;\n  #count = 0;\n  add() {\n    this.#count += 1;\n  }\n}\n',
  };
  t.same(await checkTree(t, 'check-state', files), { status: 0, found: [] });
});

const forbidden: [what: string, text: string, message: string][] = [
  ['a variable', 'let count = 0;', 'count is a let'],
  ['a variable of old', 'var count = 0;', 'count is a var'],
  ['a variable that is exported', 'export let count = 0;', 'count is a let'],
  ['a map that is filled', 'const known = new Map();\nexport const add = () => known.set(1, 2);', 'known'],
  ['a set that is filled', 'const known = new Set<string>();\nfunction add() {\n  known.add(1);\n}', 'known'],
  ['a map of objects', 'const known = new WeakMap<object, string>();', 'known is a WeakMap'],
  [
    'a set that others may fill',
    'export const known = new Set<string>();',
    'known is a Set that is exported',
  ],
  ['a list that grows', 'const waiting: string[] = [];\nconst add = () => waiting.push(1);', 'waiting'],
  [
    'an object that is written to',
    'const last = { time: 0 };\nconst see = () => { last.time = 1; };',
    'last',
  ],
  ['a part that is counted', 'const seen = { count: 0 };\nconst see = () => seen.count++;', 'seen'],
  ['a thing with a state', 'const positions = new Positions();', 'positions is a Positions'],
  ['an expression with a place', "const each = /a/g;\nconst next = () => each.exec('a');", 'each'],
  ['a static member', 'class A {\n  static count = 0;\n}', 'count is static'],
];

for (const [what, text, message] of forbidden) {
  test(`found and refused: ${what}`, async (t) => {
    const { status, found } = await checkTree(t, 'check-state', { 'listen/server.ts': `${text}\n` });
    t.equal(status, 1);
    t.equal(found.length, 1);
    t.match(found[0], `src/listen/server.ts:${text.startsWith('class') ? 2 : 1} ${message}`);
  });
}

test('an array of the hot path is excused where it stands, by a reason', async (t) => {
  const files = {
    'a.ts': 'let one = 0; // scratch: saves a list for each request, 3 % by bench/path-reading.mjs\n',
    'b.ts': '// scratch: saves a list for each request, 3 % by bench/path-reading.mjs\nlet one = 0;\n',
    'c.ts': '// scratch: saves a list for each request,\n// 3 % by bench/path-reading.mjs\nlet one = 0;\n',
  };
  t.same(await checkTree(t, 'check-state', files), { status: 0, found: [] });
});

test('an excuse without a reason, or of another line, excuses nothing', async (t) => {
  const reason = 'saves a list for each request, 3 % by bench/path-reading.mjs';
  const { found } = await checkTree(t, 'check-state', {
    'a.ts': 'let one = 0; // scratch\n',
    'b.ts': 'let one = 0; // scratch: fast\n',
    'c.ts': `let one = 0; // scratch: ${reason}\nlet two = 0;\n`,
    'd.ts': `// scratch: ${reason}\n\nlet one = 0;\n`,
  });
  t.match(found, [/a\.ts:1 one/, /b\.ts:1 one/, /c\.ts:2 two/, /d\.ts:3 one/]);
});
