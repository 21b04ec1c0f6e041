import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The names that routes and paths are made of; `task` has letters that foreign ones fold to. */
export const names = ['a', 'pub', 'admin', 'task'] as const;

const depth = 3;

/** Every place of the tree, deepest first: `/a/a/a`, …, `/task`. */
export const places: readonly string[] = placesBelow('', depth);

function placesBelow(base: string, levels: number): string[] {
  if (levels === 0) return [];
  return names.flatMap((name) => [...placesBelow(`${base}/${name}`, levels - 1), `${base}/${name}`]);
}

/**
 * Writes a tree of files for servers that serve a folder: in each place an `index.html` and an `f`, which say
 * where they stand.
 */
export async function writeTree(folder: string): Promise<void> {
  // The gateway's own endpoints are no files, but a server that looks in the folder above should not find that.
  for (const place of ['', '/oauth2', ...places]) {
    await mkdir(join(folder, place), { recursive: true });
    await writeFile(join(folder, place, 'index.html'), `${place}/`);
    await writeFile(join(folder, place, 'f'), `${place}/f`);
  }
}
