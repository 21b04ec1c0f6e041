import fc from 'fast-check';
import { test } from 'tap';
import { withAccess } from '../../src/access/decide.ts';
import { parseConfig } from '../../src/config/load.ts';
import { plainAccess } from '../../src/routes/plain.ts';
import { compileRoutes, type RouteTable } from '../../src/routes/table.ts';

// alone: it measures the heap

const segment = fc.constantFrom('a', 'b', 'ab', 'a.b', '-');
const path = fc.array(segment, { maxLength: 3 }).map((segments) => `/${segments.join('/')}`);
const route = fc.record(
  {
    path,
    host: fc.constantFrom('app.example.com', '*.example.com', '*.com'),
    methods: fc.subarray(['GET', 'HEAD', 'POST', 'DELETE'], { minLength: 1 }),
    allow: fc.constantFrom('public', 'signed-in', [{ groups: ['a'] }], [{ groups: ['b'] }]),
  },
  { requiredKeys: ['path', 'allow'] },
);

function compile(routes: readonly object[]): RouteTable | undefined {
  const document = {
    publicUrl: 'https://app.example.com',
    provider: { issuer: 'https://id.example.com', clientId: 'a', clientSecret: 'b' },
    session: { secret: Buffer.alloc(32, 1).toString('base64') },
    endpoints: { prefix: '/a/own' },
    routes: routes.map((each) => ({ upstream: 'http://app:1', ...each })),
  };
  try {
    return compileRoutes(
      withAccess(parseConfig(JSON.stringify(document), { file: 'c.json', env: {} }).config),
    );
  } catch (error) {
    if (/matches the very same requests/.test(String(error))) return undefined;
    throw error;
  }
}

test('the trie of a host and its table have one opinion of every plain path', async () => {
  const request = fc.record({
    path: fc.array(segment, { maxLength: 5 }).map((segments) => `/${segments.join('/')}`),
    slash: fc.constantFrom('', '/'),
    host: fc.constantFrom('app.example.com', 'x.example.com', 'y.x.example.com', 'example.com', 'other.org'),
    method: fc.constantFrom('GET', 'HEAD', 'POST', 'PUT'),
  });
  fc.assert(
    fc.property(fc.array(route, { minLength: 1, maxLength: 8 }), fc.array(request), (routes, requests) => {
      const table = compile(routes);
      return requests.every(({ path: asked, slash, host, method }) => {
        if (!table) return true;
        const rules = table.rulesOf(host);
        const { trie, accessOf } = rules.tree(method);
        const full = asked === '/' ? asked : asked + slash;
        return plainAccess(trie, rules.settings, full) === accessOf(rules.match(full, method));
      });
    }),
    { numRuns: 300 },
  );
});

test('a table of thousands of routes is compiled at the start, in little time and memory', async (t) => {
  const routes = Array.from({ length: 3000 }, (_, index) => ({
    path: `/area-${index}/part`,
    upstream: 'http://app:1',
    allow: index % 2 === 0 ? 'public' : 'signed-in',
    ...(index % 3 === 0 && { methods: ['GET'] }),
  }));
  const before = process.memoryUsage().heapUsed;
  const table = compile(routes);
  t.ok(table);
  const tree = table?.rulesOf('app.example.com').tree('GET');
  t.equal(tree, table?.rulesOf('app.example.com').tree('HEAD'), 'methods that agree share it');
  t.not(tree, table?.rulesOf('app.example.com').tree('POST'));
  t.ok((process.memoryUsage().heapUsed - before) / routes.length < 40_000);
});
