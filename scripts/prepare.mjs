import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * What a fresh clone needs before anything of it can run: its dependencies and its compiled code. Each step
 * says one line when it has something to do, and nothing otherwise. Node's own modules only, since nothing
 * else is there yet.
 */

/** The project's folder, where package.json is. */
export const root = fileURLToPath(new URL('..', import.meta.url));

const stamp = join(root, 'dist', '.built');

/** Runs a command in the project's folder; shows its output and ends this process when it fails. */
export function run(command, args, { env = process.env } = {}) {
  const result = spawnSync(command, args, {
    cwd: root,
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 64 * 1024 * 1024,
  });
  if (result.status === 0) return;
  process.stderr.write(`${result.stdout ?? ''}${result.stderr ?? ''}`);
  console.error(`${[command, ...args].join(' ')}: ${result.error?.message ?? 'failed'}`);
  process.exit(result.status || 1);
}

/** Runs the JavaScript file of a package's command with this very Node. */
export function runInstalled(file, args) {
  run(process.execPath, [join(root, 'node_modules', file), ...args]);
}

/** Installs exactly what package-lock.json names, unless node_modules holds just that already. */
export function installDependencies() {
  if (isInstalled()) return;
  console.error('Installing dependencies (npm ci) …');
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  // Under npm its own path is known; started by hand, the one on the PATH is taken.
  const npm = process.env.npm_execpath;
  if (npm?.endsWith('.js')) run(process.execPath, [npm, ...args]);
  else run('npm', args);
}

/**
 * Compares package-lock.json with the copy that npm leaves beside the packages as its last step. Times alone
 * would not do: an install without development dependencies is newer than the lock file too.
 */
function isInstalled() {
  const hidden = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(hidden)) return false;
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const ownOptional = Object.keys(wanted[''].optionalDependencies ?? {}).map(
    (name) => `node_modules/${name}`,
  );
  const present = JSON.parse(readFileSync(hidden, 'utf8')).packages;
  return Object.entries(wanted).every(([place, entry]) => {
    if (place === '') return true;
    // Optional packages for other platforms are rightly absent; one that this project names itself is not.
    if (!present[place]) return entry.optional === true && !ownOptional.includes(place);
    return present[place].version === entry.version && present[place].integrity === entry.integrity;
  });
}

/** Compiles src and test into dist, unless dist is newer than every file of the folders given. */
export function build(folders) {
  const inputs = [join(root, 'tsconfig.json'), ...folders.map((folder) => join(root, folder))];
  const built = existsSync(stamp) ? statSync(stamp).mtimeMs : 0;
  if (built > Math.max(...inputs.map(newest))) return;
  console.error('Compiling (tsc) …');
  // The time before the compiler reads: what is saved while it runs counts as newer.
  const started = new Date();
  runInstalled('typescript/bin/tsc', []);
  mkdirSync(join(root, 'dist'), { recursive: true });
  writeFileSync(stamp, '');
  utimesSync(stamp, started, started);
}

/** The latest change below a path in milliseconds; a folder's own time tells of files that were removed. */
function newest(path) {
  if (!existsSync(path)) return 0;
  const { mtimeMs } = statSync(path);
  if (!statSync(path).isDirectory()) return mtimeMs;
  return Math.max(mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))));
}
