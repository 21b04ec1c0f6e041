import { test } from 'tap';
import { checkTree } from './check-tree.ts';

const lines = (count: number) => '  go();\n'.repeat(count);

test('a function of 60 lines is allowed, and a longer class, object or module', async (t) => {
  const files = {
    'a.ts': `function longest() {\n${lines(58)}}\n`,
    'b.ts': `class Long {\n${`  method() {\n${lines(20)}  }\n`.repeat(5)}}\n`,
    'c.ts': `const texts = [\n${"  'a',\n".repeat(200)}];\n${'go();\n'.repeat(200)}`,
  };
  t.same(await checkTree(t, 'check-functions', files), { status: 0, found: [] });
});

const forms: [name: string, text: string][] = [
  ['declared', `export async function declared() {\n${lines(59)}}\n`],
  ['arrow', `const arrow = () => {\n${lines(59)}};\n`],
  ['method', `class A {\nmethod() {\n${lines(59)}}\n}\n`],
  ['member', `const a = {\nmember() {\n${lines(59)}},\n};\n`],
  ['a function without a name', `call(() => {\n${lines(59)}});\n`],
];

for (const [name, text] of forms) {
  test(`found and refused: a function of 61 lines, ${name}`, async (t) => {
    const { status, found } = await checkTree(t, 'check-functions', { 'listen/server.ts': text });
    t.equal(status, 1);
    t.equal(found.length, 1);
    t.match(found[0], new RegExp(`^src/listen/server\\.ts:\\d ${name} has 61 lines`));
  });
}

test('a function counts with those in it, and the longest is told first', async (t) => {
  const { found } = await checkTree(t, 'check-functions', {
    'a.ts': `function outer() {\nconst inner = () => {\n${lines(60)}};\n}\n`,
    'b.ts': `function longest() {\n${lines(90)}}\n`,
  });
  t.match(found, [/longest has 92 lines/, /outer has 64 lines/, /inner has 62 lines/]);
});
