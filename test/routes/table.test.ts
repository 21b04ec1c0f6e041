import { test } from 'tap';
import { withAccess } from '../../src/access/decide.ts';
import { parseConfig } from '../../src/config/load.ts';
import { accessOf } from '../../src/routes/access.ts';
import { resolveTarget } from '../../src/routes/resolve.ts';
import { compileRoutes } from '../../src/routes/table.ts';

const base = `publicUrl: https://app.example.com
provider: { issuer: "https://id.example.com", clientId: a, clientSecret: b }
session: { secret: ${Buffer.alloc(32, 1).toString('base64')} }
routes:
`;

function tableOf(...routes: string[]) {
  const text = base + routes.map((route) => `  - { upstream: "http://a:1", ${route} }\n`).join('');
  return compileRoutes(withAccess(parseConfig(text, { file: 'c.yaml', env: {} }).config));
}

test('the most specific route wins, in whatever order they stand', async (t) => {
  const routes = [
    'path: /',
    'path: /api',
    'path: /api/v2',
    'path: /api, methods: [POST, put]',
    'host: app.example.com, path: /',
    'host: "*.example.com", path: /api',
    'host: "*.deep.example.com", path: /',
  ];
  for (const order of [routes, [...routes].reverse()]) {
    const table = tableOf(...order);
    const label = (host: string, path: string, method = 'GET') => {
      const route = table.match(host, path, method);
      return route && `${route.label}${route.methods ? ` ${route.methods}` : ''}`;
    };
    t.equal(label('other.org', '/x'), '/');
    t.equal(label('other.org', '/api'), '/api');
    t.equal(label('other.org', '/api/v2/x'), '/api/v2');
    t.equal(label('other.org', '/api/v3'), '/api');
    t.equal(label('other.org', '/api', 'POST'), '/api POST,PUT');
    t.equal(label('other.org', '/api', 'PUT'), '/api POST,PUT');
    t.equal(label('app.example.com', '/api'), 'app.example.com/', 'an exact host stands above a longer path');
    t.equal(label('b.example.com', '/api/x'), '*.example.com/api');
    t.equal(label('b.example.com', '/x'), '/', 'a wildcard without a fitting path gives way');
    t.equal(label('a.deep.example.com', '/api'), '*.deep.example.com/');
    t.equal(label('example.com', '/api'), '/api', 'a wildcard needs a label before the dot');
  }
});

test('without a fitting route there is none', async (t) => {
  const table = tableOf('path: /api', 'path: /only-post, methods: [POST]');
  t.equal(table.match('x', '/', 'GET'), undefined);
  t.equal(table.match('x', '/apix', 'GET'), undefined);
  t.equal(table.match('x', '/only-post', 'GET'), undefined);
});

test('hosts that routes name are known', async (t) => {
  const table = tableOf('path: /', 'host: a.example.com', 'host: "*.b.example.com"');
  t.ok(table.knowsHost('a.example.com'));
  t.ok(table.knowsHost('x.b.example.com'));
  t.notOk(table.knowsHost('c.example.com'));
});

test('routes that let different people pass have different rules, of which no path may fall under two', async (t) => {
  const providers = ['a', 'b'].map(
    (name) => `  ${name}: { issuer: "https://${name}.example.com", clientId: x, clientSecret: y }\n`,
  );
  const text = base.replace(/^provider:.*$/m, `providers:\n${providers.join('')}`.trimEnd());
  const routes = ['path: /', 'path: /a, provider: a', 'path: /b, provider: b', 'path: /c, csrf: header'];
  const lines = routes.map((route) => `  - { upstream: "http://a:1", ${route} }\n`);
  const table = compileRoutes(
    withAccess(parseConfig(text + lines.join(''), { file: 'c.yaml', env: {} }).config),
  );
  t.equal(new Set(table.routes.map(accessOf)).size, routes.length);
});

test('rules that say the same in another order are one rule, also to a path that can be read in two ways', async (t) => {
  const table = tableOf(
    'path: /, allow: [{ groups: [a, b], emails: ADA@example.com }]',
    'path: /a, allow: [{ emails: ada@example.com, groups: [b, a] }]',
    'path: /b, allow: [{ groups: [a], emails: ada@example.com }]',
  );
  const [root, same, other] = table.routes.map(accessOf);
  t.equal(root, same);
  t.not(root, other);
  const kindOf = (path: string) =>
    resolveTarget(table, '/oauth2', { path, query: '', host: 'x', hostname: 'x' }, 'GET').kind;
  t.equal(kindOf('/A/x'), 'route');
  t.throws(() => kindOf('/B/x'), { code: 'ambiguous_path' });
});
