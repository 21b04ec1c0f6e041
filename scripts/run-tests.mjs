import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { root } from './prepare.mjs';

/**
 * Runs test files, each in a process of its own, some at a time. A file that tap's own runner starts gets hooks for
 * its modules, and so does every process that it starts: they cost a second of CPU each, and nothing here uses them.
 */

/** Seconds for a file that says nothing else by `t.setTimeout`. tap keeps to it within the file's process. */
const timeout = 120;
/** Milliseconds until a process is killed that does not even keep to its own limit. */
const longest = 15 * 60_000;

/**
 * @param files compiled test files, as paths from the project's folder; the first are begun first
 * @param jobs how many run at the same time
 * @param ended is told of each file at its end: `{ file, tap, code, signal, ms }`, where `tap` is what it wrote
 */
export async function runTests(files, jobs, ended) {
  // Who ends the run ends what it runs.
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
  const waiting = [...files];
  const work = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) ended(await runFile(file));
  };
  await Promise.all(Array.from({ length: Math.min(jobs, files.length) }, work));
}

function runFile(file) {
  return new Promise((resolve) => {
    const started = performance.now();
    const child = spawn(process.execPath, ['--enable-source-maps', join(root, file)], {
      cwd: root,
      env: { ...process.env, TAP: '1', TAP_TIMEOUT: process.env.TAP_TIMEOUT ?? String(timeout) },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const end = () => child.kill();
    process.once('exit', end);
    const kill = setTimeout(() => child.kill('SIGKILL'), longest);
    const chunks = [];
    child.stdout.on('data', (chunk) => chunks.push(chunk));
    child.on('close', (code, signal) => {
      clearTimeout(kill);
      process.off('exit', end);
      resolve({ file, tap: Buffer.concat(chunks), code, signal, ms: performance.now() - started });
    });
  });
}
