import { decodeJwt } from 'jose';
import tap, { type Test, test } from 'tap';
import { assembled, providerKey, signClaims } from '../attack/forged-token.ts';
import { arrangeUpstream } from '../support/arrange.ts';
import { createClient } from '../support/client.ts';
import { createWoundClock } from '../support/clock.ts';
import { startTestGateway } from '../support/gateway.ts';
import { logIn, submitForm } from '../support/log-in.ts';
import {
  defaultPeople,
  type ProviderHit,
  type ProviderOptions,
  startProvider,
  type TestProvider,
} from '../support/provider.ts';
import { type Echo, valuesOf } from '../support/upstream.ts';

/** Most of the time is waiting for answers, so the tests wait together. */
tap.jobs = 4;
const waiting = () => ({ buffered: true });

const tokenSeconds = 300;

type Sent = Parameters<ProviderHit['send']>[0];

const json = (status: number, body: unknown): Sent => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

const challenge = (value: string, status = 401): Sent => ({ status, headers: { 'www-authenticate': value } });

/** Somebody who may sign in, and pass, for what userinfo alone says. */
async function arrange(
  t: Test,
  more: (origin: string) => Record<string, unknown> = () => ({}),
  options: ProviderOptions = {},
  prepare?: (provider: TestProvider) => void,
) {
  const people = structuredClone(defaultPeople) as Record<string, Record<string, unknown>>;
  const provider = await startProvider({
    people,
    conformIdTokenClaims: true,
    rotateRefreshTokens: true,
    ttl: { accessToken: tokenSeconds },
    ...options,
  });
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  const clock = createWoundClock();
  prepare?.(provider);
  const config = {
    provider: { requiredClaims: { groups: ['staff'] }, ...more(provider.issuer) },
    routes: [{ path: '/', upstream: upstream.url, allow: [{ groups: 'admins' }] }],
  };
  const gateway = await startTestGateway({ provider, clock, config });
  t.teardown(() => gateway.close());
  const client = createClient();
  t.teardown(() => client.close());
  await logIn(client, gateway.url, 'ada');
  const groups = async () => {
    const answer = await client.get(`${gateway.url}/`);
    if (answer.status !== 200) return String(answer.status);
    return valuesOf((answer.json() as Echo).rawHeaders, 'x-forwarded-groups')[0];
  };
  const userinfo = (sent: Sent) =>
    provider.tamper((hit) => (hit.path === '/me' ? hit.send(sent) : hit.pass()));
  const refreshes = () => provider.events.filter(({ grantType }) => grantType === 'refresh_token').length;
  /** Past the end of the access token. */
  const expire = () => clock.wind((tokenSeconds + 1) * 1000);
  return { provider, people, gateway, client, clock, groups, userinfo, refreshes, expire };
}

const quirks: Record<string, Sent> = {
  'a bare 401': { status: 401 },
  'a bare 403': { status: 403 },
  'a page with 403': { status: 403, headers: { 'content-type': 'text/html' }, body: '<h1>Blocked</h1>' },
  'an error of its own with 401': json(401, { message: 'unknown' }),
  'a challenge for other credentials': challenge('Basic realm="staging"'),
  'a challenge without an error': challenge('Bearer realm="userinfo"'),
  'a token that may not ask this': challenge('Bearer error="insufficient_scope"', 403),
  'a challenge that does not parse': challenge('"'),
  'a 404': { status: 404 },
  'a 429': { status: 429 },
  'a 500': { status: 500 },
  'a 503 with the words for a token': challenge('Bearer error="invalid_token"', 503),
  'no JSON': { status: 200, headers: { 'content-type': 'application/json' }, body: '{' },
  nobody: json(200, { groups: [] }),
  'a JWT that nobody signed': {
    status: 200,
    headers: { 'content-type': 'application/jwt' },
    body: assembled({ alg: 'none' }, { sub: 'ada', groups: [] }),
  },
};

for (const [name, sent] of Object.entries(quirks)) {
  test(`userinfo that answers a good token with ${name} takes nothing from anybody`, waiting(), async (t) => {
    const { groups, userinfo, refreshes, expire } = await arrange(t);
    userinfo(sent);
    for (const round of [1, 2]) {
      expire();
      t.equal(await groups(), 'staff,admins', `refresh ${round}`);
      t.equal(refreshes(), round);
    }
  });
}

test('nor does one whose connections break', waiting(), async (t) => {
  const { provider, groups, expire } = await arrange(t);
  provider.tamper((hit) => (hit.path === '/me' ? void hit.response.destroy() : hit.pass()));
  expire();
  t.equal(await groups(), 'staff,admins');
});

const words: Record<string, Sent> = {
  'a challenge': challenge('Bearer error="invalid_token"'),
  'the second of two challenges': challenge('Basic realm="x", Bearer error="invalid_token"'),
  'a body': json(401, { error: 'invalid_token' }),
};
for (const [name, sent] of Object.entries(words)) {
  test(`userinfo that says in ${name} that the token is not good is believed`, waiting(), async (t) => {
    const { groups, userinfo, expire } = await arrange(t);
    userinfo(sent);
    expire();
    t.equal(await groups(), '401', 'what is required is not known of them any more');
  });
}

test('a good answer after the refusals takes what it takes', waiting(), async (t) => {
  const { people, provider, groups, userinfo, expire } = await arrange(t);
  userinfo({ status: 403 });
  expire();
  t.equal(await groups(), 'staff,admins');
  people.ada = { ...people.ada, groups: ['staff'] };
  provider.tamper(undefined);
  expire();
  t.equal(await groups(), '403', 'the rule needs another group');
  people.ada = { ...people.ada, groups: [] };
  expire();
  t.equal(await groups(), '401', 'and everybody needs this one');
});

test(
  'an ID token that says less than the one before takes nothing while userinfo is out',
  waiting(),
  async (t) => {
    const { provider, groups, expire } = await arrange(t, undefined, { conformIdTokenClaims: false });
    const key = await providerKey(provider);
    let userinfo: Sent = { status: 500 };
    provider.tamper(async (hit) => {
      if (hit.path === '/me') return hit.send(userinfo);
      if (hit.path !== '/token') return hit.pass();
      const original = await hit.original();
      const tokens = JSON.parse(original.body) as Record<string, string>;
      const { groups: _, ...claims } = decodeJwt(tokens.id_token ?? '');
      return hit.send(json(200, { ...tokens, id_token: await signClaims(claims, key) }));
    });
    for (const round of [1, 2]) {
      expire();
      t.equal(await groups(), 'staff,admins', `refresh ${round}`);
    }
    userinfo = json(200, { sub: 'ada', groups: ['staff'] });
    expire();
    t.equal(await groups(), '403', 'until it says otherwise');
  },
);

test('a source that refuses a good token takes nothing either', waiting(), async (t) => {
  let source: Sent = json(200, [{ name: 'staff' }, { name: 'admins' }]);
  const sources = (origin: string) => ({
    sources: [{ endpoint: `${origin}/teams`, claim: 'groups', value: 'name' }],
  });
  const { groups, expire } = await arrange(t, sources, {}, (provider) =>
    provider.tamper((hit) => (hit.path === '/teams' ? hit.send(source) : hit.pass())),
  );
  for (const sent of [{ status: 401 }, { status: 403 }, challenge('Basic realm="x"'), { status: 502 }]) {
    source = sent;
    expire();
    t.equal(await groups(), 'staff,admins', JSON.stringify(sent));
  }
  source = challenge('Bearer error="invalid_token"');
  expire();
  t.equal(await groups(), '401', 'it says that the token is not good');
});

test(
  'nobody is told that they are not admitted while userinfo is out: the login says to try again',
  waiting(),
  async (t) => {
    const { gateway, userinfo } = await arrange(t);
    userinfo({ status: 503 });
    const other = createClient();
    t.teardown(() => other.close());
    const page = await other.navigate(gateway.url, { follow: 10 });
    const answer = await submitForm(other, page, { login: 'ada' });
    t.equal(answer.headers['x-sallyport-error'], 'provider_unavailable');
    t.equal(answer.status, 503);
  },
);
