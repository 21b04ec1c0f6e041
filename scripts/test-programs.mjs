import { accessSync, constants, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { run } from './prepare.mjs';

/** The programs that tests start, by the Debian package that brings each. */
const programs = [
  { package: 'chromium', command: 'chromium' },
  { package: 'nginx-light', command: 'nginx' },
  { package: 'apache2', command: 'apache2' },
  { package: 'caddy', command: 'caddy' },
  { package: 'haproxy', command: 'haproxy' },
  { package: 'dnsmasq-base', command: 'dnsmasq' },
  { package: 'varnish', command: 'varnishd' },
  { package: 'lighttpd', command: 'lighttpd' },
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
  { package: 'glewlwyd', command: 'glewlwyd' },
  { package: 'sqlite3', command: 'sqlite3' },
  { package: 'lemonldap-ng-fastcgi-server', command: 'llng-fastcgi-server' },
  { package: 'liblemonldap-ng-portal-perl', file: '/usr/share/perl5/Lemonldap/NG/Portal.pm' },
  // What its portal recommends, as far as OpenID Connect needs it.
  ...[
    'crypt-openssl-bignum',
    'crypt-openssl-rsa',
    'email-sender',
    'io-string',
    'mime-tools',
    'string-random',
  ].map((name) => ({ package: `lib${name}-perl`, isLibrary: true })),
  { package: 'fonts-dejavu-core', file: '/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf' },
];

/** The Debian packages whose programs are not on this machine; of those that the tests need, or of others. */
export function missingPackages(needed = programs) {
  return needed.filter((program) => !isPresent(program)).map((program) => program.package);
}

function isPresent({ package: name, command, file, isLibrary }) {
  if (file) return existsSync(file);
  if (isLibrary) return installedPackages().has(name);
  // Servers live in /usr/sbin, which is on root's PATH only.
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders.some((folder) => isExecutable(join(folder, command)));
}

/** Libraries lie in folders of the machine's architecture, so Debian's own list is asked. */
function installedPackages() {
  const folder = '/var/lib/dpkg/info';
  const files = existsSync(folder) ? readdirSync(folder) : [];
  return new Set(files.flatMap((file) => /^([^:]+)(?::\w+)?\.list$/.exec(file)?.[1] ?? []));
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
