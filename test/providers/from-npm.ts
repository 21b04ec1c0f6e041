import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Child, startChild } from '../support/child.ts';

/** Packages in a folder of their own, beside those of the project. */
export interface FromNpm {
  folder: string;
  /** Installs what is not there yet; gives what to do where that fails. */
  prepare(): string | undefined;
  /** The version of the package that the provider goes by. */
  version(name: string): string;
  /** Runs a program that imports them. @param text of the module */
  run(file: string, text: string, port: number): Promise<Child>;
}

/** @param packages as `npm install` takes them, such as `example@1` */
export function fromNpm(name: string, packages: readonly string[]): FromNpm {
  const folder = join(tmpdir(), 'sallyport-providers', name);
  const placeOf = (each: string) => join(folder, 'node_modules', each.replace(/(.)@.*$/, '$1'));
  return {
    folder,
    prepare() {
      if (packages.every((each) => existsSync(placeOf(each)))) return undefined;
      mkdirSync(folder, { recursive: true });
      const options = [
        '--prefix',
        folder,
        '--no-save',
        '--ignore-scripts',
        '--no-audit',
        '--no-fund',
        '--legacy-peer-deps',
      ];
      const { status, stderr } = spawnSync('npm', ['install', ...options, ...packages], { encoding: 'utf8' });
      return status === 0 ? undefined : `npm install ${packages.join(' ')} failed: ${stderr.slice(-500)}`;
    },
    version: (each) =>
      (JSON.parse(readFileSync(join(placeOf(each), 'package.json'), 'utf8')) as { version: string }).version,
    run(file, text, port) {
      const path = join(folder, file);
      writeFileSync(path, text);
      return startChild(process.execPath, [path], { cwd: folder, ready: port, readyWithin: 30_000 });
    },
  };
}
