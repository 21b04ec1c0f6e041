import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';

const projectRoot = fileURLToPath(new URL('../../..', import.meta.url));
const lockFile = join(projectRoot, 'package-lock.json');

interface Entry {
  version?: string;
  dev?: boolean;
  hasInstallScript?: boolean;
  optionalDependencies?: Record<string, string>;
  os?: string[];
  cpu?: string[];
  libc?: string[];
}

const packagesOf = (file: string): Record<string, Entry> => JSON.parse(readFileSync(file, 'utf8')).packages;
const packages = packagesOf(lockFile);

const complete = (file: string) =>
  execFileSync(process.execPath, [join(projectRoot, 'scripts/complete-lock-file.mjs'), file], {
    encoding: 'utf8',
  });

test('no package that the gateway runs with has an install script', async (t) => {
  const atRunTime = Object.entries(packages).filter(([place, { dev }]) => place !== '' && !dev);
  t.ok(atRunTime.length > 20, `${atRunTime.length} packages`);
  t.same(
    atRunTime.filter(([, { hasInstallScript }]) => hasInstallScript).map(([place]) => place),
    [],
  );
});

test('the lock file names the packages of every platform, so that npm ci accepts it', async (t) => {
  const copy = join(t.testdir(), 'package-lock.json');
  copyFileSync(lockFile, copy);
  t.equal(complete(copy), 'Nothing is missing.\n', 'else run: node scripts/complete-lock-file.mjs');
});

test('what npm left out of a lock file is put back with its platform', async (t) => {
  const file = join(t.testdir(), 'package-lock.json');
  const platforms = {
    '@tool/linux-x64-gnu': '1.2.3',
    '@tool/linux-arm64-musl': '1.2.3',
    '@tool/win32-ia32-msvc': '1.2.3',
  };
  writeFileSync(
    file,
    JSON.stringify({
      lockfileVersion: 3,
      packages: {
        '': { name: 'small' },
        'node_modules/@tool/linux-x64-gnu': { version: '1.2.3', optional: true },
        'node_modules/tool': { version: '1.2.3', dev: true, optionalDependencies: platforms },
      },
    }),
  );
  complete(file);
  const { '': _, ...found } = packagesOf(file);
  t.same(Object.keys(found), [
    'node_modules/@tool/linux-arm64-musl',
    'node_modules/@tool/linux-x64-gnu',
    'node_modules/@tool/win32-ia32-msvc',
    'node_modules/tool',
  ]);
  t.same(found['node_modules/@tool/linux-arm64-musl'], {
    version: '1.2.3',
    cpu: ['arm64'],
    dev: true,
    libc: ['musl'],
    optional: true,
    os: ['linux'],
  });
  t.same(found['node_modules/@tool/win32-ia32-msvc']?.os, ['win32']);
});

test('the lock file names no registry', async (t) => {
  t.notMatch(readFileSync(lockFile, 'utf8'), /"resolved": "http/);
});
