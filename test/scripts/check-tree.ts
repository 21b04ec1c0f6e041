import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { format } from 'node:util';
import type { Test } from 'tap';

/** Files of a source tree, by their paths in it. */
export type SourceTree = Readonly<Record<string, string>>;

interface Folder {
  [name: string]: Folder | string;
}

let runs = 0;

/**
 * Runs one of the checks, such as `check-imports`, on a source tree; gives what it found, a line each. A check is a
 * script, which is loaded anew each time: in this process, as a process of its own takes far longer than the check.
 */
export async function checkTree(t: Test, check: string, files: SourceTree) {
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
  const { argv } = process;
  const { error } = console;
  const found: string[] = [];
  process.argv = [process.execPath, script, join(t.testdir({ src: tree }), 'src')];
  console.error = (...values) => void found.push(format(...values));
  try {
    await import(`${pathToFileURL(script).href}?run=${++runs}`);
    return { status: process.exitCode, found };
  } finally {
    process.exitCode = undefined;
    process.argv = argv;
    console.error = error;
  }
}
