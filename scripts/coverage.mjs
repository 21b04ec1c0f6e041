import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './prepare.mjs';

/**
 * `npm run coverage`: runs the tests, or those of the paths given, and prints how much of src they went through, for
 * each folder. Gateways that tests start as processes of their own count too, but for those that are killed.
 */
const folder = mkdtempSync(join(tmpdir(), 'sallyport-coverage-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const tests = spawnSync(process.execPath, [join(root, 'scripts/test.mjs'), ...process.argv.slice(2)], {
  env: { ...process.env, NODE_V8_COVERAGE: folder },
  stdio: 'inherit',
});
for (const name of readdirSync(folder)) keepOwn(join(folder, name));
// Loaded late: it needs an installed package.
const { Report } = await import('c8');
const report = Report({
  tempDirectory: folder,
  reporter: [],
  include: ['src/**'],
  // Files that no test loads count as well.
  all: true,
  src: join(root, 'src'),
  extension: ['.ts', '.js'],
  excludeAfterRemap: true,
  resolve: '',
  mergeAsync: true,
});
print(await report.getCoverageMapFromAllCoverageFiles());
process.exitCode = tests.status ?? 1;

/** Leaves the project's own code in what a process wrote. One that was killed may leave half a file. */
function keepOwn(file) {
  const own = pathToFileURL(join(root, 'dist/src/')).href;
  try {
    const { result, 'source-map-cache': maps = {} } = JSON.parse(readFileSync(file, 'utf8'));
    writeFileSync(
      file,
      JSON.stringify({
        result: result.filter(({ url }) => url.startsWith(own)),
        'source-map-cache': Object.fromEntries(Object.entries(maps).filter(([url]) => url.startsWith(own))),
      }),
    );
  } catch {
    rmSync(file);
  }
}

function print(coverage) {
  const folders = new Map();
  const total = { lines: [0, 0], branches: [0, 0] };
  for (const path of coverage.files()) {
    const [, name] = relative(root, path).split('/');
    const sums = folders.get(name) ?? { lines: [0, 0], branches: [0, 0] };
    folders.set(name, sums);
    const found = coverage.fileCoverageFor(path).toSummary();
    for (const sum of [sums, total]) {
      for (const kind of ['lines', 'branches']) {
        sum[kind][0] += found[kind].covered;
        sum[kind][1] += found[kind].total;
      }
    }
  }
  console.log(`\n${'src'.padEnd(20)}${'lines'.padStart(10)}${'branches'.padStart(10)}`);
  for (const [name, sums] of [...[...folders].sort(([a], [b]) => (a < b ? -1 : 1)), ['in total', total]])
    console.log(`${name.padEnd(20)}${percent(sums.lines)}${percent(sums.branches)}`);
}

function percent([covered, all]) {
  return `${all === 0 ? '-' : `${((100 * covered) / all).toFixed(1)} %`}`.padStart(10);
}
