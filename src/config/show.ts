import { configJsonSchema, schemaAt } from './json-schema.ts';
import type { ConfigPath } from './problems.ts';
import type { Config } from './schema/index.ts';
import { mask } from './secrets.ts';

const shortestTold = 8;

/** Where something secret may be a part of a text: in addresses and in what is filled into headers. */
const mayHold = (text: string, path: ConfigPath): boolean =>
  text.includes('://') ||
  path.includes('headers') ||
  path.includes('responseHeaders') ||
  path.includes('basicAuth');

/**
 * A configuration as plain JSON, for people: what stands at a secret key is masked, and wherever else the text of a
 * secret stands, such as the password in an address or what was filled into a header template, that text is.
 */
export function showConfig({ secrets, ...config }: Config): unknown {
  const schema = configJsonSchema();
  // The longer ones first: one may be a part of another.
  const texts = secrets.filter((secret) => secret !== '').sort((one, other) => other.length - one.length);
  const shown = (text: string, path: ConfigPath) =>
    texts
      // A word of few letters stands in others by chance, and would be told by what is missing there.
      .filter(({ length }) => length >= shortestTold || mayHold(text, path))
      .reduce((masked, secret) => masked.replaceAll(secret, mask), text);
  const show = (value: unknown, path: ConfigPath): unknown => {
    // Of a store, which one it is may be known.
    if (typeof value === 'string')
      return isSecret(path) && path.at(-1) !== 'kind' ? mask : shown(value, path);
    if (typeof value !== 'object' || value === null) return value;
    // No key holds bytes but those of secrets.
    if (ArrayBuffer.isView(value)) return mask;
    if (value instanceof Set) return show([...value], path);
    if (value instanceof Map) return show(Object.fromEntries(value), path);
    if (value instanceof RegExp) return value.source;
    if (Array.isArray(value)) return value.map((item, at) => show(item, [...path, at]));
    return Object.fromEntries(
      Object.entries(value).map(([key, below]) => [key, show(below, [...path, key])]),
    );
  };
  const isSecret = (path: ConfigPath): boolean =>
    path.some((_step, at) => schemaAt(schema, path.slice(0, at + 1))?.secret === true);
  return show(config, []);
}
