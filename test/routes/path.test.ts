import { test } from 'tap';
import { withAccess } from '../../src/access/decide.ts';
import { parseConfig } from '../../src/config/load.ts';
import { GatewayError } from '../../src/errors.ts';
import { resolveTarget } from '../../src/routes/resolve.ts';
import { compileRoutes } from '../../src/routes/table.ts';
import { makeTarget } from '../../src/routes/target.ts';
import { spellings as attacks } from './spellings.ts';

const { config } = parseConfig(
  `publicUrl: https://app.example.com
provider: { issuer: "https://id.example.com", clientId: a, clientSecret: b }
providers: { corp: { issuer: "https://corp.example.com", clientId: a, clientSecret: b } }
bearer: [{ issuer: "https://id.example.com", audience: a }]
session: { secret: ${Buffer.alloc(32, 1).toString('base64')} }
routes:
  - { path: /, upstream: "http://a:1", allow: public }
  - { path: /admin, upstream: "http://a:1" }
  - { path: /api, upstream: "http://api:1" }
  - { path: /api/open, upstream: "http://api:1", allow: public }
  - { path: /api/corp, upstream: "http://api:1", provider: corp }
  - { path: /api/mcp, upstream: "http://api:1", resource: "https://app.example.com/api/mcp" }
`,
  { file: 'c.yaml', env: {} },
);
const table = compileRoutes(withAccess(config));

/** The path of the route, `endpoint …`, or the code of the refusal. */
function landing(path: string): string {
  const target = { path, query: '', host: 'app.example.com', hostname: 'app.example.com' };
  try {
    const resolution = resolveTarget(table, '/oauth2', target, 'GET');
    return resolution.kind === 'route' ? resolution.route.path : `endpoint ${resolution.path}`;
  } catch (error) {
    if (error instanceof GatewayError) return error.code;
    throw error;
  }
}

test(`none of ${attacks.length} spellings of a protected path lands on the public route`, async (t) => {
  t.ok(attacks.length >= 60);
  for (const path of attacks) t.match(landing(path), /^(\/admin|ambiguous_path)$/, JSON.stringify(path));
});

test('a path that would climb out of or into a route of another rule is refused', async (t) => {
  t.equal(landing('/api/open/../secret'), 'ambiguous_path');
  t.equal(landing('/api/open/..%2fsecret'), 'ambiguous_path');
  t.equal(landing('/api/secret/../open'), 'ambiguous_path');
  t.equal(landing('/oauth2/../admin'), 'ambiguous_path');
  t.equal(landing('/x/..%2foauth2/start'), 'ambiguous_path');
  t.equal(landing('/api/corp/..%2fx'), 'ambiguous_path', 'where another provider would do');
  t.equal(landing('/api/mcp/..%2fx'), 'ambiguous_path', 'where a token of another audience would do');
  t.equal(landing('/x/..%2f.well-known/oauth-protected-resource/api/mcp'), 'ambiguous_path');
});

test('paths that only look odd keep their route', async (t) => {
  const odd: [path: string, route: string][] = [
    ['/', '/'],
    ['/adminx', '/'],
    ['/apix', '/'],
    ['/api', '/api'],
    ['/api/', '/api'],
    ['/api/a%20b', '/api'],
    ['/api/caf%C3%A9', '/api'],
    ['/api/a%2Fb', '/api'],
    ['/api/a..b', '/api'],
    ['/api/..b', '/api'],
    ['/api/...', '/api'],
    ['/api/a;v=1/b', '/api'],
    ['/api//b', '/api'],
    ['/api/open/x', '/api/open'],
    ['/api/opening', '/api'],
    ['/a%2Fb', '/'],
    ['/a//b', '/'],
    ['/caf\xc3\xa9', '/'],
    ['/oauth2', 'endpoint /oauth2'],
    ['/oauth2/start', 'endpoint /oauth2/start'],
    ['/oauth2x', '/'],
  ];
  for (const [path, route] of odd) t.equal(landing(path), route, JSON.stringify(path));
});

test('a long path that could be read in many ways is refused before that costs much, a plain one is not', async (t) => {
  for (const unit of ['%2e%2e/', 'a/../', '/.', '..;/', '\\..\\', '%252e%252e%252f', '%00/']) {
    t.equal(landing(`/${unit.repeat(Math.ceil(9000 / unit.length))}`), 'ambiguous_path', unit);
  }
  t.equal(landing(`/${'x/'.repeat(20_000)}`), '/');
});

test('no path and no host costs much, however it is made', async (t) => {
  const targets = [
    '%252f;a%5c',
    '%00%252e%252e%252f;a\\//',
    '%3f;a//%5c%00x',
    '//a',
    '\\\\a',
    '/',
    'a;/',
    'a/../',
  ].flatMap((unit) =>
    [2040, 8190, 60_000].map((length) => `/${unit.repeat(Math.floor(length / unit.length))}`),
  );
  const started = performance.now();
  for (const target of [...targets, `/${'x/'.repeat(30_000)}`]) landing(target);
  for (const host of [`${'a.'.repeat(30_000)}example.com`, `${'a.'.repeat(130)}example.com`]) {
    t.throws(() => makeTarget('/', host), { code: 'ambiguous_host' }, 'longer than DNS has them');
  }
  const took = performance.now() - started;
  t.ok(took < 2000, `${Math.round(took)} ms for all of them`);
});
