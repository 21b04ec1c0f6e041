import { spawnSync } from 'node:child_process';

/** The version of a Debian package, without that of its packaging. */
export function debianVersion(name: string): string {
  const { stdout } = spawnSync('dpkg-query', ['-W', '-f', '${Version}', name], { encoding: 'utf8' });
  return (stdout ?? '').replace(/^\d+:/, '').replace(/[+-].*$/, '') || 'unknown';
}
