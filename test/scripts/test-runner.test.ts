import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
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
  return runTestsWith({}, folder, ...paths);
}

function runTestsWith(env: NodeJS.ProcessEnv, folder: string, ...paths: string[]) {
  const script = join(folder, 'scripts/test.mjs');
  // `env -u`: the runner of this test would put itself into the one that is tested.
  const { status, stdout, stderr } = spawnSync(
    'env',
    ['-u', 'NODE_OPTIONS', '-u', 'TAP', process.execPath, script, ...paths],
    { encoding: 'utf8', env: { ...process.env, ...env } },
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

/** The number of the process that runs it. */
const tellsProcess = `import { writeFileSync } from 'node:fs';
import { test } from 'tap';
test('one', async (t) => { t.ok(true); });
writeFileSync(\`\${process.argv[1]}.pid\`, String(process.pid));
`;
const alone = '// alone: it wants to be\n';
/** One file after another. */
const oneJob = { SALLYPORT_TEST_JOBS: '1' };

function processOf(folder: string, name: string): string {
  return readFileSync(join(folder, `dist/test/${name}.test.js.pid`), 'utf8');
}

test('files share a process, but for those that say they need one of their own', async (t) => {
  const folder = projectWith(t, {
    'a.test.ts': tellsProcess,
    'b.test.ts': `${tellsProcess}${alone}`,
    'c.test.ts': tellsProcess,
  });
  const { last, output } = runTestsWith(oneJob, folder);
  t.equal(last, '3 passed, 0 failed', output);
  t.equal(processOf(folder, 'a'), processOf(folder, 'c'));
  t.not(processOf(folder, 'a'), processOf(folder, 'b'));
});

test('after a file that failed, the next one runs in another process', async (t) => {
  const folder = projectWith(t, {
    'a.test.ts': `${tellsProcess}test('two', async (t) => { t.ok(false); });\n`,
    'b.test.ts': tellsProcess,
  });
  const { last, output } = runTestsWith(oneJob, folder);
  t.equal(last, '2 passed, 1 failed', output);
  t.not(processOf(folder, 'a'), processOf(folder, 'b'));
});

test('settings and ends of one file are not those of the next one in its process', async (t) => {
  const folder = projectWith(t, {
    'a.test.ts': `import tap, { test } from 'tap';
tap.jobs = 2;
tap.teardown(() => console.error('ended a'));
test('one', async (t) => { t.ok(true); });
`,
    'b.test.ts': `import tap, { test } from 'tap';
test('one', async (t) => { t.equal(tap.jobs, 1); });
console.error('began b');
`,
  });
  const { last, output } = runTestsWith(oneJob, folder);
  t.equal(last, '2 passed, 0 failed', output);
  t.match(output, /ended a\n(.*\n)*began b\n/);
});

test('what a file leaves running fails the run', async (t) => {
  const folder = projectWith(t, {
    'leaves.test.ts': `import { createServer } from 'node:net';
import { test } from 'tap';
test('one', async (t) => { t.ok(true); createServer().listen(0, '127.0.0.1'); });
`,
  });
  const { status, last, output } = runTestsWith({ TAP_TIMEOUT: '2' }, folder);
  t.equal(last, '1 passed, 1 failed', output);
  t.equal(status, 1);
  t.match(output, /Still there 2 s after the tests: .*TCPServerWrap/);
});

test('an assertion outside of a test fails its file', async (t) => {
  const folder = projectWith(t, { 'outside.test.ts': "import t from 'tap';\nt.ok(true);\n" });
  const { status, output } = runTests(folder);
  t.equal(status, 1);
  t.match(output, 'an assertion outside of a test');
});
