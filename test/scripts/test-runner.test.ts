import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Test, test } from 'tap';

const projectRoot = fileURLToPath(new URL('../../..', import.meta.url));

/** The project with other tests: real scripts, real packages, these files below test/. */
function projectWith(t: Test, tests: Record<string, string>): string {
  const folder = t.testdir({ src: { 'main.ts': 'export {};\n' }, test: tests });
  for (const name of ['scripts', 'package.json', 'package-lock.json', 'tsconfig.json']) {
    cpSync(join(projectRoot, name), join(folder, name), { recursive: true });
  }
  mkdirSync(join(folder, 'node_modules'));
  // Links one by one, so that whatever happens in this folder leaves the packages themselves alone.
  const packages = join(projectRoot, 'node_modules');
  for (const name of readdirSync(packages))
    symlinkSync(join(packages, name), join(folder, 'node_modules', name));
  return folder;
}

function runTests(folder: string, ...paths: string[]) {
  const script = join(folder, 'scripts/test.mjs');
  // `env -u`: the runner of this test would put itself into the one that is tested.
  const { status, stdout, stderr } = spawnSync(
    'env',
    ['-u', 'NODE_OPTIONS', '-u', 'TAP', process.execPath, script, ...paths],
    {
      encoding: 'utf8',
    },
  );
  const lines = stdout.trimEnd().split('\n');
  return { status, lines, last: lines.at(-1), output: `${stdout}${stderr}` };
}

const passing = `import { test } from 'tap';
test('one', async (t) => { t.ok(true); t.ok(true); });
test('two', async (t) => { await t.test('inner', async (t) => { t.equal(1, 1); }); });
`;

test('the last line counts the tests, and all passing means exit code 0', async (t) => {
  const folder = projectWith(t, { 'fine.test.ts': passing, 'more.test.ts': passing });
  const { status, last, output } = runTests(folder);
  t.equal(last, '4 passed, 0 failed', output);
  t.equal(status, 0);
});

test('a failure is named with its file, its difference and its place, and fails the run', async (t) => {
  const folder = projectWith(t, {
    'fine.test.ts': passing,
    'wrong.test.ts': `import { test } from 'tap';
test('a promise', async (t) => { await t.test('kept', async (t) => { t.same({ a: 1 }, { a: 2 }, 'the same'); }); });
test('too slow', { timeout: 100 }, () => { setTimeout(() => {}, 300); });
test('left out', { skip: 'for a reason' }, async () => {});
`,
  });
  const { status, last, output } = runTests(folder);
  t.equal(last, '2 passed, 2 failed, 1 skipped', output);
  t.equal(status, 1);
  t.match(output, 'test/wrong.test.ts > a promise > kept > the same');
  t.match(output, /-\s+"a": 2/);
  t.match(output, 'test/wrong.test.ts:2');
  t.match(output, 'too slow > timeout!');
  t.match(output, 'skipped test/wrong.test.ts > left out');
});

test('a file that crashes or holds no test counts as failed', async (t) => {
  const folder = projectWith(t, {
    'crash.test.ts': `throw new Error('cannot load');\n`,
    'empty.test.ts': 'export {};\n',
    'fine.test.ts': passing,
    'half.test.ts': `${passing}setTimeout(() => process.exit(9), 50);\n`,
  });
  const { status, last, output } = runTests(folder);
  t.equal(status, 1);
  t.match(last, /^\d passed, 3 failed$/, output);
  t.match(output, 'cannot load');
  t.match(output, 'it holds no test');
});

test('only the files and folders that are named run', async (t) => {
  const folder = projectWith(t, {
    'fine.test.ts': passing,
    a: { 'b.test.ts': passing },
    'wrong.test.ts': 'throw 1;\n',
  } as never);
  const one = runTests(folder, 'test/fine.test.ts');
  t.same([one.status, one.last], [0, '2 passed, 0 failed'], one.output);
  const below = runTests(folder, 'test/a');
  t.same([below.status, below.last], [0, '2 passed, 0 failed'], below.output);
  const none = runTests(folder, 'test/missing.test.ts');
  t.equal(none.status, 1);
  t.match(none.output, 'There is no test/missing.test.ts.');
});
