import { test } from 'tap';
import { parseConfig } from '../../src/config/load.ts';
import { ConfigError, formatPath, type Problem } from '../../src/config/problems.ts';

const secret = Buffer.alloc(32, 7).toString('base64');

const provider = `provider:
  issuer: https://id.example.com
  clientId: app
  clientSecret: s3cret
`;
const session = `session:
  secret: ${secret}
`;
const good = `publicUrl: https://app.example.com
upstream: http://legacy:8080
${provider}${session}`;

function problemsOf(text: string, env: NodeJS.ProcessEnv = {}): readonly Problem[] {
  try {
    parseConfig(text, { file: 'sallyport.yaml', env });
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

/** The place without its column, which `places.test.ts` looks at. */
const withoutColumn = (source = '') => source.replace(/^(sallyport\.yaml:\d+):\d+$/, '$1');

interface Wrong {
  what: string;
  text: string;
  env?: NodeJS.ProcessEnv;
  path: string;
  /** `file:line`, or the name of the environment variable. */
  source: string;
  says: RegExp;
}

const wrong: Wrong[] = [
  {
    what: 'an admin token that can be guessed',
    text: `${good}admin: { token: fifteen-letters }\n`,
    path: 'admin.token',
    source: 'sallyport.yaml:9',
    says: /at least 16 visible ASCII characters/,
  },
  {
    what: 'an admin token that no header can carry',
    text: `${good}admin: { token: "sixteen letters and a blank" }\n`,
    path: 'admin.token',
    source: 'sallyport.yaml:9',
    says: /at least 16 visible ASCII characters/,
  },
  {
    what: 'an admin listener at the address of the gateway',
    text: `${good}listen: "0.0.0.0:4180"\nadmin: { listen: "127.0.0.1:4180" }\n`,
    path: 'admin.listen',
    source: 'sallyport.yaml:10',
    says: /where the gateway itself listens/,
  },
  {
    what: 'an admin listener at the socket of the gateway',
    text: `${good}listen: unix:/run/a.sock\nadmin: { listen: "unix:/run/a.sock" }\n`,
    path: 'admin.listen',
    source: 'sallyport.yaml:10',
    says: /where the gateway itself listens/,
  },
  {
    what: 'a socket whose path is longer than sockets can have',
    text: `${good}listen: unix:/run/${'x'.repeat(103)}\n`,
    path: 'listen.address',
    source: 'sallyport.yaml:9',
    says: /107 bytes at most/,
  },
  {
    what: 'a listener in a list of them',
    text: `${good}listen: [127.0.0.1:80, { address: nowhere }]\n`,
    path: 'listen[1].address',
    source: 'sallyport.yaml:9',
    says: /host:port/,
  },
  {
    what: 'two listeners of which one includes the other',
    text: `${good}listen: [127.0.0.1:80, 0.0.0.0:80]\n`,
    path: 'listen[1].address',
    source: 'sallyport.yaml:9',
    says: /another listener has this address/,
  },
  {
    what: 'a list without a listener',
    text: `${good}listen: []\n`,
    path: 'listen',
    source: 'sallyport.yaml:9',
    says: /at least one listener/,
  },
  {
    what: 'a map that contains itself by an alias',
    text: `${good}headers: &all\n  X-A: *all\n`,
    path: 'headers.X-A',
    source: 'sallyport.yaml:10',
    says: /contains itself/,
  },
  {
    what: 'a list that contains itself by an alias',
    text: `${good}trustedProxies: &all\n  - 10.0.0.1\n  - [*all]\n`,
    path: 'trustedProxies[1][0]',
    source: 'sallyport.yaml:11',
    says: /contains itself/,
  },
  {
    what: 'publicUrl is missing',
    text: good.replace(/publicUrl.*\n/, ''),
    path: 'publicUrl',
    source: 'sallyport.yaml:1',
    says: /this key is required: an origin such as https:\/\/app\.example\.com/,
  },
  {
    what: 'publicUrl has a path',
    text: good.replace('https://app.example.com\n', 'https://app.example.com/shop\n'),
    path: 'publicUrl',
    source: 'sallyport.yaml:1',
    says: /expected an origin .*without a path, got "https:\/\/app\.example\.com\/shop"/,
  },
  {
    what: 'publicUrl is no URL',
    text: good.replace('https://app.example.com\n', 'app.example.com\n'),
    path: 'publicUrl',
    source: 'sallyport.yaml:1',
    says: /expected an origin such as https/,
  },
  {
    what: 'publicUrl is a number',
    text: good.replace('https://app.example.com\n', '4180\n'),
    path: 'publicUrl',
    source: 'sallyport.yaml:1',
    says: /expected an origin .*got 4180/,
  },
  {
    what: 'publicUrl mixes schemes',
    text: good.replace('https://app.example.com\n', '[https://a.example.com, http://b.example.com]\n'),
    path: 'publicUrl',
    source: 'sallyport.yaml:1',
    says: /same scheme/,
  },
  {
    what: 'neither upstream nor routes',
    text: good.replace(/upstream.*\n/, ''),
    path: 'upstream',
    source: 'sallyport.yaml:1',
    says: /required: the application.*or give `routes`/,
  },
  {
    what: 'upstream has a path',
    text: good.replace('http://legacy:8080', 'http://legacy:8080/app'),
    path: 'upstream',
    source: 'sallyport.yaml:2',
    says: /host and port only/,
  },
  {
    what: 'upstream has no scheme',
    text: good.replace('http://legacy:8080', 'legacy:8080'),
    path: 'upstream',
    source: 'sallyport.yaml:2',
    says: /an http:\/\/ or https:\/\/ URL/,
  },
  {
    what: 'the provider is missing',
    text: good.replace(provider, ''),
    path: 'provider',
    source: 'sallyport.yaml:1',
    says: /this key is required: where people sign in/,
  },
  {
    what: 'a key of the provider is misspelt',
    text: good.replace('clientId', 'clintId'),
    path: 'provider.clintId',
    source: 'sallyport.yaml:5',
    says: /no such key; did you mean provider\.clientId\?/,
  },
  {
    what: 'a key is written in snake case',
    text: good.replace('clientSecret', 'client_secret'),
    path: 'provider.client_secret',
    source: 'sallyport.yaml:6',
    says: /did you mean provider\.clientSecret\?/,
  },
  {
    what: 'a key stands in the wrong place',
    text: `${good}clientId: app\n`,
    path: 'clientId',
    source: 'sallyport.yaml:9',
    says: /did you mean provider\.clientId\?/,
  },
  {
    what: 'a key is like no other',
    text: good.replace('  clientId', '  zzzzzz: 1\n  clientId'),
    path: 'provider.zzzzzz',
    source: 'sallyport.yaml:5',
    says: /no such key; the keys here are issuer, clientId/,
  },
  {
    what: 'the issuer is plain http on another machine',
    text: good.replace('https://id.example.com', 'http://id.example.com'),
    path: 'provider.issuer',
    source: 'sallyport.yaml:4',
    says: /plain http to another machine is not safe.*insecureHttp: true/,
  },
  {
    what: 'the client secret is missing',
    text: good.replace(/ {2}clientSecret.*\n/, ''),
    path: 'provider.clientSecret',
    source: 'sallyport.yaml:3',
    says: /required: the secret that the provider issued.*clientAuth: none/,
  },
  {
    what: 'a public client has a secret',
    text: good.replace('clientSecret', 'clientAuth: none\n  clientSecret'),
    path: 'provider.clientSecret',
    source: 'sallyport.yaml:7',
    says: /has no secret/,
  },
  {
    what: 'the client authentication is unknown',
    text: good.replace('clientSecret', 'clientAuth: basic\n  clientSecret'),
    path: 'provider.clientAuth',
    source: 'sallyport.yaml:6',
    says: /one of client_secret_basic, .*, none, got "basic"/,
  },
  {
    what: 'scopes are one string',
    text: good.replace('clientSecret', 'scopes: openid email\n  clientSecret'),
    path: 'provider.scopes',
    source: 'sallyport.yaml:6',
    says: /a list of scopes such as \[openid, email\]/,
  },
  {
    what: 'an authorization parameter would replace the state',
    text: good.replace('clientSecret', 'authorizationParams: { state: fixed }\n  clientSecret'),
    path: 'provider.authorizationParams.state',
    source: 'sallyport.yaml:6',
    says: /the login sets this parameter itself/,
  },
  {
    what: 'userinfo is neither true, false nor auto',
    text: good.replace('clientSecret', 'userinfo: sometimes\n  clientSecret'),
    path: 'provider.userinfo',
    source: 'sallyport.yaml:6',
    says: /true, false or auto, got "sometimes"/,
  },
  {
    what: 'a duration has no unit',
    text: good.replace('clientSecret', 'timeout: 30\n  clientSecret'),
    path: 'provider.timeout',
    source: 'sallyport.yaml:6',
    says: /a duration such as 30s, 15m, 8h or 7d, got 30/,
  },
  {
    what: 'the session secret is too short',
    text: good.replace(secret, 'c2hvcnQ='),
    path: 'session.secret',
    source: 'sallyport.yaml:8',
    says: /base64 secret of at least 32 bytes; `sallyport secret` prints one\.$/,
  },
  {
    what: 'the session secret is a variable that is not set',
    text: good.replace(secret, '${SESSION_SECRET}'),
    path: 'session.secret',
    source: 'sallyport.yaml:8',
    says: /the environment variable SESSION_SECRET is not set.*\$\{SESSION_SECRET:-value\}/,
  },
  {
    what: 'a secret file does not exist',
    text: good.replace('s3cret', '${file:/nonexistent/secret}'),
    path: 'provider.clientSecret',
    source: 'sallyport.yaml:6',
    says: /the file \/nonexistent\/secret cannot be read \(ENOENT: there is no such file\)/,
  },
  {
    what: 'an interpolation is malformed',
    text: good.replace('s3cret', '"${1BAD}"'),
    path: 'provider.clientSecret',
    source: 'sallyport.yaml:6',
    says: /\$\{1BAD\} is not of the form/,
  },
  {
    what: 'a route has no upstream',
    text: `${good}routes:\n  - path: /api\n`,
    path: 'routes[0].upstream',
    source: 'sallyport.yaml:10',
    says: /this key is required: the address of the application/,
  },
  {
    what: 'the path of a route is a regular expression',
    text: `${good}routes:\n  - path: ^/api/.*$\n    upstream: http://api:1\n`,
    path: 'routes[0].path',
    source: 'sallyport.yaml:10',
    says: /no regular expression, wildcard, query or dot segment/,
  },
  {
    what: 'the path of a route climbs',
    text: `${good}routes:\n  - path: /api/../admin\n    upstream: http://api:1\n`,
    path: 'routes[0].path',
    source: 'sallyport.yaml:10',
    says: /dot segment/,
  },
  {
    what: 'a method does not exist',
    text: `${good}routes:\n  - path: /api\n    methods: [GET, FETCH]\n    upstream: http://api:1\n`,
    path: 'routes[0].methods[1]',
    source: 'sallyport.yaml:11',
    says: /an HTTP method such as GET, got "FETCH"/,
  },
  {
    what: 'the access level is unknown',
    text: `${good}routes:\n  - path: /api\n    upstream: http://api:1\n    allow: everybody\n`,
    path: 'routes[0].allow',
    source: 'sallyport.yaml:12',
    says: /public, signed-in, or a list of alternatives such as .*, got "everybody"/,
  },
  {
    what: 'two routes are equal',
    text: `${good}routes:\n  - { path: /api, upstream: "http://a:1" }\n  - { path: /api/, upstream: "http://b:1" }\n`,
    path: 'routes[1]',
    source: 'sallyport.yaml:11',
    says: /the very same requests as routes\[0\]/,
  },
  {
    what: 'two routes have a method in common',
    text: `${good}routes:\n  - { path: /api, methods: [GET, POST], upstream: "http://a:1" }\n  - { path: /api, methods: [post, PUT], upstream: "http://b:1" }\n`,
    path: 'routes[1]',
    source: 'sallyport.yaml:11',
    says: /the very same requests as routes\[0\]/,
  },
  {
    what: 'two routes are for one host in two spellings',
    text: `${good}routes:\n  - { host: A.example.com, upstream: "http://a:1" }\n  - { host: a.example.com, path: /, upstream: "http://b:1" }\n`,
    path: 'routes[1]',
    source: 'sallyport.yaml:11',
    says: /the very same requests as routes\[0\]/,
  },
  {
    what: 'a route is below the gateway’s own endpoints',
    text: `${good}routes:\n  - { path: /oauth2/app, upstream: "http://a:1" }\n`,
    path: 'routes[0].path',
    source: 'sallyport.yaml:10',
    says: /answers everything below \/oauth2 itself/,
  },
  {
    what: 'a route repeats the top-level upstream',
    text: `${good}routes:\n  - { path: /, upstream: "http://a:1" }\n`,
    path: 'routes[0]',
    source: 'sallyport.yaml:10',
    says: /the very same requests as the top-level `upstream`/,
  },
  {
    what: 'a header template names something unknown',
    text: `${good}headers:\n  X-User: "{user.name}"\n`,
    path: 'headers.X-User',
    source: 'sallyport.yaml:10',
    says: /\{user\.name\} is not known; there are \{access_token\}/,
  },
  {
    what: 'a header template has an unknown filter',
    text: `${good}headers:\n  X-User: "{claims.name|upper}"\n`,
    path: 'headers.X-User',
    source: 'sallyport.yaml:10',
    says: /no filter of that name; there are base64, uri, json/,
  },
  {
    what: 'a brace is not closed',
    text: `${good}headers:\n  X-User: "{claims.name"\n`,
    path: 'headers.X-User',
    source: 'sallyport.yaml:10',
    says: /a \{ is never closed; write \{\{/,
  },
  {
    what: 'a header belongs to the gateway',
    text: `${good}headers:\n  Content-Length: "1"\n`,
    path: 'headers.Content-Length',
    source: 'sallyport.yaml:10',
    says: /which belong to the gateway/,
  },
  {
    what: 'the listen address has no port',
    text: `${good}listen: localhost\n`,
    path: 'listen.address',
    source: 'sallyport.yaml:9',
    says: /host:port such as 127\.0\.0\.1:4180/,
  },
  {
    what: 'a network has too many bits',
    text: `${good}trustedProxies: [10.0.0.0/8, 10.0.0.0/64]\n`,
    path: 'trustedProxies[1]',
    source: 'sallyport.yaml:9',
    says: /a network such as 10\.0\.0\.0\/8/,
  },
  {
    what: 'a __Host- cookie has a domain',
    text: good.replace(session, `${session}  cookie:\n    name: __Host-app\n    domain: example.com\n`),
    path: 'session.cookie.name',
    source: 'sallyport.yaml:10',
    says: /cannot have a domain: name it __Secure-/,
  },
  {
    what: 'the cookie domain does not fit publicUrl',
    text: good.replace(session, `${session}  cookie: { domain: example.org }\n`),
    path: 'session.cookie.domain',
    source: 'sallyport.yaml:9',
    says: /app\.example\.com of publicUrl is not below this domain/,
  },
  {
    what: 'SameSite=None on http',
    text: good
      .replace('https://app', 'http://app')
      .replace(session, `${session}  cookie: { sameSite: none }\n`),
    path: 'session.cookie.sameSite',
    source: 'sallyport.yaml:9',
    says: /on https only/,
  },
  {
    what: 'a partitioned cookie is Lax',
    text: good.replace(session, `${session}  cookie: { partitioned: true }\n`),
    path: 'session.cookie.partitioned',
    source: 'sallyport.yaml:9',
    says: /needs `sameSite: none`/,
  },
  {
    what: 'a partitioned cookie on http',
    text: good
      .replace('https://app', 'http://app')
      .replace(session, `${session}  cookie:\n    sameSite: none\n    partitioned: true\n`),
    path: 'session.cookie.partitioned',
    source: 'sallyport.yaml:11',
    says: /partitioned cookies on https only/,
  },
  {
    what: 'an environment variable has a wrong value',
    text: good,
    env: { SALLYPORT_LOGGING_LEVEL: 'loud' },
    path: 'logging.level',
    source: 'SALLYPORT_LOGGING_LEVEL',
    says: /one of silent, error, warn, info, debug, got "loud"/,
  },
  {
    what: 'a variable and its _FILE are both set',
    text: good,
    env: { SALLYPORT_PROVIDER_CLIENT_ID: 'a', SALLYPORT_PROVIDER_CLIENT_ID_FILE: '/x' },
    path: 'provider.clientId',
    source: 'SALLYPORT_PROVIDER_CLIENT_ID_FILE',
    says: /are both set; keep one of them/,
  },
  {
    what: 'a _FILE does not exist',
    text: good,
    env: { SALLYPORT_PROVIDER_CLIENT_ID_FILE: '/nonexistent/id' },
    path: 'provider.clientId',
    source: 'SALLYPORT_PROVIDER_CLIENT_ID_FILE',
    says: /the file \/nonexistent\/id cannot be read/,
  },
  {
    what: 'the file is a list',
    text: '- a\n- b\n',
    path: '',
    source: 'sallyport.yaml:1',
    says: /expected a map of keys, got a list/,
  },
  {
    what: 'the file is not YAML',
    text: `${good}routes: [\n`,
    path: '',
    source: 'sallyport.yaml:10',
    says: /this is not valid YAML/,
  },
  {
    what: 'the path of a route has a parameter',
    text: `${good}routes:\n  - { path: "/a;b", upstream: "http://a:1" }\n`,
    path: 'routes[0].path',
    source: 'sallyport.yaml:10',
    says: /a path without `;`/,
  },
  {
    what: 'a segment of a route ends with a dot',
    text: `${good}routes:\n  - { path: /wiki/U.S./x, upstream: "http://a:1" }\n`,
    path: 'routes[0].path',
    source: 'sallyport.yaml:10',
    says: /end with a dot/,
  },
  {
    what: 'the new path of a route begins with a plus',
    text: `${good}routes:\n  - { path: /a, rewrite: /+b, upstream: "http://a:1" }\n`,
    path: 'routes[0].rewrite',
    source: 'sallyport.yaml:10',
    says: /have a `\+` at an end/,
  },
  {
    what: 'two routes of different rules differ by case alone',
    text: `${good}routes:\n  - { path: /admin, upstream: "http://a:1", allow: [{ groups: a }] }\n  - { path: /Admin, upstream: "http://a:1", allow: public }\n`,
    path: 'routes[1].path',
    source: 'sallyport.yaml:11',
    says: /differs from routes\[0\] by the case of its letters alone/,
  },
  {
    what: 'a route lies in another one of a different rule, but for case',
    text: `${good}routes:\n  - { path: /admin, upstream: "http://a:1", allow: [{ groups: a }] }\n  - { path: /Admin/open, upstream: "http://a:1", allow: public }\n`,
    path: 'routes[1].path',
    source: 'sallyport.yaml:11',
    says: /differs from routes\[0\] by the case/,
  },
  {
    what: 'a route is where the endpoints are, but for case',
    text: `${good}routes:\n  - { path: /OAuth2/x, upstream: "http://a:1" }\n`,
    path: 'routes[0].path',
    source: 'sallyport.yaml:10',
    says: /differs from the gateway's own endpoints by the case/,
  },
  {
    what: 'two routes are one where case is nothing',
    text: `${good}paths: { ignoreCase: true }\nroutes:\n  - { path: /a, upstream: "http://a:1" }\n  - { path: /A, upstream: "http://a:1" }\n`,
    path: 'routes[1].path',
    source: 'sallyport.yaml:12',
    says: /the very same requests as routes\[0\]: paths.ignoreCase is on/,
  },
  {
    what: 'what applications make of parameters is misspelt',
    text: `${good}paths: { parameters: off }\n`,
    path: 'paths.parameters',
    source: 'sallyport.yaml:9',
    says: /one of any, strip/,
  },
  {
    what: 'a host of paths is none',
    text: `${good}paths: { hosts: { "https://a.example": { ignoreCase: true } } }\n`,
    path: 'paths.hosts["https://a.example"]',
    source: 'sallyport.yaml:9',
    says: /host name/,
  },
  {
    what: 'a key stands twice',
    text: `${good}upstream: http://other:1\n`,
    path: '',
    source: 'sallyport.yaml:9',
    says: /not valid YAML: Map keys must be unique/,
  },
];

for (const { what, text, env, path, source, says } of wrong) {
  test(`a wrong configuration is explained: ${what}`, async (t) => {
    const problems = problemsOf(text, env);
    const found = problems.find((problem) => formatPath(problem.path) === path && says.test(problem.message));
    t.ok(found, 'the problem is reported at its path, in these words', { problems });
    t.equal(withoutColumn(found?.source), source, 'with the place that it comes from');
    t.notMatch(JSON.stringify(problems), /s3cret|c2hvcnQ/, 'and no secret is repeated');
  });
}

test('what a file holds is not quoted, in whatever place it is named', (t) => {
  const folder = t.testdir({ secret: 'hunter2-of-a-file' });
  for (const line of ['listen', 'limits: { keepAlive', 'publicUrl', 'session: { idleTimeout']) {
    const [key = ''] = line.split(':');
    const value = `"\${file:${folder}/secret}"${line.includes('{') ? ' }' : ''}`;
    const text = `${good.replace(new RegExp(`^${key}:.*\n`, 'm'), '')}${line}: ${value}\n`;
    let problems = '';
    try {
      parseConfig(text, { file: 'sallyport.yaml', env: {} });
    } catch (error) {
      problems = String((error as Error).message);
    }
    t.match(problems, new RegExp(`${key}.*is not shown`, 's'), line);
    t.notMatch(problems, /hunter2/, line);
  }
  t.end();
});

test('every problem is reported at once, in the order of the file', async (t) => {
  const problems = problemsOf(`publicUrl: 5
upstream: legacy
provider: { issuer: nowhere, clintId: x }
session: { secret: short }
listen: nowhere
`);
  t.strictSame(
    problems.map(({ source, path }) => `${withoutColumn(source)} ${formatPath(path)}`),
    [
      'sallyport.yaml:1 publicUrl',
      'sallyport.yaml:2 upstream',
      'sallyport.yaml:3 provider.issuer',
      'sallyport.yaml:3 provider.clientId',
      'sallyport.yaml:3 provider.clintId',
      'sallyport.yaml:4 session.secret',
      'sallyport.yaml:5 listen.address',
    ],
  );
});

test('a configuration that is right has no problems', async (t) => {
  t.strictSame(problemsOf(good), []);
});
