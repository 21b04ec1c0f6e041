import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Test, test } from 'tap';

const script = fileURLToPath(new URL('../../../scripts/check-imports.mjs', import.meta.url));

/** Runs the check on a source tree of these files. */
function check(t: Test, files: Record<string, string>) {
  const tree: Record<string, Record<string, string> | string> = {};
  for (const [path, text] of Object.entries(files)) {
    const [folder = '', name] = path.split('/');
    if (name === undefined) tree[folder] = text;
    else tree[folder] = { ...(tree[folder] as Record<string, string> | undefined), [name]: text };
  }
  const { status, stderr } = spawnSync(process.execPath, [script, join(t.testdir({ src: tree }), 'src')]);
  return {
    status,
    found: String(stderr)
      .split('\n')
      .filter((line) => line !== ''),
  };
}

const allowed: Record<string, string> = {
  'main.ts': "import { serve } from './commands/serve.ts';\nawait import('./commands/demo.ts');\n",
  'commands/serve.ts': "import { start } from '../gateway.ts';\n",
  'commands/demo.ts': "const { demo } = await import('../demo/run.ts');\n",
  'gateway.ts': "import { match } from './routes/table.ts';\nimport fastify from 'fastify';\n",
  'routes/table.ts':
    "import type { Config } from '../config/schema.ts';\nimport { fail } from '../errors.ts';\nimport { a } from './path.ts';\n",
  'routes/path.ts': 'export const a = 1;\n',
  'access/decide.ts': "import type { Route } from '../routes/table.ts';\n",
  'demo/run.ts': "import { fail } from '../errors.ts';\n",
  'errors.ts': "import { STATUS_CODES } from 'node:http';\n",
};

test('imports that point down, types of the configuration and leaves are allowed', async (t) => {
  t.same(check(t, allowed), { status: 0, found: [] });
});

const forbidden: [what: string, file: string, text: string, message: string][] = [
  [
    'an import that points up',
    'forward/transfer.ts',
    "\nimport { signIn } from '../identity/login.ts';\n",
    'src/forward/transfer.ts:2 imports ../identity/login.ts',
  ],
  [
    'a type import that points up',
    'forward/transfer.ts',
    "import type { Visit } from '../identity/visit.ts';\n",
    'identity is above forward',
  ],
  [
    'a value of the configuration below it',
    'routes/table.ts',
    "import {\n  a,\n  b,\n} from '../config/load.ts';\n",
    'config is above routes',
  ],
  [
    'an import for its side effects',
    'session/seal.ts',
    "import '../listen/server.ts';\n",
    'listen is above session',
  ],
  ['a re-export', 'session/seal.ts', "export * from '../listen/server.ts';\n", 'listen is above session'],
  [
    'a dynamic import that points up',
    'session/seal.ts',
    "const server = await import('../listen/server.ts');\n",
    'listen is above session',
  ],
  [
    'a value in the decision',
    'access/decide.ts',
    "import { page } from '../pages/html.ts';\n",
    'access imports nothing but types',
  ],
  [
    'a command used by another part',
    'gateway.ts',
    "import { serve } from './commands/serve.ts';\n",
    'only main imports commands',
  ],
  [
    'the demo loaded with everything else',
    'commands/demo.ts',
    "import { demo } from '../demo/run.ts';\n",
    'and that dynamically',
  ],
  [
    'the demo used elsewhere',
    'gateway.ts',
    "await import('./demo/run.ts');\n",
    'only commands/demo.ts imports demo',
  ],
  ['a leaf that imports', 'errors.ts', "import { a } from './routes/path.ts';\n", 'errors.ts is a leaf'],
  ['a way out of src', 'gateway.ts', "import { a } from '../test/support/a.ts';\n", 'nothing outside of src'],
  [
    'a folder that the order does not know',
    'gateway.ts',
    "import { a } from './helpers/a.ts';\n",
    'helpers has no place',
  ],
];

for (const [what, file, text, message] of forbidden) {
  test(`found and refused: ${what}`, async (t) => {
    const { status, found } = check(t, { ...allowed, [file]: text });
    t.equal(status, 1);
    t.equal(found.length, 1);
    t.match(found[0], message);
  });
}
