import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';

/** Files of a source tree, by their paths in it. */
export type SourceTree = Readonly<Record<string, string>>;

interface Folder {
  [name: string]: Folder | string;
}

/** Runs one of the checks, such as `check-imports`, on a source tree; gives what it found, a line each. */
export function checkTree(t: Test, check: string, files: SourceTree) {
  const script = fileURLToPath(new URL(`../../../scripts/${check}.mjs`, import.meta.url));
  const tree: Folder = {};
  for (const [path, text] of Object.entries(files)) {
    const folders = path.split('/');
    const name = folders.pop() as string;
    let folder = tree;
    for (const each of folders) {
      folder[each] ??= {};
      folder = folder[each] as Folder;
    }
    folder[name] = text;
  }
  const { status, stderr } = spawnSync(process.execPath, [script, join(t.testdir({ src: tree }), 'src')], {
    encoding: 'utf8',
  });
  return { status, found: stderr.split('\n').filter((line) => line !== '') };
}
