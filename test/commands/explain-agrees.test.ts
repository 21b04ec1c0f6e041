import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { type Test, test } from 'tap';
import { explain } from '../../src/commands/explain.ts';
import { arrangeUpstream } from '../support/arrange.ts';
import { type Client, createClient, navigationHeaders } from '../support/client.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { logIn } from '../support/log-in.ts';
import { type Person, startProvider, type TestProvider } from '../support/provider.ts';
import { until } from '../support/until.ts';
import type { Upstream } from '../support/upstream.ts';

/** Small worlds, so that random routes, rules, people and requests meet. */
const groups = ['staff', 'admins', 'Staff'];
const emails = ['ada@example.com', 'Ada@Example.com', 'ada@sub.example.com', 'ada@localhost'];
const segments = ['a', 'b', 'ab', 'a;b', 'a.b'];

const some = <T>(values: readonly T[]) => fc.subarray([...values], { minLength: 1 });
const maybe = <T>(weight: number, arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight, arbitrary });

const conditions = {
  groups: some(groups),
  emails: some(emails),
  emailDomains: some(['example.com', 'sub.example.com']),
  users: some(['p0', 'p1', 'ada']),
  claims: fc.oneof(
    fc.record({ level: some([1, 2, '1']) }),
    fc.record({ 'realm_access.roles': some(['r1', 'r2']), active: fc.constant(true) }),
  ),
  networks: some(['127.0.0.0/8', '10.0.0.0/8', '::1']),
};
/** One or two conditions: with more, hardly anybody would pass. */
const alternative = fc
  .tuple(
    fc.record(conditions),
    fc.subarray(Object.keys(conditions) as (keyof typeof conditions)[], { minLength: 1, maxLength: 2 }),
  )
  .map(([all, names]) => Object.fromEntries(names.map((name) => [name, all[name]])));

const templates = [
  'Bearer {access_token}',
  '{id_token}',
  '{claims.name}',
  '{claims.name|base64}',
  '{claims.groups|json}',
  '{claims.realm_access.roles|uri}',
  '{claims.level} of {claims.email}',
  '{session.id}-{request.id}',
  '{provider}',
  'plain {{text}}',
];
const headerMap = fc.dictionary(
  fc.constantFrom('X-One', 'X-Two', 'Authorization', 'X-Forwarded-User', 'x_forwarded_email'),
  fc.option(fc.constantFrom(...templates), { freq: 4 }),
  { maxKeys: 3 },
);

const routePath = fc.constantFrom('/', '/a', '/a/b', '/b', '/a.b', '/ab');
const route = fc.record(
  {
    path: routePath,
    host: maybe(2, fc.constantFrom('127.0.0.1', 'a.example', '*.example', '*.b.example')),
    methods: maybe(2, some(['GET', 'POST', 'OPTIONS'])),
    allow: fc.oneof(
      fc.constantFrom('public', 'signed-in'),
      fc.array(alternative, { minLength: 1, maxLength: 3 }),
    ),
    unauthenticated: fc.constantFrom('auto', 'login', '401', 'pass'),
    preflight: fc.constantFrom('check', 'pass'),
    csrf: fc.constantFrom('off', 'header'),
    headers: headerMap,
    preserveHost: fc.boolean(),
    stripPrefix: fc.constant(true),
    assertion: fc.constant({ header: 'X-Assertion', audience: 'app' }),
  },
  { requiredKeys: ['path'] },
);

const person = fc.record(
  {
    name: fc.constantFrom('Ada', 'Zoë Ångström', '100%'),
    preferred_username: fc.constantFrom('ada', 'p0', 'zoë'),
    email: fc.constantFrom(...emails),
    email_verified: fc.constantFrom(true, false, 'false'),
    groups: fc.oneof(some(groups), fc.constantFrom('staff admins', 'staff', '')),
    level: fc.constantFrom(1, 2, '1', 3),
    active: fc.boolean(),
    realm_access: fc.record({ roles: some(['r1', 'r2', 'r3']) }),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<Person>;

const spelling = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...segments) },
  fc.constantFrom('%61', '..', '.', '', '%2e%2e', 'a%2fb', 'a%20b', '%00', 'c', 'oauth2'),
);
const requestPath = fc.oneof(
  { weight: 24, arbitrary: fc.array(spelling, { maxLength: 3 }).map((parts) => `/${parts.join('/')}`) },
  fc.constantFrom('/oauth2/jwks', '/oauth2/nothing'),
);

interface Asking {
  method: string;
  path: string;
  host: string | undefined;
  /** Whose session it carries; undefined for none. */
  who: number | undefined;
  headers: Record<string, string>;
}

const navigation = Object.fromEntries(
  Object.entries(navigationHeaders).map(([name, value]) => [name, String(value)]),
);
const asking: fc.Arbitrary<Asking> = fc.record({
  method: fc.constantFrom(
    'GET',
    'GET',
    'GET',
    'GET',
    'POST',
    'POST',
    'OPTIONS',
    'OPTIONS',
    'DELETE',
    'HEAD',
    'TRACE',
  ),
  path: requestPath,
  host: maybe(2, fc.constantFrom('a.example', 'A.Example.', 'x.example', 'y.b.example')),
  who: maybe(5, fc.nat({ max: 1 })),
  headers: fc.oneof(
    fc.constant({}),
    fc.constant(navigation),
    fc.constant({ 'x-requested-with': 'fetch', accept: 'text/html' }),
    fc.constant({ origin: 'https://spa.example', 'access-control-request-method': 'POST' }),
    fc.constant({
      'x-one': 'forged',
      'X_Forwarded-User': 'root',
      'x-kept': 'yes',
      authorization: 'Basic eA==',
    }),
  ),
});

/** Most tables have a route for everything that no other takes. */
const rest = maybe(9, route).map((one) =>
  one ? [{ ...one, path: '/', host: undefined, methods: undefined }] : [],
);

/** Tables, and requests to each. */
const runs = 20;
const requests = 25;

const world = fc.record({
  routes: fc
    .tuple(rest, fc.array(route, { minLength: 3, maxLength: 12 }))
    .map(([first, others]) => [...first, ...others]),
  headers: headerMap,
  user: fc.constantFrom('sub', 'preferred_username'),
  groups: fc.constantFrom('groups', 'realm_access.roles'),
  countUnverified: fc.boolean(),
  people: fc.tuple(person, person),
  askings: fc.array(asking, { minLength: requests, maxLength: requests }),
});
type World = typeof world extends fc.Arbitrary<infer T> ? T : never;

/** Two routes for the very same requests are an error; the later one is left out. */
function withoutConflicts(routes: World['routes']): World['routes'] {
  const seen = new Set<string>();
  return routes.filter(({ host = '*', path, methods = [''] }) => {
    const keys = methods.map((method) => `${host} ${path} ${method}`);
    if (keys.some((key) => seen.has(key))) return false;
    for (const key of keys) seen.add(key);
    return true;
  });
}

/** What can be seen of the gateway's decision from outside, in the words of `explain`. */
interface Seen {
  route: string | undefined;
  outcome: string;
  reason: string | undefined;
  url: string | undefined;
  headers: string[];
}

async function observe(
  { gateway, upstream, client }: { gateway: TestGateway; upstream: Upstream; client: Client },
  { method, path, host, headers }: Asking,
): Promise<Seen> {
  const logged = () => gateway.log.lines.filter(({ msg }) => msg === 'request');
  const before = logged().length;
  const arrivedBefore = upstream.requests.length;
  const answer = await client.request(`${gateway.url}${path}?n=${before}`, {
    method,
    headers: { ...(host !== undefined && { host }), ...headers },
  });
  const line = await until('the line of the request', () => logged()[before]);
  const arrived = upstream.requests[arrivedBefore];
  const code = answer.headers['x-sallyport-error'];
  const refusal = gateway.log.lines.find(
    ({ msg, requestId }) => msg === 'refused' && requestId === line.requestId,
  );
  const outcome = arrived ? 'allow' : answer.status === 302 ? 'login' : `${answer.status} ${code}`;
  return {
    route: line.route as string | undefined,
    outcome,
    reason: refusal?.reason as string | undefined,
    url: arrived?.url,
    headers: arrived ? listOf(arrived.rawHeaders) : [],
  };
}

/** `Name: value` in order; what belongs to the connection is the HTTP library's. */
function listOf(raw: readonly string[]): string[] {
  const lines: string[] = [];
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at]?.toLowerCase() ?? '';
    if (name !== 'connection' && name !== 'content-length') lines.push(`${name}: ${raw[at + 1]}`);
  }
  return lines;
}

/** The first header that came and was not said, or the other way round; `***` stands for anything. */
function headerDifference(came: readonly string[], text: string): string | undefined {
  const said = [...text.matchAll(/^header +([^:]+): (.*)$/gm)].map(([, name, value = '']) => {
    const literals = value.split('***').map((part) => part.replace(/[$()*+.?[\\\]^{|}]/g, '\\$&'));
    return { name: name?.toLowerCase() ?? '', value: new RegExp(`^${literals.join('\\S+')}$`) };
  });
  if (came.length !== said.length) return `${came.length} headers came, ${said.length} were said`;
  return came.find((line, at) => {
    const [, name, value = ''] = /^([^:]+): (.*)$/.exec(line) ?? [];
    return name !== said[at]?.name || !said[at]?.value.test(value);
  });
}

/** Checks one request; gives what was decided, for the count. */
async function compare(scene: Scene, one: Asking): Promise<string> {
  const { gateway, files, clients, stranger } = scene;
  const seen = await observe({ ...scene, client: clients[one.who ?? -1] ?? stranger }, one);
  const n = gateway.log.lines.filter(({ msg }) => msg === 'request').length - 1;
  const host = one.host ?? new URL(gateway.url).host;
  const url = `http://${host}${one.path}?n=${n}`;
  const options = {
    config: files.config,
    from: '127.0.0.1',
    ...(one.who !== undefined && { as: files.people[one.who] ?? '' }),
    header: Object.entries(one.headers).map(([name, value]) => `${name}: ${value}`),
  };
  const text = explain(one.method, url, options);
  const about = JSON.stringify({ one, text, seen }, null, 1);
  const field = (name: string) => new RegExp(`^${name} +(.*)$`, 'm').exec(text)?.[1];
  const same = (actual: unknown, expected: unknown) => {
    if (actual !== expected) throw new Error(`${actual} is not ${expected}: ${about}`);
  };

  const [, status, refused] = /^refused +(\d+) (\w+)/.exec(text) ?? [];
  if (status !== undefined) {
    same(seen.outcome, `${status} ${refused}`);
    return `refused ${refused}`;
  }
  if (text.startsWith('endpoint')) {
    same(seen.route, undefined);
    same(seen.url, undefined);
    return 'endpoint';
  }
  // Asked without headers, it says first what a browser gets that goes to a page; this request is none.
  const isBare = Object.keys(one.headers).length === 0;
  const otherwise = /^ {10}no browser that goes to a page: (.*)$/m.exec(text)?.[1];
  const decision = isBare && otherwise !== undefined ? otherwise : field('decision');
  if (one.headers === navigation) {
    const bare = explain(one.method, url, { ...options, header: [] });
    same(/^decision .*$/m.exec(bare)?.[0], /^decision .*$/m.exec(text)?.[0]);
  }
  same(seen.route, /^(\S+)/.exec(field('route') ?? '')?.[1]);
  const [, kind, code, reason] = /^(\w+)(?: \((\w+)\))?: (.*)$/.exec(decision ?? '') ?? [];
  const statuses: Record<string, number> = {
    not_signed_in: 401,
    not_allowed: 403,
    forgery_header_missing: 403,
  };
  same(seen.outcome, kind === 'deny' ? `${statuses[code ?? '']} ${code}` : kind);
  if (code === 'not_allowed') same(seen.reason, reason);
  if (kind === 'allow') {
    same(seen.url, field('path') ?? `${one.path}?n=${n}`);
    const difference = headerDifference(seen.headers, text);
    if (difference !== undefined) throw new Error(`${difference}: ${about}`);
  }
  return `${kind} ${code ?? reason?.replace(/\d/g, '')}`;
}

interface Scene {
  gateway: TestGateway;
  upstream: Upstream;
  clients: Client[];
  stranger: Client;
  files: { config: string; people: string[] };
}

async function build(
  t: Test,
  run: number,
  { routes, headers, user, groups: groupsClaim, countUnverified, people }: World,
  {
    provider,
    people: known,
    upstream,
  }: { provider: TestProvider; people: Record<string, Person>; upstream: Upstream },
): Promise<Scene & { close(): Promise<void> }> {
  const gateway = await startTestGateway({
    provider,
    config: {
      provider: {
        claims: { user, groups: groupsClaim },
        insecureUnverifiedEmail: countUnverified,
      },
      headers,
      routes: withoutConflicts(routes).map((one) => ({ ...one, upstream: upstream.url })),
    },
  });
  const folder = t.testdir();
  const files = { config: join(folder, `${run}.yaml`), people: [] as string[] };
  writeFileSync(files.config, gateway.yaml);
  const clients = people.map(() => createClient());
  const stranger = createClient();
  for (const [at, claims] of people.entries()) {
    const login = `p${at}`;
    known[login] = claims;
    await logIn(clients[at] as Client, gateway.url, login, { path: '/oauth2/start?rd=/oauth2/userinfo' });
    keepOwnCookies(clients[at] as Client, gateway.url);
    const file = join(folder, `${run}-${login}.json`);
    writeFileSync(file, JSON.stringify({ ...claims, sub: login }));
    files.people.push(file);
  }
  return {
    gateway,
    upstream,
    clients,
    stranger,
    files,
    async close() {
      for (const client of [...clients, stranger]) client.close();
      await gateway.close();
    },
  };
}

/** Cookies know no ports, so those of the provider would come along. */
function keepOwnCookies({ cookies }: Client, url: string): void {
  const own = cookies.all().filter(({ name }) => name.startsWith('sallyport'));
  cookies.clear();
  cookies.take(
    url,
    own.map(({ name, value }) => `${name}=${value}; Path=/`),
  );
}

test(`explain agrees with the gateway on ${runs * requests} random triples of routes, request and claims`, async (t) => {
  const people: Record<string, Person> = {};
  const provider = await startProvider({
    people,
    scopes: { groups: ['groups', 'level', 'active', 'realm_access'] },
  });
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  const outcomes = new Map<string, number>();
  let run = 0;
  await fc.assert(
    fc.asyncProperty(world, async (one) => {
      const scene = await build(t, run++, one, { provider, people, upstream });
      try {
        for (const request of one.askings) {
          const outcome = await compare(scene, request);
          outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        }
      } finally {
        await scene.close();
      }
    }),
    { numRuns: runs, endOnFailure: true },
  );
  const count = [...outcomes.values()].reduce((sum, each) => sum + each, 0);
  t.equal(count, runs * requests);
  t.comment(Object.fromEntries([...outcomes].sort(([, a], [, b]) => b - a)));
  for (const outcome of ['allow', 'login', 'deny', 'refused', 'endpoint']) {
    const seen = [...outcomes.keys()].some((key) => key.startsWith(outcome));
    t.ok(seen, `${outcome} was among them`);
  }
});
