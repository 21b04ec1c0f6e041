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

/** Passes, and writes down which process it runs in. */
const tellsProcess = `import { writeFileSync } from 'node:fs';
import { test } from 'tap';
test('one', async (t) => { t.ok(true); });
writeFileSync(\`\${process.argv[1]}.pid\`, String(process.pid));
`;

/** Files that run one after another, in the order of their names. */
const sharing = {
  'a.test.ts': tellsProcess,
  'b.test.ts': `${tellsProcess}// alone: it wants to be\n`,
  'c.test.ts': `${tellsProcess}import tap from 'tap';
tap.jobs = 2;
tap.teardown(() => console.error('ended c'));
`,
  'd.test.ts': `import tap, { test } from 'tap';
console.error('began d');
test('jobs', async (t) => { t.equal(tap.jobs, 1); });
`,
  'e.test.ts': `${tellsProcess}test('two', async (t) => { t.ok(false, 'wrong'); });\n`,
  'f.test.ts': tellsProcess,
  'g.test.ts': "import t from 'tap';\nt.ok(true);\n",
  'h.test.ts': `${tellsProcess}import { createServer } from 'node:net';
test('two', async (t) => { t.ok(true); createServer().listen(0, '127.0.0.1'); });
`,
};

test('files share a process, in which each is as if it were alone', async (t) => {
  const folder = projectWith(t, sharing);
  const { status, last, output } = runTestsWith({ SALLYPORT_TEST_JOBS: '1', TAP_TIMEOUT: '5' }, folder);
  const processOf = (name: string) => readFileSync(join(folder, `dist/test/${name}.test.js.pid`), 'utf8');
  t.equal(last, '8 passed, 3 failed', output);
  t.equal(status, 1);
  t.equal(processOf('a'), processOf('c'), 'one after another');
  t.not(processOf('a'), processOf('b'), 'a file that asks for it has a process of its own');
  t.match(
    output,
    /ended c\n(.*\n)*began d\n/,
    'what a file set and left to its end is over for the next one',
  );
  t.equal(processOf('e'), processOf('a'));
  t.not(processOf('f'), processOf('e'), 'after a file that failed, a new process begins');
  t.match(output, 'an assertion outside of a test', 'it fails its file');
  t.match(
    output,
    /Still there 5 s after the tests: .*TCPServerWrap/,
    'and so does what a file leaves running',
  );
});
