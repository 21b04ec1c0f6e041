import fc from 'fast-check';
import { test } from 'tap';
import { stringify } from 'yaml';
import { parseConfig } from '../../src/config/load.ts';
import { ConfigError } from '../../src/config/problems.ts';

const env = { HOME: '/root' };

/** What the loader may do with any input: give a configuration, or explain; nothing else. */
function explains(text: string): boolean {
  try {
    parseConfig(text, { file: 'sallyport.yaml', env });
    return true;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.length > 0 && error.problems.every(({ message }) => /\S.*[.?]$/s.test(message));
  }
}

const keys = fc.constantFrom(
  'publicUrl',
  'upstream',
  'provider',
  'issuer',
  'clientId',
  'session',
  'secret',
  'cookie',
  'routes',
  'path',
  'headers',
  'listen',
  'tls',
  'admin',
  '__proto__',
  'constructor',
  'toString',
  '',
  '${X}',
  '0',
);
const leaves = fc.oneof(
  fc.string(),
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.constantFrom(
    '${HOME}',
    '${',
    '$${',
    '${file:/}',
    '{claims.',
    'https://x',
    '/a/../b',
    '30s',
    'off',
    'a:1',
  ),
);
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5 },
    leaves,
    fc.array(tie('tree'), { maxLength: 4 }),
    fc.dictionary(keys, tie('tree'), { maxKeys: 6, noNullPrototype: true }),
  ),
}));

test('random documents never get past the loader as anything but a configuration or an explanation', async (t) => {
  fc.assert(
    fc.property(tree, (document) => explains(JSON.stringify(document) ?? 'null')),
    { numRuns: 1500 },
  );
  fc.assert(
    fc.property(tree, (document) => explains(stringify(document))),
    { numRuns: 700 },
  );
  t.pass('2,200 documents');
});

test('random text never gets past the loader as anything but a configuration or an explanation', async (t) => {
  const pieces = fc.constantFrom(
    'publicUrl',
    ': ',
    '\n',
    '  ',
    '- ',
    '{',
    '}',
    '[',
    ']',
    '&a ',
    '*a',
    '!!binary ',
    '|',
    '>',
    '"',
    "'",
    '#',
    '<<: ',
    '? ',
    '%',
    '---\n',
    '\t',
    '\0',
    'é',
    '~',
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(pieces, fc.string({ maxLength: 4 })), { maxLength: 40 }), (parts) =>
      explains(parts.join('')),
    ),
    { numRuns: 3000 },
  );
  t.pass('3,000 texts');
});

test('a document that would unfold to gigabytes is refused', async (t) => {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
  for (let depth = 1; depth < 12; depth++) {
    lines.push(
      `a${depth}: &a${depth} [${Array(10)
        .fill(`*a${depth - 1}`)
        .join(', ')}]`,
    );
  }
  t.ok(explains(lines.join('\n')));
});
