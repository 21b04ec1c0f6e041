import fc from 'fast-check';
import { decide, trusts } from '../../src/access/decide.ts';
import { compileRule } from '../../src/access/rule.ts';
import type { Person } from '../../src/access/subject.ts';
import { parseConfig } from '../../src/config/load.ts';
import { allowRule } from '../../src/config/schema/access.ts';
import { GatewayError } from '../../src/errors.ts';
import { pickClaims } from '../../src/identity/claims/claims.ts';
import { personOf, personRules } from '../../src/identity/claims/person.ts';
import type { People } from '../../src/plan/differences.ts';
import { compilePlan, type Plan } from '../../src/plan/plan.ts';
import { Question } from '../../src/request/decide.ts';
import { resolveTarget } from '../../src/routes/resolve.ts';
import type { Route } from '../../src/routes/table.ts';
import { makeTarget } from '../../src/routes/target.ts';
import { addresses, allow, claims, rules, scopes } from '../access/world.ts';

/** Small worlds of configurations, people and requests, so that random ones meet. */

const secret = Buffer.alloc(32, 7).toString('base64');
const one = <T>(...values: T[]) => fc.constantFrom(...values);
const some = <T>(...values: T[]) => fc.subarray(values, { minLength: 1 });
const maybe = <T>(arbitrary: fc.Arbitrary<T>, freq = 3) =>
  fc.option(arbitrary, { nil: undefined, freq: 1, ...(freq && { freq }) });
/** Undefined most of the time. */
const seldom = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });

/** Rules that are often met, beside those of the world of rules. */
const rule = fc.oneof(
  { weight: 2, arbitrary: one<unknown>('public', 'signed-in') },
  {
    weight: 3,
    arbitrary: fc.array(
      fc.oneof(
        fc.record({ groups: some('staff', 'admins', 'a', 'b') }),
        fc.record({ emailDomains: some('example.com', 'sub.example.com') }),
        fc.record({
          emails: some('ada@example.com', 'bob@sub.example.com'),
          networks: some('10.0.0.0/8', '0.0.0.0/0'),
        }),
        fc.record({ users: some('ada', 'bob', '7') }),
        fc.record({ networks: some('10.0.0.0/9', '10.128.0.0/9', '::/0') }),
      ),
      { minLength: 1, maxLength: 3 },
    ),
  },
  { weight: 3, arbitrary: allow },
);

const route = fc.record({
  host: seldom(one('a.example', 'b.example', '*.example', '*.b.example')),
  path: one('/', '/a', '/a/b', '/a/b/c', '/b', '/oauth2/x', '/auth'),
  methods: seldom(some('GET', 'POST', 'OPTIONS', 'HEAD')),
  allow: rule,
  unauthenticated: one('auto', 'login', '401', 'pass'),
  provider: seldom(some('corp', 'partners')),
  preflight: one('check', 'check', 'pass'),
  csrf: one('off', 'off', 'header'),
  cors: seldom(some('https://spa.example', 'https://other.example')),
  stepUp: seldom(
    fc.record({ acr: some('mfa', 'otp', 'pwd'), maxAge: one('1m', '10m', '1h') }, { requiredKeys: ['acr'] }),
  ),
  resource: seldom(one('https://a.example/mcp', 'https://a.example/x')),
  stripPrefix: seldom(fc.constant(true)),
});
type WrittenRoute = typeof route extends fc.Arbitrary<infer T> ? T : never;

const claimRules = { ...rules.claims };
const provider = (name: string) => ({
  issuer: `https://${name}.example`,
  clientId: 'app',
  clientSecret: `secret of ${name}`,
  claims: claimRules,
});
const changes = {
  claims: { ...claimRules, groups: 'level' },
  requiredClaims: { level: ['1'] },
  label: 'Another label',
  insecureUnverifiedEmail: true,
};

export const world = fc.record({
  publicUrl: fc.subarray(['https://a.example', 'https://c.example'], { minLength: 1 }),
  routes: fc.array(route, { minLength: 1, maxLength: 6 }),
  prefix: fc.oneof({ weight: 6, arbitrary: one('/oauth2') }, { weight: 1, arbitrary: one('/auth') }),
  partners: one(true, true, false),
  bearer: one(true, true, false),
  ignoreCase: one(false, false, false, true),
  trusted: seldom(one('10.0.0.0/8')),
  change: seldom(one(...(Object.keys(changes) as (keyof typeof changes)[]))),
});
export type World = typeof world extends fc.Arbitrary<infer T> ? T : never;

/** Another world, which has much of the first: most differences of real files are small. */
export const neighbour = (from: World): fc.Arbitrary<World> =>
  fc.oneof(
    { weight: 1, arbitrary: world },
    {
      weight: 6,
      arbitrary: fc
        .tuple(
          world,
          fc.array(fc.nat(9), { maxLength: 2 }),
          fc.subarray(Object.keys(from) as (keyof World)[]),
          one(0, 0, 1),
        )
        .map(([other, places, keys, takesKeys]) => ({
          ...from,
          ...(takesKeys && Object.fromEntries(keys.map((key) => [key, other[key]]))),
          routes: from.routes.flatMap((each, at) => {
            if (!places.includes(at)) return [each];
            const substitute = other.routes[at];
            return substitute
              ? [{ ...each, allow: substitute.allow, [oneKey(at)]: substitute[oneKey(at)] }]
              : [];
          }),
        })),
    },
  );

const oneKey = (at: number): keyof WrittenRoute =>
  (['methods', 'unauthenticated', 'provider', 'csrf', 'stepUp', 'preflight'] as const)[at % 6] ?? 'allow';

/** Two routes for the very same requests are an error; the later one is left out. */
function withoutConflicts(routes: readonly WrittenRoute[], isBlind: boolean): WrittenRoute[] {
  const seen = new Set<string>();
  return routes.filter(({ host = '', path, methods = [''] }) => {
    const keys = methods.map((method) => `${host} ${isBlind ? path.toLowerCase() : path} ${method}`);
    if (keys.some((key) => seen.has(key))) return false;
    for (const key of keys) seen.add(key);
    return true;
  });
}

export function documentOf({
  routes,
  prefix,
  partners,
  bearer,
  change,
  ...rest
}: World): Record<string, unknown> {
  const names = partners ? ['corp', 'partners'] : ['corp'];
  return {
    publicUrl: rest.publicUrl,
    providers: Object.fromEntries(
      names.map((name) => [
        name,
        { ...provider(name), ...(name === 'corp' && change && { [change]: changes[change] }) },
      ]),
    ),
    ...(bearer && {
      bearer: [{ issuer: 'https://corp.example', audience: 'app', claims: claimRules }],
    }),
    session: { secret },
    endpoints: { prefix },
    paths: { ignoreCase: rest.ignoreCase },
    ...(rest.trusted !== undefined && { trustedProxies: [rest.trusted] }),
    routes: withoutConflicts(routes, rest.ignoreCase)
      .filter(({ path }) => !`${path}/`.startsWith(`${prefix}/`))
      .map((each) => ({
        ...each,
        upstream: 'http://legacy:8080',
        provider: each.provider?.includes('partners') && !partners ? undefined : each.provider,
        allow: bearer ? each.allow : withoutClients(each.allow),
        resource: bearer && rest.publicUrl.includes('https://a.example') ? each.resource : undefined,
      })),
  };
}

/** Where no access tokens are accepted, a file must not ask for them. */
function withoutClients(given: unknown): unknown {
  if (!Array.isArray(given)) return given;
  const left = given
    .map(({ scope, bearer, ...others }) => others)
    .filter((each) => Object.keys(each).length > 0);
  return left.length > 0 ? left : 'signed-in';
}

/** Whether a path can be read in more than one way. */
export const hasOddPath = (path: string): boolean => /[A-Z%;.]|\/\//.test(path);

/** The plan of a world; undefined where such a file is refused. */
export function planOf(document: unknown): Plan | undefined {
  try {
    return compilePlan(parseConfig(JSON.stringify(document), { file: 'c.yaml', env: {} }).config);
  } catch {
    return undefined;
  }
}

export const asking = fc.record({
  method: one('GET', 'GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS', 'PATCH'),
  host: one(
    'a.example',
    'a.example',
    'a.example',
    'b.example',
    'c.example',
    'x.b.example',
    'y.example',
    'z.test',
  ),
  path: fc.oneof(
    {
      weight: 9,
      arbitrary: one(
        '/',
        '/a',
        '/a/b',
        '/a/b/c',
        '/a/b/c/d',
        '/a/x',
        '/b',
        '/b/y',
        '/x',
        '/auth',
        '/oauth2/x',
      ),
    },
    { weight: 1, arbitrary: one('/A', '/%61/b', '/a;v=1', '/a%2Fb', '//a', '/a/../b', '/B/y', '/a/b.') },
  ),
  address: addresses,
  headers: one<Record<string, string>>(
    {},
    { accept: 'text/html' },
    { 'x-requested-with': 'fetch' },
    { 'x-requested-with': 'fetch', origin: 'https://spa.example' },
    { 'x-requested-with': 'fetch', origin: 'https://c.example' },
    { origin: 'https://spa.example', 'access-control-request-method': 'POST' },
  ),
  who: maybe(
    fc.record({
      provider: one('corp', 'partners'),
      claims,
      scopes,
      audience: one('app', 'https://a.example/mcp'),
      acr: maybe(one('mfa', 'otp', 'pwd')),
      age: one(10, 100, 3000, 9000),
    }),
    7,
  ),
});
export type Asking = typeof asking extends fc.Arbitrary<infer T> ? T : never;

const nowSeconds = 1_700_000_000;

/** Who it is to a plan; `refused` is an access token that does not count. */
function personFor(
  plan: Plan,
  route: Route,
  who: NonNullable<Asking['who']>,
): Person | 'refused' | undefined {
  const { config } = plan;
  const isClient = who.scopes !== undefined && who.provider === 'corp';
  const given = { ...who.claims, acr: who.acr, auth_time: nowSeconds - who.age };
  if (isClient) {
    const [entry] = config.bearer;
    if (!entry) return undefined;
    const rulesOfClient = { ...entry, countUnverifiedEmail: false };
    const person = {
      ...personOf(rulesOfClient, 'ada', {
        ...pickClaims(given, plan.claims.claimPaths, entry.claims.username),
      }),
      bearer: true,
      scopes: who.scopes ?? [],
      provider: 'corp',
    };
    const counts = (route.resource?.identifier ?? 'app') === who.audience && trusts(route, person);
    return counts ? person : route.allow === 'public' ? undefined : 'refused';
  }
  const settings = config.providers[who.provider];
  if (!settings) return undefined;
  // Who lacks a required claim was never signed in.
  const lacks = Object.entries(settings.requiredClaims).some(([path, values]) => {
    const claim = (given as Record<string, unknown>)[path];
    return ![claim].flat().some((each) => values.includes(String(each)));
  });
  if (lacks) return undefined;
  const person = {
    ...personOf(
      personRules(settings),
      'ada',
      pickClaims(given, plan.claims.claimPaths, settings.claims.username),
    ),
    provider: who.provider,
  };
  return trusts(route, person) ? person : undefined;
}

export interface Answered {
  passes: boolean;
  clientAddress: string | undefined;
  /** The name of the route. */
  taker: string;
  route: Route | undefined;
  person: Person | undefined;
}

/** What a plan decides, by the functions that requests are decided with. */
export function answerOf(plan: Plan, { method, host, path, address, headers, who }: Asking): Answered {
  const { table, prefix, hosts } = plan.reader;
  const target = makeTarget(path, host);
  // What a front says of its client counts where the front is trusted.
  const clientAddress = plan.config.trustedProxies.length > 0 ? '192.0.2.77' : address;
  const none = { passes: false, route: undefined, person: undefined, clientAddress };
  try {
    hosts.originOf(target);
    const resolution = resolveTarget(table, prefix, target, method);
    if (resolution.kind === 'endpoint') return { ...none, taker: 'own endpoint' };
    const { route: taken } = resolution;
    const taker = taken.label + (taken.methods ? ` ${taken.methods.join(',')}` : '');
    const person = who && personFor(plan, taken, who);
    if (person === 'refused') return { ...none, taker, route: taken };
    const sent = { method, request: { headers }, peer: { clientAddress } };
    const context = { origins: plan.origins, now: () => nowSeconds * 1000 };
    const decision = decide(taken, new Question(context, sent, person, taken));
    return { ...none, passes: decision.kind === 'allow', taker, route: taken, person };
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    const taker = { unknown_host: 'unknown host', no_route: 'no route' }[error.code as string];
    return { ...none, taker: taker ?? 'ambiguous path' };
  }
}

/** Whether somebody is one of the people that differences name, as far as conditions say it. */
export function isMeant({ conditions = {} }: People, { person, clientAddress }: Answered): boolean {
  return Object.entries(conditions).every(([name, values]) => {
    // What is read in two ways, or asks of the sign-in, is not a condition of a rule as it stands.
    if (name.includes(' ') || name.startsWith('stepUp.')) return true;
    const [, claim] = /^claims\.(.*)$/.exec(name) ?? [];
    const written =
      claim === undefined
        ? { [name]: values }
        : { claims: { [claim]: values.map((each) => JSON.parse(each)) } };
    const { allow: compiled } = parseRule(written);
    return compileRule(compiled)({ person, clientAddress }).kind === 'allow';
  });
}

const parseRule = (written: unknown) => ({ allow: allowRule().parse([written]) });
