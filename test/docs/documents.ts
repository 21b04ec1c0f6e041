import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's folder; compiled tests run from dist/test/docs. */
export const projectRoot = fileURLToPath(new URL('../../../', import.meta.url));

/** A page of the documentation. */
export interface Page {
  /** From the project's folder, such as `docs/routes.md`. */
  path: string;
  text: string;
}

/** A fenced block of a page. */
interface Block {
  page: string;
  line: number;
  /** What stands behind the opening fence: `yaml`, `yaml compose`, `sh`. */
  info: string;
  text: string;
}

/** Every page that people read: those at the top and those below docs/. */
export function readPages(): Page[] {
  const below = readdirSync(join(projectRoot, 'docs'), { recursive: true, encoding: 'utf8' }).map((name) =>
    join('docs', name),
  );
  return [...readdirSync(projectRoot), ...below]
    .filter((path) => path.endsWith('.md'))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(projectRoot, path), 'utf8') }));
}

/** The fenced blocks of a page, in order. */
export function blocksOf({ path, text }: Page): Block[] {
  return [...text.matchAll(/^( *)```([^\n`]+)\n(.*?)^ *```$/gms)].map(
    ({ 1: indent = '', 2: info = '', 3: body = '', index }) => ({
      page: path,
      line: text.slice(0, index).split('\n').length,
      info: info.trim(),
      text: body.replace(new RegExp(`^${indent}`, 'gm'), ''),
    }),
  );
}

/** A page without its code, so that only prose is searched. */
export function proseOf({ text }: Page): string {
  return text.replace(/^ *```.*?^ *```$/gms, '').replace(/`[^`\n]*`/g, '');
}

/** The anchors that a page can be linked at: its headings, as GitHub names them. */
export function anchorsOf({ text }: Page): Set<string> {
  const headings = text.replace(/^ *```.*?^ *```$/gms, '').matchAll(/^#{1,6} (.*)$/gm);
  return new Set(
    [...headings].map(({ 1: heading = '' }) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replaceAll(' ', '-'),
    ),
  );
}
