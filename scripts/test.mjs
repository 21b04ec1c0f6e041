import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { build, installDependencies, root, runInstalled } from './prepare.mjs';
import { runTests } from './run-tests.mjs';
import { canInstall, installCommand, installPackages, missingPackages } from './test-programs.mjs';

/**
 * `npm test`: installs what is missing, compiles, and runs every test; with paths (`npm test -- test/x.test.ts`,
 * or a folder) only those. The last line holds the totals.
 */
const paths = process.argv.slice(2);
const files = [...new Set((paths.length > 0 ? paths : ['test']).flatMap(testFiles))];
if (files.length === 0) fail(`No test file in ${paths.join(' ') || 'test'}.`);
ensurePrograms();
installDependencies();
build(['src', 'test']);
prepareRunner();

// Loaded late: it needs an installed package.
const { noResults, reportFile } = await import('./tap-results.mjs');
const totals = noResults();
await runTests(slowFirst(files).map(compiled), jobs(), (ended) => reportFile(ended, totals));
const { passed, failed, skipped, failures } = totals;
if (failures.length > 0) console.log(`\nWhat failed:\n${failures.map((name) => `  ${name}`).join('\n')}`);
console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;

function fail(message) {
  console.error(message);
  process.exit(1);
}

/** All tests need every program; one named test may well do without. */
function ensurePrograms() {
  const missing = missingPackages();
  if (missing.length === 0) return;
  if (canInstall()) installPackages(missing);
  else if (paths.length === 0)
    fail(`The tests need programs that are not here. Run:\n  sudo ${installCommand(missing)}`);
  else console.log(`Not on this machine, and some tests need it: ${missing.join(', ')}.`);
}

/** The test files of a path below test/, as paths from the project's folder. */
function testFiles(path) {
  const full = join(root, path);
  if (!existsSync(full)) fail(`There is no ${path}.`);
  if (!statSync(full).isDirectory()) return [relative(root, full)];
  return readdirSync(full, { recursive: true })
    .filter((name) => name.endsWith('.test.ts'))
    .sort()
    .map((name) => join(relative(root, full), name));
}

/**
 * tap compiles its plugins into its own package. A fresh install holds the standard set, and the first run
 * would replace it too late for itself: so it is built here when it differs from what package.json asks for.
 */
function prepareRunner() {
  const built = readFileSync(join(root, 'node_modules/@tapjs/test/test-built/dist/esm/index.js'), 'utf8');
  const plugins = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).tap?.plugin ?? [];
  const isBuilt = (plugin) => built.includes(`from "${plugin}"`);
  if (plugins.every((plugin) => (plugin.startsWith('!') ? !isBuilt(plugin.slice(1)) : isBuilt(plugin))))
    return;
  console.log('Preparing the test runner (tap build) …');
  runInstalled('tap/dist/esm/run.mjs', ['build']);
}

function compiled(file) {
  return join('dist', file.replace(/\.ts$/, '.js'));
}

/** The files that take longest are begun first, so that none of them is at work alone at the end. */
function slowFirst(names) {
  const slow = [
    'test/container/dockerfile.test.ts',
    'test/forward/memory.test.ts',
    'test/redis/dead-holder.test.ts',
    'test/login/tabs-browser.test.ts',
    'test/redis/in-flight-redis.test.ts',
    'test/estate/adopt.test.ts',
    'test/listen/silence.test.ts',
    'test/listen/shutdown.test.ts',
    'test/logout/sign-out.test.ts',
    'test/scripts/start.test.ts',
    'test/scripts/test-runner.test.ts',
    'test/attack/readers/readers.test.ts',
    'test/redis/outage.test.ts',
    'test/demo/command.test.ts',
    'test/providers/glewlwyd.test.ts',
    'test/providers/lemonldap-ng.test.ts',
  ];
  return [...slow.filter((name) => names.includes(name)), ...names.filter((name) => !slow.includes(name))];
}

/** Most tests wait for sockets and programs more than they compute. */
function jobs() {
  const given = Number(process.env.SALLYPORT_TEST_JOBS);
  if (given > 0) return given;
  return Math.min(availableParallelism() * 2, 8);
}
