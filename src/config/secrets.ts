import type { Filled } from './interpolate.ts';
import { type JsonSchema, schemaAt } from './json-schema.ts';
import type { ConfigPath } from './problems.ts';

/** What stands in the place of a secret wherever a configuration is shown. */
export const mask = '***';

/**
 * Whether the value at a path is a header template or a part of basicAuth. What `${}` puts into one is a secret until
 * the contrary is known, while addresses and names that come in the same way have to stay readable.
 */
export function isTemplatePath(path: ConfigPath): boolean {
  const keys = path[0] === 'routes' ? path.slice(2) : path;
  const [key] = keys;
  return keys.length === 2 && (key === 'headers' || key === 'responseHeaders' || key === 'basicAuth');
}

/**
 * The texts of a configuration that must be in no log and on no page: the values of secret keys, the passwords of
 * addresses, and what was filled into templates.
 * @param document what the file and the environment say, with everything filled in
 */
export function secretsOf(document: unknown, schema: JsonSchema, filled: readonly Filled[]): string[] {
  const texts = new Set(textsOfSecretKeys(document, schema, []));
  for (const { path, values } of filled) {
    // A stage or a region is a plain word, and would be blanked in every sentence.
    for (const value of values)
      if (isTemplatePath(path) && !/^[A-Za-z]?[a-z]*$/.test(value)) texts.add(value);
  }
  return [...texts];
}

function textsOfSecretKeys(value: unknown, schema: JsonSchema, path: ConfigPath): string[] {
  if (path.length > 0 && schemaAt(schema, path)?.secret) return textsIn(value);
  if (Array.isArray(value))
    return value.flatMap((item, at) => textsOfSecretKeys(item, schema, [...path, at]));
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, below]) => textsOfSecretKeys(below, schema, [...path, key]));
}

function textsIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(textsIn);
  // A template of a claim is no secret, and what it gives is nobody's here.
  if (typeof value !== 'string' || value.includes('{')) return [];
  if (!/^[a-z][a-z+]*:\/\//.test(value)) return [value];
  const password = /^[^/]*\/\/[^@/]*?:([^@/]*)@/.exec(value)?.[1];
  return password === undefined ? [] : [password, decoded(password)];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
