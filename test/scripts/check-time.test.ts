import { test } from 'tap';
import { checkTree } from './check-tree.ts';

test('clock and random source are where time and chance come from; other uses of the names take nothing', async (t) => {
  const files = {
    'clock.ts': 'export const now = () => Date.now() + performance.now();\nsetTimeout(() => {}, 1);\n',
    'random.ts': 'export const random = () => Math.random();\n',
    'listen/server.ts':
      "socket.setTimeout(5);\nconst limits = { setTimeout: 1, performance: 2 };\nsetImmediate(() => {});\nconst text = 'Date.now()';\n",
    'pages/html.ts': 'const date = new Date(clock.now());\nconst most = Math.max(1, Date.parse(text));\n',
  };
  t.same(await checkTree(t, 'check-time', files), { status: 0, found: [] });
});

const forbidden: [what: string, text: string, message: string][] = [
  ['the time', 'const now = Date.now();', 'uses Date.now'],
  ['the time as a function', 'function open(now = Date.now) {}', 'uses Date.now'],
  ['the time by another notation', "const now = Date['now']();", 'uses Date.now'],
  ['the time taken apart', 'const { now } = Date;', 'uses Date.now'],
  ['a date of now', 'const now = new Date();', 'uses new Date()'],
  ['a date of now as text', 'const now = Date();', 'uses Date()'],
  ['a clock that never goes back', 'const now = performance.now();', 'uses performance'],
  ['the same by the process', 'const now = process.hrtime.bigint();', 'uses process.hrtime'],
  ['the same by a module', "import { performance as p } from 'node:perf_hooks';", 'uses node:perf_hooks'],
  ['a timer', 'setTimeout(() => {}, 5);', 'uses setTimeout'],
  ['a timer that comes again', 'setInterval(() => {}, 5);', 'uses setInterval'],
  ['a timer as a value', 'const wait = { setTimeout };', 'uses setTimeout'],
  ['a timer of the global object', 'globalThis.setTimeout(() => {}, 5);', 'uses globalThis.setTimeout'],
  [
    'a promise of time',
    "import { setTimeout as wait } from 'node:timers/promises';",
    'uses node:timers/promises',
  ],
  ['a signal of time', 'const signal = AbortSignal.timeout(5);', 'uses AbortSignal.timeout'],
  ['chance', 'const spread = Math.random();', 'uses Math.random'],
];

for (const [what, text, message] of forbidden) {
  test(`found and refused: ${what}`, async (t) => {
    const { status, found } = await checkTree(t, 'check-time', { 'listen/server.ts': `\n${text}\n` });
    t.equal(status, 1);
    t.match(found[0], `src/listen/server.ts:2 ${message}`);
  });
}

test('the clock has no chance and the random source no time', async (t) => {
  const { found } = await checkTree(t, 'check-time', {
    'clock.ts': 'Math.random();\n',
    'random.ts': 'Date.now();\n',
    'demo/clock.ts': 'Date.now();\n',
  });
  t.match(found, [/^src\/clock\.ts:1/, /^src\/demo\/clock\.ts:1/, /^src\/random\.ts:1/]);
});
