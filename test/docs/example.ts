import { configJsonSchema, type JsonSchema, listForm, members } from '../../src/config/json-schema.ts';

/** The example with each key that is commented out switched on: `# key: value` and `# - item`. */
export function switchedOn(text: string): string {
  const names = [...keysOf(configJsonSchema())].map((path) => path.split('.').at(-1));
  return text.replace(/^( *)# (?:([A-Za-z]+):(?: .*)?|- \S*)$/gm, (line, indent: string, key?: string) =>
    key === undefined || names.includes(key) ? indent + line.trim().slice(2) : line,
  );
}

/** The path of every key of a schema, list items as `[]`. */
export function keysOf(object: JsonSchema, path = ''): Set<string> {
  const keys = new Set<string>();
  for (const [name, member] of members(object)) {
    const here = path === '' ? name : `${path}.${name}`;
    keys.add(here);
    const items = listForm(member)?.items;
    const below = items?.properties ? keysOf(items, `${here}.[]`) : keysOf(member, here);
    for (const key of below) keys.add(key);
  }
  return keys;
}
