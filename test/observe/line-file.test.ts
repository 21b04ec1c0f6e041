import { execFileSync, spawn } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Test, test } from 'tap';
import { type LineFile, openLineFile, tryLineFile } from '../../src/observe/line-file.ts';
import { createWoundClock } from '../support/clock.ts';
import { until } from '../support/until.ts';

interface Told {
  failing: [reason: string, waiting: number][];
  working: [reason: string, lost: number][];
}

function arrange(t: Test, path = join(t.testdir(), 'audit.jsonl'), mostWaiting = 1024 * 1024) {
  const clock = createWoundClock();
  const told: Told = { failing: [], working: [] };
  const file = openLineFile(path, {
    clock,
    mostWaiting,
    onFailing: (...args) => told.failing.push(args),
    onWorking: (...args) => told.working.push(args),
  });
  t.teardown(() => void file.leave());
  return { file, path, clock, told };
}

const flushed = (file: LineFile) => new Promise<void>((resolve) => file.flush(resolve));
const linesOf = (path: string) => readFileSync(path, 'utf8').split('\n').slice(0, -1);

/** Puts a symbolic link to another file in the place of one, in one step. */
function pointTo(target: string, path: string): void {
  symlinkSync(target, `${path}.next`);
  renameSync(`${path}.next`, path);
}

test('lines come in order behind what is there, and a new file is its owner’s alone', async (t) => {
  const { file, path } = arrange(t);
  await flushed(file);
  t.equal(statSync(path).mode & 0o777, 0o600);
  for (let number = 0; number < 1000; number++) file.write(`${number}\n`);
  await flushed(file);
  const again = arrange(t, path);
  again.file.write('behind\n');
  await flushed(again.file);
  t.same(linesOf(path), [...Array.from({ length: 1000 }, (_, number) => String(number)), 'behind']);
});

test('a file that was renamed, or removed, is left for a new one', async (t) => {
  const { file, path, clock } = arrange(t);
  file.write('one\n');
  await flushed(file);
  renameSync(path, `${path}.1`);
  clock.wind(1000);
  file.write('two\n');
  await flushed(file);
  t.same([linesOf(`${path}.1`), linesOf(path)], [['one'], ['two']]);
  t.equal(statSync(path).mode & 0o777, 0o600);
  rmSync(path);
  clock.wind(1000);
  file.write('three\n');
  await flushed(file);
  t.same(linesOf(path), ['three']);
});

test('who has renamed it can have the new one at once', async (t) => {
  const { file, path } = arrange(t);
  await flushed(file);
  renameSync(path, `${path}.1`);
  file.lookAgain();
  await until('the new file', () => existsSync(path));
  file.write('two\n');
  await flushed(file);
  t.same([linesOf(`${path}.1`), linesOf(path)], [[], ['two']]);
});

test('logrotate of the operating system is such a one', async (t) => {
  const { file, path, clock } = arrange(t);
  const folder = join(path, '..');
  const configuration = join(folder, 'logrotate.conf');
  writeFileSync(configuration, `${path} {\n  rotate 3\n  nocreate\n}\n`, { mode: 0o644 });
  chmodSync(folder, 0o755);
  for (let day = 1; day <= 3; day++) {
    file.write(`day ${day}\n`);
    await flushed(file);
    execFileSync('/usr/sbin/logrotate', ['-f', '-s', join(folder, 'state'), configuration]);
    clock.wind(1000);
  }
  file.write('day 4\n');
  await flushed(file);
  const all = [`${path}.3`, `${path}.2`, `${path}.1`, path].flatMap(linesOf);
  t.same(all, ['day 1', 'day 2', 'day 3', 'day 4']);
});

test('what a full disk does not take waits, and is written when there is room', async (t) => {
  const path = join(t.testdir(), 'audit.jsonl');
  pointTo('/dev/full', path);
  const { file, clock, told } = arrange(t, path);
  for (const line of ['one\n', 'two\n']) file.write(line);
  await until('it to fail', () => file.trouble() === 'ENOSPC');
  t.same(told.failing, [['ENOSPC', 2]]);
  // It is tried again and again, and said once a minute.
  for (let second = 0; second < 30; second++) {
    clock.wind(1000);
    await new Promise(setImmediate);
  }
  t.equal(told.failing.length, 1);
  await until('that to be said again', () => {
    clock.wind(10_000);
    return told.failing.length > 1;
  });
  pointTo(`${path}.real`, path);
  await until('it to be written', () => {
    clock.wind(1000);
    return file.trouble() === undefined;
  });
  file.write('three\n');
  await flushed(file);
  t.same(linesOf(path), ['one', 'two', 'three']);
  t.same(told.working, [['ENOSPC', 0]]);
});

test('what there is no room for in memory is lost, and counted', async (t) => {
  const path = join(t.testdir(), 'audit.jsonl');
  pointTo('/dev/full', path);
  const { file, clock, told } = arrange(t, path, 100);
  for (let number = 0; number < 50; number++) file.write(`${String(number).padStart(9, '.')}\n`);
  await until('it to fail', () => file.trouble() !== undefined);
  pointTo(`${path}.real`, path);
  await until('it to be written', () => {
    clock.wind(1000);
    return told.working.length > 0;
  });
  await flushed(file);
  t.same(
    linesOf(path).map((line) => Number(line.replaceAll('.', ''))),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  );
  t.same(told.working, [['ENOSPC', 40]]);
});

test('where a new file cannot be made, lines wait for one', async (t) => {
  const folder = join(t.testdir(), 'logs');
  mkdirSync(folder);
  const { file, path, clock, told } = arrange(t, join(folder, 'audit.jsonl'));
  await flushed(file);
  renameSync(folder, `${folder}.gone`);
  clock.wind(1000);
  file.write('one\n');
  await until('it to fail', () => file.trouble() === 'ENOENT');
  t.same(told.failing, [['ENOENT', 1]]);
  mkdirSync(folder);
  await until('it to be written', () => {
    clock.wind(1000);
    return file.trouble() === undefined;
  });
  await flushed(file);
  t.same(linesOf(path), ['one']);
  t.same(linesOf(join(`${folder}.gone`, 'audit.jsonl')), []);
});

test('a process that ends writes what waits', async (t) => {
  const { file, path } = arrange(t);
  await flushed(file);
  for (const line of ['one\n', 'two\n', 'three\n']) file.write(line);
  file.writeNow();
  t.same(linesOf(path).slice(-2), ['two', 'three']);
  await until('the one that a thread had', () => linesOf(path).length === 3);
});

test('who lets go of it gets what is not written', async (t) => {
  const path = join(t.testdir(), 'audit.jsonl');
  pointTo('/dev/full', path);
  const { file, told } = arrange(t, path, 8);
  for (const line of ['one\n', 'two\n', 'three\n']) file.write(line);
  await until('it to fail', () => file.trouble() !== undefined);
  t.same(file.leave(), ['one\n', 'two\n']);
  await until('the loss to be told', () => told.working.length > 0);
  t.same(told.working, [['ENOSPC', 1]]);
});

test('a place that cannot be written to is refused', async (t) => {
  const folder = t.testdir({ file: '' });
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  for (const [path, code] of [
    [folder, 'EISDIR'],
    [join(folder, 'none', 'audit.jsonl'), 'ENOENT'],
    [join(folder, 'file', 'audit.jsonl'), 'ENOTDIR'],
    // Nobody reads it, and to wait for somebody would hold up the start.
    [pipe, 'ENXIO'],
  ] as const) {
    t.throws(() => tryLineFile(path), { code });
  }
});

const writerProgram = fileURLToPath(new URL('../support/applications/line-writer-app.js', import.meta.url));

/** Runs a program that writes lines `NAME NUMBER …`, under a limit of the size of files in blocks of 512 bytes. */
function runWriter(path: string, name: string, lines: number, blocks = 'unlimited') {
  const command = `ulimit -S -f ${blocks}; exec "$0" "$@"`;
  const { NODE_OPTIONS: _, ...env } = process.env;
  const child = spawn('sh', ['-c', command, process.execPath, writerProgram, path, name, String(lines)], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk;
  });
  const exited = new Promise<number | null>((resolve) => void child.on('close', resolve));
  return { child, exited, said: () => said };
}

test('lines of several processes stay whole and in the order of each', async (t) => {
  const path = join(t.testdir(), 'audit.jsonl');
  const names = ['a', 'b', 'c'];
  const writers = names.map((name) => runWriter(path, name, 2000));
  for (const { exited } of writers) t.equal(await exited, 0);
  const lines = linesOf(path);
  t.equal(lines.length, 6000);
  for (const name of names) {
    const numbers = lines.filter((line) => line.startsWith(`${name} `)).map((line) => line.split(' ')[1]);
    t.same(
      numbers,
      Array.from({ length: 2000 }, (_, number) => String(number)),
    );
  }
  t.ok(lines.every((line) => /^[abc] \d+ x{300}$/.test(line)));
});

test('a line of which the disk took a part is whole in the end', async (t) => {
  const path = join(t.testdir(), 'audit.jsonl');
  // A limit of 1 KiB cuts the fourth line.
  const { child, exited, said } = runWriter(path, 'a', 10, '2');
  await until('it to fail', () => said() !== '');
  t.equal(statSync(path).size, 1024);
  execFileSync('prlimit', [`--pid=${child.pid}`, '--fsize=unlimited']);
  t.equal(await exited, 0);
  t.match(said(), /^failing (ENOSPC|EFBIG)\n/);
  t.same(
    linesOf(path).map((line) => line.split(' ')[1]),
    Array.from({ length: 10 }, (_, number) => String(number)),
  );
  t.ok(linesOf(path).every((line) => /^a \d+ x{300}$/.test(line)));
});

test('where somebody else wrote behind such a part, the line comes once more, whole', async (t) => {
  const path = join(t.testdir(), 'audit.jsonl');
  const { child, exited, said } = runWriter(path, 'a', 10, '2');
  await until('it to fail', () => said() !== '');
  appendFileSync(path, 'other\n');
  execFileSync('prlimit', [`--pid=${child.pid}`, '--fsize=unlimited']);
  t.equal(await exited, 0);
  const whole = linesOf(path).filter((line) => /^a \d+ x{300}$/.test(line));
  t.same(
    whole.map((line) => line.split(' ')[1]),
    Array.from({ length: 10 }, (_, number) => String(number)),
  );
});
