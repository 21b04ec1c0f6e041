import { test } from 'tap';
import { parseConfig } from '../../src/config/load.ts';
import { ConfigError, formatPath } from '../../src/config/problems.ts';

const secret = Buffer.alloc(32, 7).toString('base64');

/** A configuration with more keys, as JSON, which is YAML. */
function problemsOf(more: Record<string, unknown>, publicUrl = 'https://app.example.com'): string[] {
  const config = {
    publicUrl,
    provider: { issuer: 'https://id.example.com', clientId: 'app', clientSecret: 's' },
    session: { secret },
    routes: [{ path: '/', upstream: 'http://a:1' }],
    ...more,
  };
  try {
    parseConfig(JSON.stringify(config), { file: 'sallyport.yaml', env: {} });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ path, message }) => `${formatPath(path)}: ${message}`);
  }
}

const rule = (allow: unknown) =>
  problemsOf({ routes: [{ path: '/', upstream: 'http://a:1', allow: [allow] }] });

for (const [key, values] of [
  [
    'emailDomains',
    ['@example.com', '*', '*.example.com', 'a@example.com', 'example.com ', ' example.com', '.example.com'],
  ],
  ['emailDomains', ['example.com.', 'https://example.com', 'a,b.example', 'exam ple.com', '']],
  [
    'emails',
    [
      'alice',
      '@example.com',
      'alice@',
      'a@b@c',
      '*@example.com',
      'alice@*',
      'al ice@example.com',
      ' a@b.example',
    ],
  ],
] as const) {
  for (const value of values) {
    test(`a rule that can never hold is an error: ${key} ${JSON.stringify(value)}`, async (t) => {
      for (const [given, at] of [
        [value, ''],
        [
          ['example.com', 'ada@example.com']
            .filter((each) => each.includes('@') === (key === 'emails'))
            .concat(value),
          '[1]',
        ],
      ]) {
        const problems = rule({ [key]: given });
        t.match(
          problems,
          [new RegExp(`^routes\\[0\\]\\.allow\\[0\\]\\.${key}`)],
          `${JSON.stringify(given)} ${at}`,
        );
        t.match(problems[0], key === 'emails' ? /an email address/ : /a domain such as example\.com/);
      }
    });
  }
}

test('rules that can hold stay', async (t) => {
  for (const domain of [
    'example.com',
    'EXAMPLE.com',
    'corp',
    'münchen.example',
    'xn--mnchen-3ya.example',
    'a_b.example',
  ]) {
    t.same(rule({ emailDomains: domain }), [], domain);
  }
  for (const email of [
    'ada@example.com',
    "o'neill+x%y@sub.example.com",
    'ada@localhost',
    'zoë@münchen.example',
  ]) {
    t.same(rule({ emails: email }), [], email);
  }
  t.match(
    problemsOf({
      providers: {
        b: {
          issuer: 'https://b.example.com',
          clientId: 'b',
          clientSecret: 's',
          match: { emailDomains: '@b' },
        },
      },
    }),
    [/^providers\.b\.match\.emailDomains/],
  );
});

const cookie = (settings: Record<string, unknown>, more = {}, publicUrl?: string) =>
  problemsOf({ session: { secret, cookie: settings }, ...more }, publicUrl);

test('a cookie path that does not reach the endpoints, or nothing but them, is an error', async (t) => {
  const name = '__Secure-app';
  const at = (path: string, prefix = '/oauth2') => cookie({ name, path }, { endpoints: { prefix } });
  for (const path of ['/app', '/oauth', '/oauth2x', '/OAUTH2', '/oauth2/callback', '/oauth2/x/', '//']) {
    t.match(at(path), [/^session\.cookie\.path: it has to cover \/oauth2 /], path);
  }
  for (const path of ['/oauth2', '/oauth2/']) t.match(at(path), [/no route would see the cookie/], path);
  t.match(at('/app', '/application'), [/has to cover \/application/], 'by whole segments');
  t.same(at('/app', '/app/oauth2'), []);
  t.same(at('/app/', '/app/oauth2'), []);
  t.same(at('/'), []);
});

test('a cookie path that a __Host- name forbids is an error, also with the name that is the default', async (t) => {
  const endpoints = { endpoints: { prefix: '/app/oauth2' } };
  for (const settings of [
    { path: '/app' },
    { name: '__Host-x', path: '/app' },
    { name: '__HOST-x', path: '/app' },
  ]) {
    t.match(cookie(settings, endpoints), [/^session\.cookie\.path: a __Host- cookie always has the path \//]);
  }
  t.same(
    cookie({ path: '/app', domain: 'example.com' }, endpoints),
    [],
    'the default is __Secure- with a domain',
  );
  t.same(cookie({ path: '/app' }, endpoints, 'http://app.example.com'), [], 'and without a prefix on http');
});

test('a front can vouch for a header, not for what frames a message or for what the gateway sets', async (t) => {
  const listed = (name: string, more = {}) =>
    problemsOf({ trustedProxies: [{ network: '10.0.0.0/8', headers: [name] }], ...more });
  for (const name of [
    'Ssl-Client-Verify',
    'X-Real-IP',
    'Forwarded',
    'Remote-User',
    'X-Of-Our-Own',
    'SSL_CLIENT_S_DN',
  ]) {
    t.same(listed(name), [], name);
  }
  for (const name of [
    'Host',
    'Cookie',
    'Content-Length',
    'Transfer_Encoding',
    'Connection',
    'TE',
    'Content_Type',
    'X-Request-Id',
    'a b',
    '',
  ]) {
    t.match(listed(name), [/^trustedProxies\[0\]/], name);
  }
  for (const name of ['Authorization', 'X-Forwarded-User', 'x_forwarded_groups']) {
    t.match(
      listed(name),
      [/^trustedProxies\[0\]\.headers\[0\]: .* the gateway itself sets or removes/],
      name,
    );
  }
  t.match(listed('X-Real-IP', { headers: { 'X-Real-Ip': '{client.address}' } }), [/the gateway itself sets/]);
  t.match(listed('X-Jwt', { assertion: { header: 'X-JWT', audience: 'a' } }), [/the gateway itself sets/]);
  t.match(problemsOf({ trustedProxies: [{ network: 'nowhere' }] }), [/^trustedProxies\[0\]\.network/]);
  t.same(problemsOf({ trustedProxies: ['unix', { network: 'unix', headers: ['X-Real-IP'] }] }), []);
});
