import { readFileSync, writeFileSync } from 'node:fs';

/**
 * Puts into package-lock.json the optional packages of other platforms that npm has left out.
 *
 * npm drops such an entry when the registry in use does not serve it (mirrors often carry one platform
 * only), and then `npm ci` refuses the whole file as out of step. Run this after each `npm install` that
 * changed the lock file; without gaps it changes nothing.
 *
 *     node scripts/complete-lock-file.mjs [package-lock.json]
 */

const operatingSystems = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32'];
const processors = ['arm', 'arm64', 'ia32', 'ppc64', 'riscv64', 's390x', 'x64'];

/** What `@scope/name-linux-arm64-musl` says of itself: npm installs it where os, cpu and libc fit. */
function platformOf(name) {
  const words = name.split('/').at(-1).split('-');
  const os = words.filter((word) => operatingSystems.includes(word));
  const cpu = words.filter((word) => processors.includes(word));
  if (os.length === 0 || cpu.length === 0) return undefined;
  const libc = words.some((word) => word.startsWith('musl'))
    ? { libc: ['musl'] }
    : words.some((word) => word.startsWith('gnu'))
      ? { libc: ['glibc'] }
      : {};
  return { cpu, libc, os };
}

/** Whether a package at `from` finds `name` as Node's resolution does: beside itself or further up. */
function isLocked(packages, from, name) {
  for (let place = from; ; place = place.slice(0, place.lastIndexOf('/node_modules/'))) {
    if (packages[`${place}/node_modules/${name}`]) return true;
    if (!place.includes('/node_modules/')) return packages[`node_modules/${name}`] !== undefined;
  }
}

const file = process.argv[2] ?? new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(file, 'utf8'));
const added = [];
for (const [place, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (isLocked(lock.packages, place, name)) continue;
    const platform = platformOf(name);
    if (!platform || !/^\d+\.\d+\.\d+/.test(version)) {
      throw new Error(`${place} wants ${name}@${version}, and its platform cannot be told from its name.`);
    }
    const { cpu, libc, os } = platform;
    const dev = entry.dev ? { dev: true } : {};
    lock.packages[`node_modules/${name}`] = { version, cpu, ...dev, ...libc, optional: true, os };
    added.push(`${name}@${version}`);
  }
}
if (added.length > 0) {
  // The order that npm itself writes, so that its next run changes nothing.
  const sorted = Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, 'en'));
  writeFileSync(file, `${JSON.stringify({ ...lock, packages: Object.fromEntries(sorted) }, null, 2)}\n`);
}
console.log(added.length > 0 ? `Added ${added.join(', ')}.` : 'Nothing is missing.');
