import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './prepare.mjs';

/**
 * Writes the table of a run into a page of the documentation, in place of the one that was there.
 * @param page from the project's folder, such as `docs/faults.md`
 * @param command what made it, such as `npm run faults`, as the mark in front of the place says
 */
export function writeTable(page, command, table) {
  const file = join(root, page);
  const text = readFileSync(file, 'utf8');
  const mark = `<!-- written by \`${command}\` -->\n`;
  const start = text.indexOf(mark);
  const end = text.indexOf('<!-- end -->', start);
  if (start < 0 || end < 0) throw new Error(`${page} has no place for the table of ${command}`);
  writeFileSync(file, `${text.slice(0, start)}${mark}\n${table}\n\n${text.slice(end)}`);
}
