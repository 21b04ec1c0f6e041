import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { root } from './prepare.mjs';

/**
 * Runs test files, some at a time. Most are run one after another by a few processes, since a process of its own costs
 * a file more than its tests do: it would load everything, and run it before the engine has made it fast. A file that
 * says `// alone: why` gets one.
 *
 * tap's own runner is not used: it gives each file, and every process that a file starts, hooks for modules, which
 * cost a second of CPU each.
 */

/** Seconds for a file that says nothing else by `setTimeout` of tap. It is kept to within the file's process. */
const timeout = 120;
/** Milliseconds until a process is killed that does not even keep to its own limit. */
const longest = 15 * 60_000;
/** How many files a process runs, at most: what they load stays in memory. */
const filesOfProcess = 30;

/**
 * @param files compiled test files, as paths from the project's folder; the first are begun first
 * @param jobs how many run at the same time
 * @param ended is told of each file at its end: `{ file, tap, code, signal, ms }`, where `tap` is what it wrote
 */
export async function runTests(files, jobs, ended) {
  // Who ends the run ends what it runs.
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
  const waiting = [...files];
  const endings = [];
  const work = async () => {
    let shared;
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const started = performance.now();
      const isAlone = needsOwnProcess(file);
      if (!isAlone) shared ??= startShared();
      const result = await (isAlone ? runAlone(file) : shared.run(file));
      ended({ ...result, file, ms: performance.now() - started });
      if (isAlone || shared.takesMore()) continue;
      endings.push(shared.end(ended));
      shared = undefined;
    }
    if (shared) endings.push(shared.end(ended));
  };
  await Promise.all(Array.from({ length: Math.min(jobs, files.length) }, work));
  await Promise.all(endings);
}

function needsOwnProcess(file) {
  return /^\/\/ alone: \S/m.test(readFileSync(join(root, file), 'utf8'));
}

async function runAlone(file) {
  const { child, exited } = startNode(file, ['ignore', 'pipe', 'inherit']);
  const kill = setTimeout(() => child.kill('SIGKILL'), longest);
  const chunks = [];
  child.stdout.on('data', (chunk) => chunks.push(chunk));
  const result = { ...(await exited), tap: Buffer.concat(chunks) };
  clearTimeout(kill);
  return result;
}

/** A process that runs file after file. */
function startShared() {
  const { child, exited } = startNode('scripts/test-process.mjs', ['ignore', 'ignore', 'inherit', 'pipe']);
  const channel = child.stdio[3];
  // It breaks when the process ends, which is seen by that.
  channel.on('error', () => {});
  const lines = createInterface({ input: channel });
  const files = [];
  let hasFailed = false;
  return {
    async run(file) {
      files.push(file);
      const answered = new Promise((resolve) => lines.once('line', (line) => resolve(JSON.parse(line))));
      channel.write(`${file}\n`);
      const kill = setTimeout(() => child.kill('SIGKILL'), longest);
      const { tap = '', ok, code = ok ? 0 : 1, signal = null } = await Promise.race([answered, exited]);
      clearTimeout(kill);
      hasFailed ||= code !== 0;
      return { tap, code, signal };
    },
    /** Nothing of a file that failed may be there when another runs. */
    takesMore: () => !hasFailed && files.length < filesOfProcess,
    async end(ended) {
      const started = performance.now();
      channel.end();
      const { code, signal } = await exited;
      if (code === 0 || hasFailed) return;
      ended({ file: `after ${files.join(', ')}`, tap: '', code, signal, ms: performance.now() - started });
    },
  };
}

function startNode(file, stdio) {
  const child = spawn(process.execPath, ['--enable-source-maps', join(root, file)], {
    cwd: root,
    env: { ...process.env, TAP: '1', TAP_TIMEOUT: process.env.TAP_TIMEOUT ?? String(timeout) },
    stdio,
  });
  const end = () => child.kill();
  process.once('exit', end);
  const exited = new Promise((resolve) => {
    child.on('close', (code, signal) => {
      process.off('exit', end);
      resolve({ code, signal });
    });
  });
  return { child, exited };
}
