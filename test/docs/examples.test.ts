import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { parse, stringify } from 'yaml';
import { configJsonSchema } from '../../src/config/json-schema.ts';
import { parseConfig } from '../../src/config/load.ts';
import { blocksOf, projectRoot, readPages } from './documents.ts';
import { keysOf, switchedOn } from './example.ts';

type Keys = Record<string, unknown>;

const minimal = readFileSync(join(projectRoot, 'config/minimal.yaml'), 'utf8');
const example = readFileSync(join(projectRoot, 'config/sallyport.yaml'), 'utf8');
const schema = configJsonSchema();

/** Every variable that a text names, set to a value that does wherever it stands. */
function environmentOf(text: string): NodeJS.ProcessEnv {
  const names = [...text.matchAll(/\$\{([A-Za-z_]\w*)\}/g)].map(([, name]) => String(name));
  return Object.fromEntries(names.map((name) => [name, randomBytes(32).toString('base64')]));
}

/** Reads a configuration as the gateway would; only secret files are somewhere else. */
function read(text: string, folder: string) {
  const secretFile = join(folder, 'secret');
  writeFileSync(secretFile, `${randomBytes(32).toString('base64')}\n`);
  const reachable = text.replace(/\$\{file:[^}]+\}/g, () => `\${file:${secretFile}}`);
  return parseConfig(reachable, { file: 'example.yaml', env: environmentOf(text) });
}

/** A fragment, completed with the smallest configuration. */
function completed(fragment: Keys): Keys {
  const base = parse(minimal) as Keys;
  if (fragment.routes !== undefined && fragment.upstream === undefined) delete base.upstream;
  return merge(base, fragment);
}

function merge(base: Keys, over: Keys): Keys {
  const merged = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key];
    merged[key] = isMap(below) && isMap(value) ? merge(below, value) : value;
  }
  return merged;
}

const isMap = (value: unknown): value is Keys =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isWhole = (keys: Keys) =>
  [
    ['publicUrl', 'provider', 'session'],
    ['publicUrl', 'bearer'],
  ].some((needed) => needed.every((key) => key in keys));

test('every configuration that the documentation shows is valid', async (t) => {
  const blocks = readPages()
    .flatMap(blocksOf)
    .filter(({ info }) => info === 'yaml');
  t.ok(blocks.length > 10, `${blocks.length} blocks`);
  const problems: string[] = [];
  for (const { page, line, text } of blocks) {
    const keys = parse(text) as Keys;
    try {
      read(isWhole(keys) ? text : stringify(completed(keys)), t.testdir());
    } catch (error) {
      problems.push(`${page}, block at line ${line}: ${(error as Error).message}`);
    }
  }
  t.strictSame(problems, []);
});

test('the smallest configuration of the README is the file config/minimal.yaml', async (t) => {
  const readme = readPages().find(({ path }) => path === 'README.md');
  const shown = readme ? blocksOf(readme).map(({ text }) => text) : [];
  t.ok(shown.includes(minimal));
});

test('the example files are valid as they are, without a warning', async (t) => {
  for (const text of [minimal, example]) t.strictSame(read(text, t.testdir()).warnings, []);
});

/** The paths that a document gives. */
function pathsOf(value: unknown, path = ''): Set<string> {
  const below: [string, unknown][] = Array.isArray(value)
    ? value.map((item) => ['[]', item])
    : isMap(value)
      ? Object.entries(value)
      : [];
  const paths = new Set<string>();
  for (const [key, inner] of below) {
    const here = path === '' ? key : `${path}.${key}`;
    paths.add(here);
    for (const found of pathsOf(inner, here)) paths.add(found);
  }
  return paths;
}

test('the example shows every key of the schema, and its commented keys are valid together', async (t) => {
  const whole = switchedOn(example);
  const shown = pathsOf(parse(whole));
  // Each preset has parameters of its own: docs/presets.md shows them.
  const isParameter = (key: string) => key.startsWith('provider.preset.');
  const missing = [...keysOf(schema)].filter((key) => !shown.has(key) && !isParameter(key));
  t.strictSame(missing, []);
  t.doesNotThrow(() => read(whole, t.testdir()));
});

test('the first line of the example tells editors where the schema is', async (t) => {
  t.equal(example.split('\n')[0], '# yaml-language-server: $schema=./sallyport.schema.json');
});
