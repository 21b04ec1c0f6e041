import { test } from 'tap';
import { checkTree } from './check-tree.ts';

test('files that import each other in one direction are allowed', async (t) => {
  const files = {
    'a.ts': "import { b } from './folder/b.ts';\nimport { c } from './c.ts';\n",
    'folder/b.ts': "import type { C } from '../c.ts';\n",
    'c.ts': 'export type C = 1;\nexport const c = 1;\n',
  };
  t.same(await checkTree(t, 'check-cycles', files), { status: 0, found: [] });
});

test('each cycle is printed whole, the shortest first, those of types and re-exports included', async (t) => {
  const { status, found } = await checkTree(t, 'check-cycles', {
    'one.ts': "import { two } from './two.ts';\n",
    'two.ts': "export { three } from './folder/three.ts';\n",
    'folder/three.ts': "type One = import('../one.ts').One;\n",
    'x.ts': "import type { Y } from './y.ts';\n",
    'y.ts': "const x = await import('./x.ts');\n",
    'beside.ts': "import { x } from './x.ts';\n",
  });
  t.equal(status, 1);
  t.same(found, [
    'a cycle of 2: src/x.ts -> src/y.ts -> src/x.ts',
    'a cycle of 3: src/folder/three.ts -> src/one.ts -> src/two.ts -> src/folder/three.ts',
  ]);
});

test('a file that imports itself is a cycle, and two cycles with one import in common are told one by one', async (t) => {
  const { found } = await checkTree(t, 'check-cycles', {
    'self.ts': "import { a } from './self.ts';\n",
    'a.ts': "import './b.ts';\n",
    'b.ts': "import './a.ts';\nimport './c.ts';\n",
    'c.ts': "import './a.ts';\n",
  });
  t.same(found, [
    'a cycle of 1: src/self.ts -> src/self.ts',
    'a cycle of 2: src/a.ts -> src/b.ts -> src/a.ts',
  ]);
});
