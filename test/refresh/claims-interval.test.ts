import tap, { type Test, test } from 'tap';
import { arrangePreset, type Imitated, personOf } from '../presets/imitation.ts';
import { arrangeUpstream } from '../support/arrange.ts';
import { createClient } from '../support/client.ts';
import { createWoundClock } from '../support/clock.ts';
import { startTestGateway } from '../support/gateway.ts';
import { logIn } from '../support/log-in.ts';
import { defaultPeople, type ProviderHit, type ProviderOptions, startProvider } from '../support/provider.ts';
import { startRedis } from '../support/redis.ts';
import { spawnGateway } from '../support/spawned-gateway.ts';
import { until } from '../support/until.ts';
import { type Echo, valuesOf } from '../support/upstream.ts';

/** Most of the time is waiting for the interval, so the tests wait together. */
tap.jobs = 6;
const waiting = () => ({ buffered: true });

const intervalMs = 60_000;
const refreshClaims = '1m';

/** RFC 6750 §3.1. */
const invalidToken = { headers: { 'www-authenticate': 'Bearer error="invalid_token"' } };

type Sent = Parameters<ProviderHit['send']>[0];

/** Somebody with tokens for longer than any test, whose groups only userinfo has. */
async function arrange(t: Test, options: ProviderOptions = {}, session: Record<string, unknown> = {}) {
  const people = structuredClone(defaultPeople) as Record<string, Record<string, unknown>>;
  const provider = await startProvider({ people, conformIdTokenClaims: true, ...options });
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  const clock = createWoundClock();
  const gateway = await startTestGateway({
    provider,
    upstream,
    clock,
    config: { provider: { refreshClaims }, session },
  });
  t.teardown(() => gateway.close());
  const client = createClient();
  t.teardown(() => client.close());
  await logIn(client, gateway.url, 'ada');
  const header = async (name: string) => {
    const answer = await client.get(`${gateway.url}/`);
    return answer.status === 200
      ? valuesOf((answer.json() as Echo).rawHeaders, name)[0]
      : String(answer.status);
  };
  const groups = () => header('x-forwarded-groups');
  return { provider, people, gateway, client, groups, header, clock };
}

for (const store of ['cookie', 'memory']) {
  test(`groups that are taken away have an effect after the interval (${store})`, waiting(), async (t) => {
    const { provider, people, groups, clock } = await arrange(t, {}, { store });
    t.equal(await groups(), 'staff,admins');
    people.ada = { ...people.ada, groups: ['staff'] };
    clock.wind(intervalMs);
    await until('the new groups', async () => (await groups()) === 'staff');
    people.ada = { ...people.ada, groups: undefined };
    clock.wind(intervalMs);
    await until('no groups', async () => (await groups()) === undefined);
    const tokens = provider.events.filter(({ name }) => name === 'grant.success');
    t.equal(tokens.length, 1, 'the tokens are those of the login');
  });
}

test('many requests at the same time ask userinfo once', waiting(), async (t) => {
  const { provider, groups, clock } = await arrange(t);
  const before = provider.hits.get('/me') ?? 0;
  clock.wind(intervalMs);
  await Promise.all(Array.from({ length: 20 }, groups));
  t.equal((provider.hits.get('/me') ?? 0) - before, 1);
});

test('an outage takes nothing away and signs nobody out', waiting(), async (t) => {
  for (const status of [500, 503, 429, 404, 200]) {
    const { provider, gateway, groups, clock } = await arrange(t);
    provider.tamper((hit) => (hit.path === '/me' ? hit.send({ status, body: 'no JSON' }) : hit.pass()));
    clock.wind(intervalMs);
    t.equal(await groups(), 'staff,admins', String(status));
    await gateway.log.line(({ msg }) => msg === 'refresh of claims failed');
    provider.tamper(undefined);
    await provider.stop();
    t.equal(await groups(), 'staff,admins', 'nor does one of the whole provider');
    await provider.restart();
  }
});

for (const status of [401, 403]) {
  test(
    `userinfo that refuses (${status}): new tokens where there is a refresh token`,
    waiting(),
    async (t) => {
      const { provider, groups, clock } = await arrange(t);
      let refused = 0;
      provider.tamper((hit) => {
        if (hit.path !== '/me' || refused > 0) return hit.pass();
        refused += 1;
        return hit.send({ status, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } });
      });
      clock.wind(intervalMs);
      await until('a refresh', async () => {
        clock.wind(1000);
        t.equal(await groups(), 'staff,admins');
        return provider.events.some(({ grantType }) => grantType === 'refresh_token');
      });
    },
  );

  test(`and goes on to say that it is not good (${status}): its claims go`, waiting(), async (t) => {
    const { provider, groups, header, clock } = await arrange(t);
    provider.tamper((hit) => (hit.path === '/me' ? hit.send({ status, ...invalidToken }) : hit.pass()));
    clock.wind(intervalMs);
    await until('no groups', async () => {
      clock.wind(1000);
      return (await groups()) === undefined;
    });
    t.equal(await header('x-forwarded-user'), 'ada', 'the session goes on');
  });

  test(
    `userinfo that says that the token is not good (${status}): the end of the session where there is no other`,
    waiting(),
    async (t) => {
      const { provider, gateway, header, clock } = await arrange(t, { refreshTokens: false });
      provider.tamper((hit) => (hit.path === '/me' ? hit.send({ status, ...invalidToken }) : hit.pass()));
      clock.wind(intervalMs);
      await until('the end of the session', async () => (await header('x-forwarded-user')) === '401');
      await gateway.log.line(({ reason }) => String(reason).includes('does not take the access token'));
    },
  );
}

test('a bare 401 ends a session that can get no other token', waiting(), async (t) => {
  const { provider, header, clock } = await arrange(t, { refreshTokens: false });
  provider.tamper((hit) => (hit.path === '/me' ? hit.send({ status: 401 }) : hit.pass()));
  clock.wind(intervalMs);
  await until('the end of the session', async () => (await header('x-forwarded-user')) === '401');
});

const refusals: { name: string; answer: Sent }[] = [
  { name: 'a bare 403', answer: { status: 403 } },
  { name: 'a page of a firewall', answer: { status: 403, body: '<h1>Blocked</h1>' } },
  {
    name: 'a front that asks for other credentials',
    answer: { status: 401, headers: { 'www-authenticate': 'Basic realm="staging"' } },
  },
];
for (const { name, answer } of refusals) {
  test(`which ${name} does not`, waiting(), async (t) => {
    const { provider, gateway, groups, clock } = await arrange(t, { refreshTokens: false });
    provider.tamper((hit) => (hit.path === '/me' ? hit.send(answer) : hit.pass()));
    clock.wind(intervalMs);
    t.equal(await groups(), 'staff,admins');
    await gateway.log.line(({ msg }) => msg === 'refresh of claims failed');
    t.equal(await groups(), 'staff,admins');
  });
}

const settings: { name: string; config: Record<string, unknown>; instances?: number }[] = [
  { name: 'two workers', config: { workers: 2 } },
  { name: 'two instances on Redis', config: {}, instances: 2 },
];

for (const { name, config, instances = 1 } of settings) {
  test(`many requests at the same time ask userinfo once: ${name}`, waiting(), async (t) => {
    const provider = await startProvider({ conformIdTokenClaims: true });
    t.teardown(() => provider.stop());
    const upstream = await arrangeUpstream(t);
    const redis = instances > 1 ? await startRedis() : undefined;
    if (redis) t.teardown(() => redis.stop());
    const secret = Buffer.alloc(32, 9).toString('base64');
    const session = { secret, ...(redis && { redis: { url: redis.url } }) };
    const gateways = await Promise.all(
      Array.from({ length: instances }, () =>
        spawnGateway({
          provider,
          upstream,
          config: { ...config, session, provider: { refreshClaims: '5s' } },
        }),
      ),
    );
    for (const gateway of gateways) t.teardown(() => gateway.stop());
    const [first = '', second = first] = gateways.map(({ url }) => url);
    const client = createClient();
    t.teardown(() => client.close());
    await logIn(client, first, 'ada');
    const cookie = client.cookies.headerFor(first) ?? '';
    const before = provider.hits.get('/me') ?? 0;
    // Processes of their own have the clock of the machine.
    const due = Date.now() + 5000;
    await until('the interval to be over', () => Date.now() >= due, 10_000);
    const storm = createClient();
    t.teardown(() => storm.close());
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        storm.request(`${index % 2 ? first : second}/${index}`, { headers: { cookie } }),
      ),
    );
    t.ok(answers.every(({ status }) => status === 200));
    t.equal((provider.hits.get('/me') ?? 0) - before, 1);
  });
}

test('userinfo about somebody else ends the session', waiting(), async (t) => {
  const { provider, header, clock } = await arrange(t);
  provider.tamper((hit) =>
    hit.path === '/me'
      ? hit.send({
          headers: { 'content-type': 'application/json' },
          body: '{"sub":"grace","groups":["root"]}',
        })
      : hit.pass(),
  );
  clock.wind(intervalMs);
  await until('the end of the session', async () => (await header('x-forwarded-user')) === '401');
});

test('what the ID token said stays, what userinfo said does not', waiting(), async (t) => {
  let userinfo: Record<string, unknown> = { sub: 'ada', email: 'ada@example.com' };
  const imitated: Imitated = {
    metadata: (origin) => ({
      path: '/.well-known/openid-configuration',
      document: {
        issuer: origin,
        authorization_endpoint: `${origin}/authorize`,
        token_endpoint: `${origin}/token`,
        jwks_uri: `${origin}/jwks`,
        userinfo_endpoint: `${origin}/userinfo`,
      },
    }),
    paths: { authorize: '/authorize', token: '/token', jwks: '/jwks' },
    idToken: (origin) => ({ iss: origin, sub: 'ada', groups: ['staff'] }),
    api: { '/userinfo': () => ({ json: userinfo }) },
  };
  const scene = await arrangePreset(t, imitated, {
    provider: (origin) => ({ issuer: origin, refreshClaims: '1s' }),
  });
  await scene.signIn();
  t.match(await personOf(scene), { email: 'ada@example.com', groups: 'staff' });
  userinfo = { sub: 'ada' };
  await until('no email', async () => (await personOf(scene)).email === undefined);
  t.equal((await personOf(scene)).groups, 'staff');
});

test(
  'a source that answers fewer is believed, and a required claim that is gone ends the session',
  waiting(),
  async (t) => {
    let groups = ['a', 'b'];
    let company = 'example';
    const imitated: Imitated = {
      paths: { authorize: '/authorize', token: '/token' },
      api: {
        '/whoami': () => ({ json: { id: 1, company } }),
        '/groups': () => ({ json: { list: groups.map((name) => ({ name, active: true })) } }),
      },
    };
    const scene = await arrangePreset(t, imitated, {
      provider: (origin) => ({
        type: 'oauth2',
        authorizationEndpoint: `${origin}/authorize`,
        tokenEndpoint: `${origin}/token`,
        userinfoEndpoint: `${origin}/whoami`,
        claims: { user: 'id' },
        requiredClaims: { company: ['example', 'sample'] },
        sources: [
          {
            endpoint: `${origin}/groups`,
            claim: 'groups',
            items: 'list',
            where: { active: true },
            value: 'name',
          },
        ],
        refreshClaims: '1s',
      }),
    });
    await scene.signIn();
    t.equal((await personOf(scene)).groups, 'a,b');
    groups = ['b'];
    await until('one group', async () => (await personOf(scene)).groups === 'b');
    groups = [];
    await until('no group', async () => (await personOf(scene)).groups === undefined);
    company = 'elsewhere';
    await until('the end of the session', async () => (await personOf(scene)).status === '401');
  },
);
