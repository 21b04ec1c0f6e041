import { asciiJson, plainText } from './header-text.ts';

interface FilterRow {
  /** What stands behind the bar, as in `{claims.groups|json}`. */
  name: string;
  /** Gives visible ASCII. */
  apply(value: unknown): string;
}

/** Every filter of header templates. The parser, the compiler and docs/headers.md have them from here. */
export const templateFilters = [
  { name: 'base64', apply: (value) => Buffer.from(plainText(value), 'utf8').toString('base64') },
  { name: 'uri', apply: (value) => encodeURIComponent(plainText(value).toWellFormed()) },
  { name: 'json', apply: asciiJson },
] as const satisfies readonly FilterRow[];

export type TemplateFilter = (typeof templateFilters)[number]['name'];

const byName: ReadonlyMap<string, FilterRow> = new Map(templateFilters.map((row) => [row.name, row]));

export function filterNamed(name: TemplateFilter): FilterRow['apply'] {
  const row = byName.get(name);
  if (row === undefined) throw new Error(`no filter of header templates has the name ${name}`);
  return row.apply;
}
