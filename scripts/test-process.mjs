import { Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { tap } from '@tapjs/core';
import { root as folder } from './prepare.mjs';

/**
 * A process that runs one test file after another: each line that comes in on descriptor 3 names one, and each that
 * goes out says how one ended, as `{ tap, ok }`. What files import is loaded, and made fast by the engine, once.
 *
 * Each file has a root test of its own, which stands in for the one that tap makes for a process. Only what files call
 * outside of their tests is passed on to it; whatever else is called there fails.
 */
const processRoot = tap();
// Its limit is one for all files together.
processRoot.setTimeout(0);
let root;
for (const name of ['test', 'teardown', 'before', 'beforeEach', 'after', 'afterEach', 'setTimeout'])
  processRoot[name] = (...given) => root[name](...given);
Object.defineProperty(processRoot, 'jobs', {
  get: () => root.jobs,
  set(jobs) {
    root.jobs = jobs;
  },
});
processRoot.write = () => {
  throw new Error('an assertion outside of a test');
};

// Loaded late: it takes its functions from the root when it is.
const { Test } = await import('tap');

// Not the channel that Node.js offers: gateways would take it for that of a primary process.
const runner = new Socket({ fd: 3 });
const lines = createInterface({ input: runner });
lines.on('line', async (file) => runner.write(`${JSON.stringify(await runFile(file))}\n`));
lines.on('close', watchForRemains);

function runFile(file) {
  const path = join(folder, file);
  // The names of tests and of their folders begin with that of the script.
  process.argv.splice(1, process.argv.length, path);
  const timeout = Number(process.env.TAP_TIMEOUT) * 1000;
  const chunks = [];
  return new Promise((resolve) => {
    root = new Test({ name: file, timeout, cb: () => import(pathToFileURL(path).href) });
    root.on('data', (chunk) => chunks.push(chunk));
    root.runMain(() => {
      root.setTimeout(0);
      resolve({ tap: chunks.join(''), ok: root.passing() });
    });
  });
}

/** A process ends by itself when nothing runs in it any more. What a file left running fails the run. */
function watchForRemains() {
  const seconds = Math.min(Number(process.env.TAP_TIMEOUT), 20);
  setTimeout(() => {
    console.error(`Still there ${seconds} s after the tests: ${process.getActiveResourcesInfo().join(', ')}`);
    process.exit(1);
  }, seconds * 1000).unref();
}
