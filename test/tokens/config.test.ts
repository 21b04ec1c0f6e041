import { test } from 'tap';
import { parse, stringify } from 'yaml';
import { parseConfig } from '../../src/config/load.ts';
import { ConfigError } from '../../src/config/problems.ts';

const base = `publicUrl: https://app.example.com
provider: { issuer: https://id.example.com, clientId: app, clientSecret: s3cret }
session: { secret: ${Buffer.alloc(32, 7).toString('base64')} }
`;

/** What is wrong with a configuration of one route, or with more of it. */
function problemsOf(route: Record<string, unknown>, more: Record<string, unknown> = {}): string[] {
  const document = { ...parse(base), routes: [{ upstream: 'http://api:1', ...route }], ...more };
  try {
    parseConfig(stringify(document), { file: 'sallyport.yaml', env: {} });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ path, message }) => `${path.join('.')}: ${message}`);
  }
}

const resource = 'https://api.example.com';
const two = {
  provider: undefined,
  providers: {
    a: { issuer: 'https://a.example.com', clientId: 'a', clientSecret: 'x' },
    b: { issuer: 'https://b.example.com', clientId: 'b', clientSecret: 'x' },
  },
};

test('a token with one way to it is good', (t) => {
  for (const token of [
    { exchange: true },
    { exchange: true, audience: 'x', scopes: ['read'] },
    { exchange: true, audience: ['x', 'y'], resource },
    { resource },
    { resource: [resource, 'https://b.example.com'], scopes: ['read'] },
    { clientCredentials: true },
    { clientCredentials: { clientId: 'x', clientSecret: 'y' }, audience: 'z', provider: 'default' },
  ]) {
    t.same(problemsOf({ token }), [], JSON.stringify(token));
  }
  t.same(problemsOf({ token: { clientCredentials: true, provider: 'b' } }, two), []);
  t.same(problemsOf({ token: { exchange: true } }, two), []);
  t.end();
});

test('more parameters of a token request are given, but for those that the gateway sets', (t) => {
  for (const params of [{ connector_id: 'ldap' }, { 'x-tenant': '7', fmt: 'jwt' }])
    t.same(problemsOf({ token: { exchange: true, params } }), []);
  const reserved = [
    ...[
      'grant_type',
      'client_id',
      'client_secret',
      'client_assertion',
      'client_assertion_type',
      'Grant_Type',
    ],
    ...['subject_token', 'subject_token_type', 'requested_token_type', 'actor_token', 'actor_token_type'],
    ...['scope', 'resource', 'audience', 'refresh_token', 'code', 'code_verifier', 'assertion', 'username'],
  ];
  for (const name of reserved) {
    for (const way of [{ exchange: true }, { clientCredentials: true }, { resource }])
      t.match(problemsOf({ token: { ...way, params: { [name]: 'x' } } }), [
        new RegExp(`must not have ${name}`),
      ]);
  }
  t.end();
});

const wrong: {
  what: string;
  route: Record<string, unknown>;
  more?: Record<string, unknown>;
  says: RegExp;
}[] = [
  {
    what: 'no way to a token',
    route: { token: { scopes: ['read'] } },
    says: /^routes\.0\.token: .*needs a way/,
  },
  {
    what: 'two ways to a token',
    route: { token: { exchange: true, clientCredentials: true } },
    says: /^routes\.0\.token: .*two ways/,
  },
  {
    what: 'an audience for a refresh',
    route: { token: { resource, audience: 'x' } },
    says: /^routes\.0\.token: a refresh knows `resource` only/,
  },
  {
    what: 'a resource that is no URL',
    route: { token: { resource: 'reports' } },
    says: /^routes\.0\.token\.resource/,
  },
  { what: 'a scope with a space', route: { token: { exchange: true, scopes: ['a b'] } }, says: /scopes/ },
  {
    what: 'a provider that there is not',
    route: { token: { exchange: true, provider: 'corp' } },
    says: /no provider has the name corp/,
  },
  {
    what: 'client credentials of one of several providers',
    route: { token: { clientCredentials: true } },
    more: two,
    says: /of several providers/,
  },
  {
    what: '{token} on a route without one',
    route: { headers: { 'X-Token': 'x{token}' } },
    says: /^routes\.0\.headers: \{token\} needs/,
  },
  {
    what: '{token} in credentials of a route without one',
    route: { basicAuth: { username: 'x', password: '{ token | uri }' } },
    says: /^routes\.0\.basicAuth: \{token\} needs/,
  },
  {
    what: '{token} for every route where not each has one',
    route: {},
    more: { headers: { 'X-Token': '{token}' } },
    says: /^headers: \{token\} needs/,
  },
  {
    what: '{token} in a header of the answer',
    route: { token: { exchange: true }, responseHeaders: { 'X-Token': '{token}' } },
    says: /would give a token to the browser/,
  },
  { what: 'an empty stepUp', route: { stepUp: {} }, says: /^routes\.0\.stepUp: .*acr or maxAge/ },
  {
    what: 'a stepUp on a public route',
    route: { allow: 'public', stepUp: { maxAge: '5m' } },
    says: /^routes\.0\.stepUp: the route is public/,
  },
  { what: 'an acr with a space', route: { stepUp: { acr: 'a b' } }, says: /^routes\.0\.stepUp\.acr/ },
  { what: 'an acr with a quote', route: { stepUp: { acr: ['a"b'] } }, says: /stepUp\.acr/ },
  { what: 'a maxAge of nothing', route: { stepUp: { maxAge: '0s' } }, says: /stepUp\.maxAge/ },
];

for (const { what, route, more, says } of wrong) {
  test(`refused at start: ${what}`, (t) => {
    const problems = problemsOf(route, more);
    t.equal(problems.length, 1, problems.join('\n'));
    t.match(problems[0], says);
    t.end();
  });
}

test('a doubled brace is no {token}', (t) => {
  t.same(problemsOf({ headers: { 'X-Literal': '{{token}}' } }), []);
  t.end();
});
