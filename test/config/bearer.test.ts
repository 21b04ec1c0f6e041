import { test } from 'tap';
import { parse, stringify } from 'yaml';
import { parseConfig } from '../../src/config/load.ts';
import { ConfigError, formatPath } from '../../src/config/problems.ts';

const issuer = 'https://id.example.com';
const good = {
  publicUrl: 'https://app.example.com',
  upstream: 'http://legacy:8080',
  bearer: [{ issuer, audience: 'https://app.example.com' }],
};
const provider = { issuer, clientId: 'app', clientSecret: 's3cret' };
const session = { secret: Buffer.alloc(32, 7).toString('base64') };

function problemsOf(config: object): string[] {
  try {
    parseConfig(stringify(config), { file: 'sallyport.yaml', env: {} });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ path, message }) => `${formatPath(path)}: ${message}`);
  }
}

const opaque = {
  introspectionEndpoint: `${issuer}/introspect`,
  clientId: 'gw',
  clientSecret: 's3cret',
  audience: 'a',
};
const route = { path: '/mcp', upstream: 'http://mcp:3000' };

test('a gateway for programs alone needs neither provider nor secret, and sends nobody to a login', async (t) => {
  const { config, warnings } = parseConfig(stringify(good), { file: 'sallyport.yaml', env: {} });
  t.equal(config.routes[0]?.unauthenticated, '401');
  t.strictSame(warnings, []);
  t.match(config.bearer[0], { type: ['at+jwt'], clockTolerance: 30_000, claims: { user: 'sub' } });
  t.notOk(config.bearer[0]?.algorithms.some((name) => /^HS|none/.test(name)));
});

test('a resource is an object, or its identifier alone', async (t) => {
  const identifier = 'https://app.example.com/mcp';
  for (const resource of [identifier, { identifier }]) {
    const text = stringify({ ...good, routes: [{ ...route, resource }] });
    const { config } = parseConfig(text, { file: 'sallyport.yaml', env: {} });
    t.match(config.routes[0]?.resource, { identifier });
  }
});

test('what cannot work, or would let too many in, is refused with its reason', async (t) => {
  const wrong: [what: string, config: object, says: RegExp][] = [
    ['no list', { ...good, bearer: 'x' }, /^bearer: expected a list of issuers/],
    [
      'neither issuer nor endpoint',
      { ...good, bearer: [{ audience: 'a' }] },
      /^bearer\[0\].issuer: this key is required/,
    ],
    ['no audience', { ...good, bearer: [{ issuer }] }, /^bearer\[0\].audience: this key is required/],
    [
      'no audience, with one route without a resource',
      {
        publicUrl: good.publicUrl,
        bearer: [{ issuer }],
        routes: [
          { ...route, resource: `${good.publicUrl}/mcp` },
          { path: '/', upstream: 'http://a:1' },
        ],
      },
      /^bearer\[0\].audience: this key is required/,
    ],
    [
      'a symmetric algorithm',
      { ...good, bearer: [{ ...good.bearer[0], algorithms: ['HS256'] }] },
      /algorithms\[0\]: expected one of RS256/,
    ],
    [
      'no algorithm',
      { ...good, bearer: [{ ...good.bearer[0], algorithms: ['none'] }] },
      /algorithms\[0\]: expected one of RS256/,
    ],
    [
      'an empty list of algorithms',
      { ...good, bearer: [{ ...good.bearer[0], algorithms: [] }] },
      /at least one algorithm/,
    ],
    [
      'plain http',
      { ...good, bearer: [{ issuer: 'http://id.example.com', audience: 'a' }] },
      /^bearer\[0\].issuer: plain http/,
    ],
    [
      'plain http for keys',
      { ...good, bearer: [{ ...good.bearer[0], jwksUri: 'http://id.example.com/k' }] },
      /^bearer\[0\].jwksUri: plain http/,
    ],
    [
      'plain http for introspection',
      { ...good, bearer: [{ ...opaque, introspectionEndpoint: 'http://id.example.com/i' }] },
      /introspectionEndpoint: plain http/,
    ],
    [
      'introspection without a client',
      { ...good, bearer: [{ ...opaque, clientId: undefined }] },
      /^bearer\[0\].clientId: this key is required/,
    ],
    [
      'introspection without a secret',
      { ...good, bearer: [{ ...opaque, clientSecret: undefined }] },
      /^bearer\[0\].clientSecret: this key is required/,
    ],
    [
      'introspection and keys',
      { ...good, bearer: [{ ...opaque, jwksUri: `${issuer}/k` }] },
      /jwksUri: tokens are looked up here/,
    ],
    [
      'a client for JWTs',
      { ...good, bearer: [{ ...good.bearer[0], clientId: 'x' }] },
      /clientId: no token is looked up here/,
    ],
    [
      'an issuer twice',
      { ...good, bearer: [good.bearer[0], good.bearer[0]] },
      /^bearer\[1\].issuer: bearer\[0\] has this issuer already/,
    ],
    [
      'ID tokens would pass',
      { ...good, provider, session, bearer: [{ issuer, audience: ['x', 'app'], type: 'JWT' }] },
      /^bearer\[0\].audience: with `type: JWT`, ID tokens/,
    ],
    [
      'a login without a provider',
      { ...good, routes: [{ ...route, unauthenticated: 'login' }] },
      /unauthenticated: there is no `provider`/,
    ],
    [
      'a scope without bearer',
      { ...good, provider, session, bearer: undefined, routes: [{ ...route, allow: [{ scope: 'a' }] }] },
      /allow\[0\].scope: without the top-level `bearer`/,
    ],
    [
      'bearer clients without bearer',
      { ...good, provider, session, bearer: undefined, routes: [{ ...route, allow: [{ bearer: true }] }] },
      /allow\[0\].bearer: without the top-level `bearer`/,
    ],
    [
      'a scope with quotes',
      { ...good, routes: [{ ...route, allow: [{ scope: 'a"b' }] }] },
      /allow\[0\].scope/,
    ],
    [
      'a resource without bearer',
      {
        ...good,
        provider,
        session,
        bearer: undefined,
        routes: [{ ...route, resource: `${good.publicUrl}/mcp` }],
      },
      /resource: without the top-level `bearer`/,
    ],
    [
      'a resource elsewhere',
      { ...good, routes: [{ ...route, resource: 'https://other.example.com/mcp' }] },
      /resource: other.example.com is neither of publicUrl/,
    ],
    [
      'a resource with a query',
      { ...good, routes: [{ ...route, resource: `${good.publicUrl}/mcp?x=1` }] },
      /resource.*: expected the URL of the resource/,
    ],
    [
      'a resource that is no URL',
      { ...good, routes: [{ ...route, resource: 'mcp' }] },
      /resource.*: expected the URL of the resource/,
    ],
    [
      'a resource of no issuer',
      { ...good, bearer: [opaque], routes: [{ ...route, resource: `${good.publicUrl}/mcp` }] },
      /authorizationServers: no entry of `bearer` has an issuer/,
    ],
  ];
  for (const [what, config, says] of wrong) {
    const problems = problemsOf(parse(JSON.stringify(config)) as object);
    t.equal(problems.length, 1, `${what}: ${problems.join(' | ')}`);
    t.match(problems[0] ?? '', says, what);
  }
  t.strictSame(problemsOf(good), []);
  t.strictSame(problemsOf({ ...good, bearer: [opaque] }), []);
});

test('insecureHttp of an issuer is said at start', async (t) => {
  const bearer = [{ issuer: 'http://id.example.com', audience: 'a', insecureHttp: true }];
  const { warnings } = parseConfig(stringify({ ...good, bearer }), { file: 'sallyport.yaml', env: {} });
  t.match(warnings, [/insecureHttp of bearer\[0\] is on/]);
});
