import { test } from 'tap';
import { parseConfig } from '../../src/config/load.ts';
import { tellDifferences } from '../../src/plan/differences/tell.ts';
import { differencesOf } from '../../src/plan/differences.ts';
import { compilePlan } from '../../src/plan/plan.ts';
import { gatewayYaml } from '../support/gateway-config.ts';

type Given = Record<string, unknown>;

const secret = (byte: number) => Buffer.alloc(32, byte).toString('base64');
const standard = {
  publicUrl: 'https://app.example.com',
  provider: { issuer: 'https://id.example.com', clientId: 'app', clientSecret: 'the first secret' },
  session: { secret: secret(1) },
  routes: [{ path: '/', upstream: 'http://legacy:8080' }],
};
const planOf = (config: Given, env: NodeJS.ProcessEnv = {}) =>
  compilePlan(
    parseConfig(gatewayYaml({ config: { ...standard, ...config } }, 4180), { file: 'c.yaml', env }).config,
  );
const between = (before: Given, after: Given) =>
  differencesOf(planOf(before), planOf(after), { fixed: ['workers', 'admin'] });
const root = { path: '/', upstream: 'http://legacy:8080' };
const withRoutes = (...routes: Given[]) => ({
  routes: [root, ...routes.map((each) => ({ upstream: 'http://legacy:8080', ...each }))],
});

test('the access of a route is widened, narrowed, or another one', (t) => {
  const staff = { allow: [{ groups: 'staff' }] };
  for (const [name, before, after, expected] of [
    ['one more group', staff, { allow: [{ groups: ['staff', 'admins'] }] }, 'widened'],
    ['one group less', { allow: [{ groups: ['staff', 'admins'] }] }, staff, 'narrowed'],
    ['another group', staff, { allow: [{ groups: 'admins' }] }, 'changed'],
    [
      'two alternatives for one list',
      { allow: [{ groups: ['a', 'b'] }] },
      { allow: [{ groups: 'b' }, { groups: 'a' }] },
      undefined,
    ],
    ['a condition more', staff, { allow: [{ groups: 'staff', networks: '10.0.0.0/8' }] }, 'narrowed'],
    [
      'halves of a network',
      { allow: [{ networks: '10.0.0.0/8' }] },
      { allow: [{ networks: ['10.0.0.0/9', '10.128.0.0/9'] }] },
      undefined,
    ],
    [
      'a smaller network',
      { allow: [{ networks: '10.0.0.0/8' }] },
      { allow: [{ networks: '10.0.0.0/9' }] },
      'narrowed',
    ],
    [
      'a network as IPv6 has it',
      { allow: [{ networks: '10.0.0.0/8' }] },
      { allow: [{ networks: '::ffff:a00:0/104' }] },
      undefined,
    ],
    [
      'a domain for one of its addresses',
      { allow: [{ emails: 'ada@Example.com' }] },
      { allow: [{ emailDomains: 'example.com' }] },
      'widened',
    ],
    [
      'an alternative that another has in it',
      { allow: [{ groups: 'a' }] },
      { allow: [{ groups: 'a' }, { groups: 'a', users: 'u' }] },
      undefined,
    ],
    ['signed in for a group', staff, { allow: 'signed-in' }, 'widened'],
    ['public', { allow: 'signed-in' }, { allow: 'public' }, 'widened'],
    ['nobody is let pass', {}, { unauthenticated: 'pass' }, 'widened'],
    ['401 for a login', { unauthenticated: 'login' }, { unauthenticated: '401' }, 'same'],
    ['preflights', { preflight: 'pass' }, { preflight: 'check' }, 'narrowed'],
    ['a header against forgery', { csrf: 'header' }, { csrf: 'off' }, 'widened'],
    ['another origin', { csrf: 'header' }, { csrf: 'header', cors: ['https://spa.example'] }, 'widened'],
    ['a stronger sign-in', { stepUp: { acr: ['otp', 'mfa'] } }, { stepUp: { acr: 'mfa' } }, 'narrowed'],
    ['a younger sign-in', { stepUp: { maxAge: '5m' } }, { stepUp: { maxAge: '1h' } }, 'widened'],
    [
      'another number',
      { allow: [{ claims: { level: [1, 2] } }] },
      { allow: [{ claims: { level: [1, '2'] } }] },
      'changed',
    ],
    ['another upstream', {}, { upstream: 'http://other:8080' }, 'same'],
  ] as const) {
    const { routes } = between(withRoutes({ path: '/x', ...before }), withRoutes({ path: '/x', ...after }));
    t.equal(
      routes[0]?.shifts.length
        ? routes[0].access
        : routes[0]?.keys.some(({ key }) => key !== 'allow')
          ? routes[0].access
          : undefined,
      expected,
      name,
    );
    if (expected) t.equal(routes[0]?.path, '/x', name);
  }
  t.end();
});

test('a route that is gone leaves its requests to another one, and one that has come takes them', (t) => {
  const old = { path: '/old', allow: [{ groups: 'staff' }] };
  const gone = between(withRoutes(old), withRoutes());
  t.match(gone.routes, [
    {
      path: '/old',
      change: 'removed',
      access: 'widened',
      shifts: [
        {
          before: '/old',
          after: '/',
          gained: [{ who: 'who is signed in', except: [{ groups: ['staff'] }] }],
        },
      ],
    },
  ]);
  t.match(between(withRoutes(), withRoutes(old)).routes, [
    { path: '/old', change: 'added', access: 'narrowed' },
  ]);
  t.match(between(withRoutes(), withRoutes({ path: '/same' })).routes, [{ change: 'added', access: 'same' }]);
  const child = { path: '/old/open', allow: 'public' };
  const kept = between(withRoutes(old, child), withRoutes(child));
  t.equal(kept.routes.length, 1, 'what is below it and has a route of its own stays as it is');
  t.equal(kept.routes[0]?.shifts[0]?.at, undefined);
  const only = { routes: [{ ...root, path: '/a' }] };
  t.match(
    between(
      {
        routes: [
          { ...root, path: '/a' },
          { ...root, path: '/b' },
        ],
      },
      only,
    ).routes,
    [{ path: '/b', access: 'narrowed', shifts: [{ after: 'no route' }] }],
  );
  t.end();
});

test('a method, a host, the prefix and the spelling of paths move requests too', (t) => {
  const some = between(
    withRoutes({ path: '/x', allow: 'public' }),
    withRoutes({ path: '/x', allow: 'public' }, { path: '/x', methods: ['POST'] }),
  );
  t.match(some.routes, [{ path: '/x', methods: ['POST'], change: 'added', access: 'narrowed' }]);
  const known = between({}, { publicUrl: ['https://app.example.com', 'https://b.example.com'] });
  t.match(known.routes, [
    {
      path: '/',
      change: 'changed',
      access: 'widened',
      shifts: [{ at: [{ host: 'b.example.com' }], before: 'unknown host' }],
    },
  ]);
  const named = between({}, withRoutes({ path: '/x', host: 'c.example.com' }));
  t.match(
    named.routes.find(({ path }) => path === '/'),
    { access: 'widened', shifts: [{ at: [{ host: 'c.example.com', path: '/' }] }] },
    'a host that a route names is answered on all paths',
  );
  const moved = between({}, { endpoints: { prefix: '/auth' } });
  t.match(moved.routes, [
    {
      path: '/',
      access: 'changed',
      shifts: [{ at: [{ path: '/oauth2' }] }, { at: [{ path: '/auth' }], after: 'own endpoint' }],
    },
  ]);
  t.strictSame(between({}, { paths: { ignoreCase: true } }).oddPaths.length > 0, true);
  t.end();
});

test('who somebody is may change, and with it who passes', (t) => {
  const routes = withRoutes(
    { path: '/staff', allow: [{ groups: 'staff' }] },
    { path: '/mail', allow: [{ emails: 'a@b.c' }] },
  );
  const provider = (more: Given) => ({ ...routes, provider: { ...standard.provider, ...more } });
  const changed = (more: Given) =>
    between(provider({}), provider(more)).routes.map(({ path, access }) => `${path} ${access}`);
  t.strictSame(changed({ claims: { groups: 'roles' } }), ['/staff changed']);
  t.strictSame(changed({ insecureUnverifiedEmail: true }), ['/mail changed']);
  t.strictSame(changed({ requiredClaims: { org: 'x' } }), ['/ changed', '/staff changed', '/mail changed']);
  t.strictSame(changed({ label: 'Staff', timeout: '5s', clientSecret: 'the other secret' }), []);
  t.strictSame(
    changed({ clientId: 'other' }).length,
    3,
    'the provider may say of other clients that others are theirs',
  );
  const corp = { provider: undefined, ...withRoutes({ path: '/all' }, { path: '/corp', provider: 'corp' }) };
  const providers = {
    corp: standard.provider,
    partners: { ...standard.provider, issuer: 'https://p.example' },
  };
  const more = between({ ...corp, providers: { corp: providers.corp } }, { ...corp, providers });
  t.strictSame(
    more.routes.map(({ path, access }) => `${path} ${access}`),
    ['/ widened', '/all widened'],
    'people of another provider',
  );
  const bearer = [{ issuer: 'https://api.example', audience: 'app' }];
  t.match(between({}, { bearer }).routes[0], {
    access: 'widened',
    shifts: [{ gained: [{ who: 'clients with an access token' }] }],
  });
  const net = withRoutes({ path: '/net', allow: [{ networks: '10.0.0.0/8' }] });
  t.match(between(net, { ...net, trustedProxies: ['10.0.0.1'] }).routes, [
    { path: '/net', access: 'changed' },
  ]);
  t.end();
});

test('a comparison that would take too long is not called the same, nor narrowed', (t) => {
  const rule = Array.from({ length: 60 }, (_, at) => ({
    groups: Array.from({ length: 40 }, (__, item) => `g${(item * (at + 3)) % 97}`),
    users: Array.from({ length: 40 }, (__, item) => `u${(item * (at + 5)) % 89}`),
    claims: { a: [at % 7, at % 5], b: [at % 3, at % 11] },
  }));
  const [before, after] = [
    planOf(withRoutes({ path: '/x', allow: rule })),
    planOf(withRoutes({ path: '/x', allow: [...rule.slice(1)].reverse() })),
  ];
  t.match(differencesOf(before, after).routes, [{ path: '/x', access: 'narrowed' }], 'with enough steps');
  const short = differencesOf(before, after, { steps: 500 });
  t.match(short.routes, [{ path: '/x', access: 'changed', keys: [{ key: 'allow' }] }]);
  t.ok(short.routes[0]?.shifts.every(({ isUndecided }) => isUndecided));
  t.match(tellDifferences(short).join('\n'), 'more than could be compared: read both rules');
  t.end();
});

test('what it means for people is said', (t) => {
  const kinds = (before: Given, after: Given) =>
    between(before, after).consequences.map((each) =>
      'because' in each ? `${each.kind} ${each.because}` : each.kind,
    );
  const session = (more: Given) => ({ session: { secret: secret(1), ...more } });
  t.strictSame(kinds({}, session({ secret: secret(2) })), ['signed-out session.secret']);
  t.strictSame(
    kinds({}, session({ secret: [secret(2), secret(1)] })),
    [],
    'a secret that stays opens sessions',
  );
  t.match(between(session({ secret: [secret(1), secret(2)] }), {}).consequences, [
    { kind: 'signed-out', who: 'some' },
  ]);
  t.strictSame(kinds({}, session({ cookie: { name: 'gate' } })), ['signed-out session.cookie.name']);
  t.strictSame(
    kinds(
      session({ cookie: { name: 'gate' } }),
      session({ cookie: { name: 'gate', domain: 'example.com' } }),
    ),
    ['cookie-moved session.cookie.domain'],
  );
  t.strictSame(kinds({}, session({ store: 'memory' })), ['signed-out session.store']);
  t.strictSame(kinds({}, session({ store: 'redis://a' })), ['signed-out session.store']);
  t.strictSame(kinds(session({ store: 'redis://a' }), session({ store: 'redis://:pw@a' })), []);
  t.strictSame(kinds({}, session({ idleTimeout: '30m', maxLifetime: '24h' })), [
    'signed-out session.idleTimeout',
  ]);
  t.strictSame(kinds({}, session({ idleTimeout: '60m' })), []);
  t.strictSame(kinds({}, { websocket: { idle: '1h' } }), ['sockets-ended websocket.idle']);
  t.match(between({}, withRoutes({ path: '/x', allow: [{ claims: { level: 1 } }] })).consequences, [
    { kind: 'claims-lacking', claims: ['level'] },
  ]);
  t.match(between({}, { publicUrl: ['https://app.example.com', 'https://b.example.com'] }).consequences, [
    { kind: 'register', redirectUris: ['https://b.example.com/oauth2/callback'] },
    { kind: 'origins', gained: ['https://b.example.com'], lost: [] },
  ]);
  t.match(between({}, { provider: { ...standard.provider, ownCallback: true } }).consequences, [
    {
      kind: 'register',
      provider: 'default',
      redirectUris: ['https://app.example.com/oauth2/callback/default'],
    },
  ]);
  t.match(between({}, { provider: { ...standard.provider, clientId: 'b' } }).consequences[0], {
    kind: 'not-refreshed',
  });
  t.end();
});

test('keys are told as the file has them, secrets only as such, and fixed ones by name', (t) => {
  const differences = between(
    { session: { secret: secret(1), idleTimeout: '1h' } },
    {
      session: { secret: secret(1), idleTimeout: '60m', maxLifetime: '8h' },
      provider: { ...standard.provider, clientSecret: 'the second secret' },
      workers: 2,
      listen: '127.0.0.1:4180',
    },
  );
  t.strictSame(
    differences.keys.sort((a, b) => (a.key < b.key ? -1 : 1)),
    [
      { key: 'providers.default.clientSecret', isHidden: true },
      { key: 'session.maxLifetime', before: '12h', after: '8h' },
      { key: 'workers', before: 1, after: 2 },
    ],
  );
  t.strictSame(differences.fixed, ['workers']);
  t.end();
});

test('the contents of a file that a route names may be what is another one', (t) => {
  const route = { path: '/x', upstream: 'https://legacy', tls: { ca: '/ca.pem' } };
  const { config } = parseConfig(gatewayYaml({ config: { ...standard, ...withRoutes(route) } }, 4180), {
    file: 'c.yaml',
    env: {},
  });
  const [before, after] = ['one', 'two'].map((text) => compilePlan(config, { read: () => text }));
  if (!before || !after) throw new Error('no plan');
  t.match(differencesOf(before, after).routes, [
    { path: '/x', change: 'changed', access: 'same', keys: [{ key: 'tls', isHidden: true }] },
  ]);
  t.strictSame(tellDifferences(differencesOf(before, after)), [
    'changed  /x: the same people pass',
    '           tls: another one, which is not shown',
  ]);
  t.end();
});

test('no secret is in what is told', (t) => {
  const secrets: string[] = [];
  const next = () => {
    const one = Buffer.alloc(33, `canary ${secrets.length}`).toString('base64');
    secrets.push(one);
    return one;
  };
  const version = () => ({
    provider: { ...standard.provider, clientSecret: next(), authorizationParams: { x: '${PARAM}' } },
    session: { secret: [next(), next()], store: `redis://:${encodeURIComponent(next())}@redis` },
    headers: { 'X-Key': '${KEY}', Authorization: `Basic ${next()}` },
    bearer: [
      {
        introspectionEndpoint: `https://i.example/?k=${next()}`,
        audience: 'a',
        clientId: 'g',
        clientSecret: next(),
      },
    ],
    routes: [{ ...root, basicAuth: { username: '${KEY}', password: next() }, headers: { 'X-A': '${KEY}' } }],
  });
  const [before, after] = [0, 1].map(() => planOf(version(), { KEY: next(), PARAM: next() }));
  if (!before || !after) throw new Error('no plan');
  const differences = differencesOf(before, after);
  const text = JSON.stringify(differences) + tellDifferences(differences).join('\n');
  for (const one of secrets) {
    for (const form of [one, encodeURIComponent(one), Buffer.from(one).toString('base64').replace(/=+$/, '')])
      if (text.includes(form)) t.fail(`${form} in ${text}`);
  }
  t.match(text, /routes|headers/);
  t.ok(differences.keys.some(({ key, isHidden }) => key === 'headers.X-Key' && isHidden));
  t.end();
});

test('hundreds of routes are compared soon, and one change among them sooner', (t) => {
  const routesOf = (group: string) =>
    Array.from({ length: 300 }, (_, at) => ({
      path: `/app-${at}`,
      ...(at % 3 === 0 && { host: `h${at % 50}.example.com` }),
      allow: [{ groups: [`g${at}`, at === 150 ? group : 'staff'] }],
    }));
  const [before, after] = [
    planOf(withRoutes(...routesOf('staff'))),
    planOf(withRoutes(...routesOf('other'))),
  ];
  const wide = planOf({
    ...withRoutes(...routesOf('staff')),
    provider: { ...standard.provider, requiredClaims: { a: 'b' } },
  });
  const timed = (run: () => unknown) => {
    const started = performance.now();
    run();
    return Math.round(performance.now() - started);
  };
  const times = {
    one: timed(() => differencesOf(before, after)),
    all: timed(() => differencesOf(before, wide)),
  };
  t.comment(times);
  t.equal(differencesOf(before, after).routes.length, 1);
  t.ok(times.all < 10_000);
  t.end();
});
