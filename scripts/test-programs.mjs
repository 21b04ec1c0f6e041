import { accessSync, constants, existsSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { run } from './prepare.mjs';

/** The programs that tests start, by the Debian package that brings each. */
const programs = [
  { package: 'chromium', command: 'chromium' },
  { package: 'nginx-light', command: 'nginx' },
  { package: 'apache2', command: 'apache2' },
  { package: 'caddy', command: 'caddy' },
  { package: 'haproxy', command: 'haproxy' },
  { package: 'varnish', command: 'varnishd' },
  { package: 'lighttpd', command: 'lighttpd' },
  { package: 'squid', command: 'squid' },
  { package: 'lua-socket', file: '/usr/share/lua/5.3/socket.lua' },
  { package: 'php-cgi', command: 'php-cgi' },
  { package: 'php-cli', command: 'php' },
  { package: 'tomcat10', file: '/usr/share/tomcat10/bin/bootstrap.jar' },
  { package: 'ruby', command: 'ruby' },
  { package: 'ruby-webrick', file: '/usr/share/rubygems-integration/all/gems/webrick-1.8.1/lib/webrick.rb' },
  { package: 'python3', command: 'python3' },
  { package: 'redis-server', command: 'redis-server' },
  { package: 'openssl', command: 'openssl' },
  { package: 'logrotate', command: 'logrotate' },
  { package: 'systemd', command: 'systemd-analyze' },
  { package: 'procps', command: 'kill' },
  { package: 'prometheus', command: 'promtool' },
  { package: 'fonts-dejavu-core', file: '/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf' },
];

/** The Debian packages whose programs are not on this machine; of those that the tests need, or of others. */
export function missingPackages(needed = programs) {
  return needed.filter((program) => !isPresent(program)).map((program) => program.package);
}

function isPresent({ command, file }) {
  if (file) return existsSync(file);
  // Servers live in /usr/sbin, which is on root's PATH only.
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders.some((folder) => isExecutable(join(folder, command)));
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The command that installs them, for people to run. */
export function installCommand(packages) {
  return `apt-get install --no-install-recommends ${packages.join(' ')}`;
}

/** Whether this process can install Debian packages by itself. */
export function canInstall() {
  return process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');
}

/** Installs the packages, without starting the services that some of them bring. */
export function installPackages(packages, purpose = 'the tests') {
  console.log(`Installing programs for ${purpose} (${installCommand(packages)}) …`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  // invoke-rc.d asks this file before it starts a service: 101 forbids it. Tests start servers of their own,
  // and the packages' would hold ports 80 and 6379.
  const policy = '/usr/sbin/policy-rc.d';
  const ownPolicy = !existsSync(policy);
  if (ownPolicy) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  process.on('exit', () => ownPolicy && rmSync(policy, { force: true }));
  run('apt-get', ['update', '-q'], { env });
  run('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...packages], { env });
}
