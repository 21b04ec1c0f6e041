import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'tap';
import { parse } from 'yaml';
import { parseConfig } from '../../src/config/load.ts';
import { publishedJsonSchema } from '../../src/config/published-schema.ts';
import { configSchema } from '../../src/config/schema/index.ts';
import { projectRoot } from '../docs/documents.ts';
import { switchedOn } from '../docs/example.ts';

type Validate = (document: unknown) => boolean;

/** The validator of JSON Schema that Fastify brings along. */
const { resolve } = createRequire(import.meta.url);
const { Ajv2020 } = createRequire(resolve('fastify'))('ajv/dist/2020.js') as {
  Ajv2020: new (options: object) => { compile(schema: object): Validate };
};
const schema = publishedJsonSchema();
const validates = new Ajv2020({ strict: false }).compile(schema);

const example = readFileSync(join(projectRoot, 'config/sallyport.yaml'), 'utf8');
/** Every key of the configuration, with a value that does. */
const whole: Record<string, unknown> = parse(
  switchedOn(example).replace(/\$\{[^}]+\}/g, () => randomBytes(32).toString('base64')),
);

type Path = readonly (string | number)[];

function* placesIn(value: unknown, path: Path = []): Generator<Path> {
  if (path.length > 0) yield path;
  if (value === null || typeof value !== 'object') return;
  for (const [key, inner] of Object.entries(value))
    yield* placesIn(inner, [...path, Array.isArray(value) ? Number(key) : key]);
}

/** A copy with another value at a place. */
function withValue(document: unknown, [step, ...rest]: Path, value: unknown): unknown {
  if (step === undefined) return value;
  const copy: unknown[] | Record<string, unknown> = Array.isArray(document)
    ? [...document]
    : { ...(document as object) };
  const at = copy as Record<string | number, unknown>;
  at[step] = withValue(at[step], rest, value);
  return copy;
}

/** Every word that the schema knows, whatever for. */
function* wordsOf(part: unknown): Generator<unknown> {
  if (part === null || typeof part !== 'object') return;
  const { const: only, enum: several } = part as { const?: unknown; enum?: unknown };
  if (only !== undefined) yield only;
  // A long list is one kind of word.
  if (Array.isArray(several)) yield* several.slice(0, 2);
  for (const inner of Object.values(part)) yield* wordsOf(inner);
}

const usual = [
  ...[
    true,
    false,
    'true',
    'false',
    'on',
    'off',
    'yes',
    'no',
    null,
    '',
    0,
    1,
    2,
    0.5,
    -1,
    1.5,
    401,
    503,
    64,
    65,
  ],
  ...['0', '1', '2', '0.5', '1.5', '401', '503', '5xx', '64', '1e3', '30s', '10MiB', '50%', 'stdout', 'auto'],
  ...[
    '127.0.0.1:80',
    'unix:/run/a',
    '/a/b',
    'https://a.example',
    '*.example.com',
    'a',
    'a.b',
    'a b',
    '-',
    '*',
  ],
  ...[[], ['a'], [503], [true], ['503', 'a'], {}, { a: 'b' }, { stdout: true }, { url: 'http://a' }],
];
const candidates = [
  ...new Map([...usual, ...wordsOf(schema)].map((value) => [JSON.stringify(value), value])).values(),
];
/** One place for each key, whichever item of a list has it. */
const places = [
  ...new Map(
    [...placesIn(whole)].map((path) => [
      path.map((step) => (typeof step === 'number' ? '[]' : step)).join('.'),
      path,
    ]),
  ).values(),
];

/** The documents with one value at one place, of a key at the top with what is around that place. */
function* documents(): Generator<{ name: string; value: unknown; isValid: boolean; accepts(): boolean }> {
  for (const place of places) {
    const [top = '', ...rest] = place;
    const [at] = rest;
    // Of a list, the item in question is enough.
    const list = whole[top];
    const isItem = Array.isArray(list) && typeof at === 'number' && rest.length > 1;
    const around = isItem ? [list[at]] : list;
    const path = isItem ? [0, ...rest.slice(1)] : rest;
    for (const value of candidates) {
      const changed = withValue(around, path, value);
      const part = configSchema.shape[top as keyof typeof configSchema.shape];
      yield {
        name: `${place.join('.')}: ${JSON.stringify(value)}`,
        value,
        isValid: validates({ ...whole, [top]: changed }),
        accepts: () => part.safeParse(changed).success,
      };
    }
  }
}

test('the JSON Schema takes what the program takes, at every key, and of words and numbers nothing else', async (t) => {
  t.ok(validates(whole) && configSchema.safeParse(whole).success, 'the example with every key');
  t.ok(places.length > 200 && candidates.length > 80, `${places.length} places, ${candidates.length} values`);
  const missing: string[] = [];
  const more: string[] = [];
  for (const { name, value, isValid, accepts } of documents()) {
    // What a text has to be, or the members of a map together, the schema may leave to the program.
    const isLeft = typeof value === 'string' || (typeof value === 'object' && value !== null);
    if (isValid && isLeft) continue;
    if (isValid !== accepts()) (isValid ? more : missing).push(name);
  }
  t.strictSame(missing, [], 'everything that the program takes');
  t.strictSame(more, [], 'and no more');
});

test('it takes `${NAME}` wherever the program takes a text', async (t) => {
  const minimal = parse(readFileSync(join(projectRoot, 'config/minimal.yaml'), 'utf8')) as object;
  const values = {
    AUDIT: 'stdout',
    RELOAD: 'watch',
    WORKERS: '2',
    TRACING: 'off',
    FLAG: 'true',
    SHARE: '0.5',
  };
  const document = {
    ...minimal,
    audit: '${AUDIT}',
    reload: '${RELOAD}',
    workers: '${WORKERS}',
    tracing: '${TRACING}',
    logging: { level: '${LEVEL:-debug}', access: { sample: '${SHARE}' } },
    signOut: { requirePost: '${FLAG}' },
  };
  t.ok(validates(document));
  const secrets = ['OIDC_CLIENT_SECRET', 'SALLYPORT_SESSION_SECRET'].map((name) => [
    name,
    randomBytes(32).toString('base64'),
  ]);
  const env = { ...values, ...Object.fromEntries(secrets) };
  const { config } = parseConfig(JSON.stringify(document), { file: 'sallyport.json', env });
  t.match(config, { reload: 'watch', workers: 2, signOut: { requirePost: true } });
});
