import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Test, test } from 'tap';
import { until } from '../support/until.ts';

const projectRoot = fileURLToPath(new URL('../../..', import.meta.url));

/** A program that says what it was given, and how often it was asked to stop. */
const program = (greeting: string) => `
declare const process: any, console: any, setInterval: any, setTimeout: any;
const [word] = process.argv.slice(2);
if (word === 'fail') process.exitCode = 78;
if (word === 'wait') {
  let asked = 0;
  setInterval(() => {}, 1000);
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => { asked += 1; });
  process.on('SIGINT', () => setTimeout(() => { console.log('asked', asked); process.exit(3); }, 200));
  process.on('SIGTERM', () => { console.log('asked', asked); process.exit(4); });
}
console.log('${greeting}', JSON.stringify(process.argv.slice(2)));
`;

/** The lock file of such a project, which npm writes once for all of them. */
let lockFile: string | undefined;

/** A fresh clone of a project in small: the real scripts and the real compiler, and a program of one file. */
function freshClone(t: Test): string {
  const folder = t.testdir({ src: { 'main.ts': program('hello') } });
  cpSync(join(projectRoot, 'scripts'), join(folder, 'scripts'), { recursive: true });
  const typescript = join(projectRoot, 'node_modules/typescript');
  const dependencies = { typescript: `file:${typescript}` };
  const compilerOptions = { module: 'nodenext', rootDir: '.', outDir: 'dist', strict: true, types: [] };
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module', dependencies }));
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['src'] }));
  lockFile ??= lock(folder);
  writeFileSync(join(folder, 'package-lock.json'), lockFile);
  return folder;
}

function lock(folder: string): string {
  execFileSync('env', ['-u', 'NODE_OPTIONS', 'npm', 'install', '--package-lock-only', '--silent'], {
    cwd: folder,
  });
  return readFileSync(join(folder, 'package-lock.json'), 'utf8');
}

interface Run {
  child: ChildProcess;
  output: string[];
  ended: Promise<{ code: number | null; output: string }>;
}

function start(t: Test, folder: string, ...args: string[]): Run {
  // `env -u`: the test runner puts itself into the Node of every child process otherwise.
  const child = spawn(
    'env',
    ['-u', 'NODE_OPTIONS', process.execPath, join(folder, 'scripts/start.mjs'), ...args],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  t.teardown(() => child.kill('SIGKILL'));
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => output.push(chunk.toString()));
  }
  const ended = once(child, 'close').then(([code]) => ({
    code: code as number | null,
    output: output.join(''),
  }));
  return { child, output, ended };
}

test('one command installs, compiles and runs a fresh clone, and says one line a step', async (t) => {
  const folder = freshClone(t);
  const first = await start(t, folder).ended;
  t.same(first, {
    code: 0,
    output: 'Installing dependencies (npm ci) …\nCompiling (tsc) …\nhello ["demo"]\n',
  });

  const second = await start(t, folder, 'serve', '-c', 'FILE').ended;
  t.same(second, { code: 0, output: 'hello ["serve","-c","FILE"]\n' }, 'nothing is left to do');

  writeFileSync(join(folder, 'src/main.ts'), program('changed'));
  t.match((await start(t, folder).ended).output, 'Compiling (tsc) …\nchanged ["demo"]\n');

  const lockFile = join(folder, 'package-lock.json');
  writeFileSync(lockFile, readFileSync(lockFile, 'utf8').replace('"version"', ' "version"'));
  t.notMatch((await start(t, folder).ended).output, 'Installing', 'the content counts, not the time');
});

test('the exit code is that of the program', async (t) => {
  t.equal((await start(t, freshClone(t), 'fail').ended).code, 78);
});

test('code that does not compile is never run, neither now nor from what was built before', async (t) => {
  const folder = freshClone(t);
  await start(t, folder).ended;
  mkdirSync(join(folder, 'src/more'));
  writeFileSync(join(folder, 'src/more/wrong.ts'), 'export const text: string = 1;\n');
  for (const attempt of ['at once', 'later']) {
    const { code, output } = await start(t, folder).ended;
    t.not(code, 0, attempt);
    t.match(output, 'src/more/wrong.ts(1,14)', attempt);
    t.notMatch(output, 'hello', attempt);
  }
});

test('a signal reaches the program once, though terminal and npm both send it', async (t) => {
  const folder = freshClone(t);
  const interrupted = start(t, folder, 'wait');
  await until('the program', () => interrupted.output.join('').includes('hello'), 60_000);
  interrupted.child.kill('SIGINT');
  setTimeout(() => interrupted.child.kill('SIGINT'), 30);
  const afterInterrupt = await interrupted.ended;
  t.equal(afterInterrupt.code, 3);
  t.match(afterInterrupt.output, /asked 1\n$/);

  const terminated = start(t, folder, 'wait');
  await until('the program', () => terminated.output.join('').includes('hello'), 60_000);
  terminated.child.kill('SIGTERM');
  t.equal((await terminated.ended).code, 4);
});
