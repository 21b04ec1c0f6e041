import { blocksOf, type Page, readPages } from './documents.ts';

/** The cookbook, by the headings of its recipes; each is a page of its own here. */
export function recipes(): Map<string, Page> {
  const page = readPages().find(({ path }) => path === 'docs/cookbook.md');
  if (!page) throw new Error('there is no docs/cookbook.md');
  const sections = page.text.split(/^## /m).slice(1);
  return new Map(
    sections.map((text) => {
      const [heading = ''] = text.split('\n', 1);
      return [heading, { path: `${page.path}, ${heading}`, text }];
    }),
  );
}

/** One recipe of the cookbook. */
export function recipe(heading: string): Page {
  const found = recipes().get(heading);
  if (!found) throw new Error(`the cookbook has no recipe "${heading}"`);
  return found;
}

/** The one block of a recipe in a language. */
export function snippet(page: Page, info: string): string {
  const [found, ...more] = blocksOf(page).filter((block) => block.info === info);
  if (!found || more.length > 0) throw new Error(`${page.path}: there is no single block of ${info}`);
  return found.text;
}
