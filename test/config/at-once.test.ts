import { test } from 'tap';
import { parseConfig } from '../../src/config/load.ts';
import { ConfigError, formatPath } from '../../src/config/problems.ts';

type Keys = Record<string, unknown>;

const secret = Buffer.alloc(32, 7).toString('base64');

/** Keys that are valid, each by itself, and wrong together: one of every kind of thing that is checked. */
const contradictory = () => ({
  publicUrl: 'http://app.example.com' as unknown,
  provider: {
    issuer: 'http://id.example.com',
    clientId: 'app',
    clientSecret: 's3cret',
    clientAuth: 'none',
    authorizationParams: { state: 'x' },
    tenants: ['7'],
    responseMode: 'form_post',
    preset: 'keycloak',
  } as Keys,
  bearer: [{ issuer: 'https://id.example.com', audience: 'a', clientId: 'x' } as Keys],
  session: {
    store: 'memory',
    secret,
    redis: { url: 'redis://localhost' },
    cookie: { path: '/app', partitioned: true },
  } as Keys,
  routes: [
    {
      path: '/admin',
      upstream: ['http://a:1'],
      tls: { cert: 'a.pem' },
      responseHeaders: { 'X-T': '{token}' },
      headers: { 'X-U': '{token}' },
      allow: [{ groups: 'admins' }],
    },
    { path: '/Admin', upstream: 'http://a:1', provider: 'corp', resource: 'https://else.example.com/mcp' },
  ] as Keys[],
  trustedProxies: [{ network: 'unix', headers: ['Authorization'] }] as Keys[],
});

type Contradictory = ReturnType<typeof contradictory> & Keys;

const together = [
  'bearer[0].clientId',
  'provider.authorizationParams.state',
  'provider.clientSecret',
  'provider.issuer',
  'provider.preset.realm',
  'provider.preset.url',
  'provider.responseMode',
  'provider.tenants',
  'routes[0].headers',
  'routes[0].path',
  'routes[0].responseHeaders',
  'routes[0].tls',
  'routes[1].path',
  'routes[1].provider',
  'routes[1].resource',
  'session.cookie.partitioned',
  'session.cookie.path',
  'session.redis.url',
  'trustedProxies[0].headers[0]',
];

function problemsOf(config: Keys): string[] {
  try {
    parseConfig(JSON.stringify(config), { file: 'sallyport.yaml', env: {} });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [...new Set(error.problems.map(({ path }) => formatPath(path)))].sort();
  }
}

test('what is wrong together is reported, all of it', async (t) => {
  t.strictSame(problemsOf(contradictory()), together);
});

/** Whether a route takes the requests of another one can be said only of routes that are valid. */
const clashing = ['routes[0].path', 'routes[1].path'];

/** One mistake that the schema finds, beside the others. */
const mistakes: [path: string, make: (config: Contradictory) => void, instead?: string[]][] = [
  ['listen.address', (config) => Object.assign(config, { listen: 'nowhere' })],
  ['zzzzzz', (config) => Object.assign(config, { zzzzzz: 1 })],
  ['provider.timeout', ({ provider }) => Object.assign(provider, { timeout: 30 })],
  ['provider.zzzzzz', ({ provider }) => Object.assign(provider, { zzzzzz: 1 })],
  ['provider.clientId', ({ provider }) => delete provider.clientId],
  ['bearer[0].zzzzzz', ({ bearer: [entry] }) => Object.assign(entry ?? {}, { zzzzzz: 1 })],
  ['bearer[1]', ({ bearer }) => bearer.push(5 as unknown as Keys)],
  ['publicUrl[1]', (config) => Object.assign(config, { publicUrl: ['http://app.example.com', 'nowhere'] })],
  ['session.idleTimeout', ({ session }) => Object.assign(session, { idleTimeout: 'soon' })],
  ['session.cookie.zzzzzz', ({ session }) => Object.assign(session.cookie as Keys, { zzzzzz: 1 })],
  ['trustedProxies[1]', ({ trustedProxies }) => trustedProxies.push('nowhere' as unknown as Keys)],
  ['routes[0].maxBody', ({ routes }) => Object.assign(routes[0] ?? {}, { maxBody: 1 }), clashing],
  ['routes[1].zzzzzz', ({ routes }) => Object.assign(routes[1] ?? {}, { zzzzzz: 1 }), clashing],
  ['routes[2]', ({ routes }) => routes.push('x' as unknown as Keys), clashing],
];

for (const [path, make, instead = []] of mistakes) {
  test(`a mistake in one key hides none that keys make together: ${path}`, async (t) => {
    const config: Contradictory = contradictory();
    make(config);
    const expected = [path, ...together.filter((each) => !instead.includes(each))].sort();
    t.strictSame(problemsOf(config), expected);
  });
}

test('nothing is said of what follows from a value that is not valid', async (t) => {
  const provider = { issuer: 'https://id.example.com', clientId: 'app', clientSecret: 's' };
  const good = { publicUrl: 'https://app.example.com', provider, session: { secret } };
  const route = { path: '/', upstream: 'http://a:1' };
  const wrong: [path: string, config: Keys][] = [
    ['upstream', { upstream: 'legacy' }],
    ['routes[0].upstream', { routes: [{ path: '/', tls: { insecureSkipVerify: true } }] }],
    ['session.store', { routes: [route], session: { secret, store: 'x', redis: { url: 'redis://a' } } }],
    ['routes[0].path', { routes: [{ ...route, path: 'a' }, route] }],
    ['provider', { routes: [route], provider: 5 }],
    ['publicUrl', { routes: [route], publicUrl: 'nowhere', session: { secret, cookie: { path: '/' } } }],
  ];
  for (const [path, keys] of wrong) t.strictSame(problemsOf({ ...good, ...keys }), [path], path);
});

test('a bridge over an outage of Redis is for sessions in Redis, and no longer than they last unused', async (t) => {
  const route = { path: '/', upstream: 'http://a:1', allow: 'public' };
  const problemsWith = (session: Keys) =>
    problemsOf({ publicUrl: 'https://app.example.com', routes: [route], session });
  const redis = { bridge: '10m' };
  t.strictSame(problemsWith({ store: 'redis://a', redis }), []);
  t.strictSame(problemsWith({ store: 'redis://a', redis, idleTimeout: '5m' }), ['session.redis.bridge']);
  for (const store of ['cookie', 'memory'])
    t.strictSame(problemsWith({ store, redis }), ['session.redis.bridge'], store);
  t.strictSame(problemsWith({ store: 'x', redis }), ['session.store']);
  t.strictSame(problemsWith({ redis: { bridge: '0s' } }), []);
});

test('a doubled brace in a header of the answer is no token', async (t) => {
  const route = {
    path: '/',
    upstream: 'http://a:1',
    allow: 'public',
    responseHeaders: { 'X-T': '{{token}}' },
  };
  t.strictSame(problemsOf({ publicUrl: 'https://app.example.com', routes: [route] }), []);
});
