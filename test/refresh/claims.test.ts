import { exportJWK, importJWK, SignJWT } from 'jose';
import tap, { type Test, test } from 'tap';
import { arrangeUpstream } from '../support/arrange.ts';
import { createClient } from '../support/client.ts';
import { createWoundClock } from '../support/clock.ts';
import { startTestGateway } from '../support/gateway.ts';
import { logIn } from '../support/log-in.ts';
import { defaultPeople, type ProviderOptions, startProvider, type Tamper } from '../support/provider.ts';
import { rsaKeyPair } from '../support/rsa.ts';
import { until } from '../support/until.ts';
import { type Echo, valuesOf } from '../support/upstream.ts';

/** Most of the time is waiting for answers, so the tests wait together. */
tap.jobs = 6;
/** Options of its own for each test: tap keeps the outcome of a test in them. */
const waiting = () => ({ buffered: true });

const tokenSeconds = 300;

async function arrange(t: Test, options: ProviderOptions = {}, session: Record<string, unknown> = {}) {
  const provider = await startProvider({ ttl: { accessToken: tokenSeconds }, ...options });
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  const clock = createWoundClock();
  const gateway = await startTestGateway({ provider, upstream, clock, config: { session } });
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
  const expire = () => clock.wind(tokenSeconds * 1000);
  return { provider, gateway, client, header, clock, expire };
}

type Arranged = Awaited<ReturnType<typeof arrange>>;

/** Alters what the provider answers to a refresh. */
function onRefresh(
  { provider }: Arranged,
  alter: (tokens: Record<string, unknown>) => Promise<Record<string, unknown>> | Record<string, unknown>,
): void {
  const tamper: Tamper = async (hit) => {
    const isRefresh = hit.path === '/token' && (await hit.body()).includes('grant_type=refresh_token');
    if (!isRefresh) return hit.pass();
    const original = await hit.original();
    const tokens = await alter(JSON.parse(original.body) as Record<string, unknown>);
    return hit.send({ ...original, body: JSON.stringify(tokens) });
  };
  provider.tamper(tamper);
}

/** The ID token of an answer with other claims, signed by the provider's own key. */
async function forged(
  { provider }: Arranged,
  idToken: unknown,
  claims: Record<string, unknown>,
): Promise<string> {
  const [, payload = ''] = String(idToken).split('.');
  const original = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
  const [key] = provider.keys;
  return new SignJWT({ ...original, ...claims })
    .setProtectedHeader({ alg: 'RS256', kid: String(key?.kid) })
    .sign(await importJWK(key ?? {}, 'RS256'));
}

test(
  'groups that change at the provider reach the application with the next refresh',
  waiting(),
  async (t) => {
    const people = structuredClone(defaultPeople) as Record<string, Record<string, unknown>>;
    const scene = await arrange(t, { people });
    t.equal(await scene.header('x-forwarded-groups'), 'staff,admins');
    people.ada = { ...people.ada, groups: ['staff'] };
    scene.expire();
    // While the old token is good, a slow refresh is not waited for: the next request gets its outcome.
    await until('the new groups', async () => (await scene.header('x-forwarded-groups')) === 'staff');
  },
);

test('they do so too where claims come from userinfo only', waiting(), async (t) => {
  const people = structuredClone(defaultPeople) as Record<string, Record<string, unknown>>;
  const scene = await arrange(t, { people, conformIdTokenClaims: true });
  t.equal(await scene.header('x-forwarded-groups'), 'staff,admins');
  people.ada = { ...people.ada, groups: ['staff'] };
  scene.expire();
  // While the old token is good, a slow refresh is not waited for: the next request gets its outcome.
  await until('the new groups', async () => (await scene.header('x-forwarded-groups')) === 'staff');
});

test(
  'userinfo that fails during a refresh loses neither the new tokens nor the known claims',
  waiting(),
  async (t) => {
    const scene = await arrange(t, { rotateRefreshTokens: true, conformIdTokenClaims: true });
    scene.provider.tamper((hit) => (hit.path === '/me' ? hit.send({ status: 500 }) : hit.pass()));
    scene.expire();
    t.equal(await scene.header('x-forwarded-groups'), 'staff,admins');
    scene.expire();
    t.equal(await scene.header('x-forwarded-user'), 'ada', 'the rotated token was kept');
  },
);

test('D3 a refresh that names somebody else ends the session', waiting(), async (t) => {
  const scene = await arrange(t);
  onRefresh(scene, async (tokens) => ({
    ...tokens,
    id_token: await forged(scene, tokens.id_token, { sub: 'grace' }),
  }));
  scene.expire();
  t.equal(await scene.header('x-forwarded-user'), '401');
  const line = await scene.gateway.log.line(({ msg }) => msg === 'session ended');
  t.match(line.reason, /somebody else/);
});

test(
  'D3 a refresh with an ID token of another issuer or audience, or a bad signature, ends the session',
  waiting(),
  async (t) => {
    const foreign = await exportJWK(rsaKeyPair('stranger').privateKey);
    const cases: ((scene: Arranged, idToken: unknown) => Promise<string>)[] = [
      (scene, idToken) => forged(scene, idToken, { iss: 'https://evil.example' }),
      (scene, idToken) => forged(scene, idToken, { aud: 'another' }),
      (scene, idToken) => forged({ ...scene, provider: { ...scene.provider, keys: [foreign] } }, idToken, {}),
    ];
    for (const forge of cases) {
      const scene = await arrange(t);
      onRefresh(scene, async (tokens) => ({ ...tokens, id_token: await forge(scene, tokens.id_token) }));
      scene.expire();
      t.equal(await scene.header('x-forwarded-user'), '401');
    }
  },
);

test(
  'D2 a refresh without a new refresh token keeps the old, without an ID token keeps the claims',
  waiting(),
  async (t) => {
    const scene = await arrange(t);
    onRefresh(scene, ({ refresh_token: _, id_token: __, ...tokens }) => tokens);
    for (const round of [1, 2]) {
      scene.expire();
      t.equal(await scene.header('x-forwarded-email'), 'ada@example.com', `round ${round}`);
    }
  },
);

test(
  'a provider that does not rotate refresh tokens is asked again at the end of each access token',
  waiting(),
  async (t) => {
    const scene = await arrange(t, { rotateRefreshTokens: false });
    const bearers = new Set<string | undefined>([await scene.header('authorization')]);
    for (let round = 1; round <= 3; round++) {
      scene.expire();
      bearers.add(await scene.header('authorization'));
    }
    t.ok(bearers.size >= 3, 'a new access token each time');
    t.ok([...bearers].every((bearer) => bearer?.startsWith('Bearer ')));
  },
);

test('without a refresh token the session ends with the access token', waiting(), async (t) => {
  const scene = await arrange(t, { refreshTokens: false });
  t.equal(await scene.header('x-forwarded-user'), 'ada');
  scene.expire();
  t.equal(await scene.header('x-forwarded-user'), '401');
});

test('or goes on with the expired one, where onTokenExpiry says so', waiting(), async (t) => {
  const scene = await arrange(t, { refreshTokens: false }, { onTokenExpiry: 'keep' });
  scene.expire();
  t.equal(await scene.header('x-forwarded-user'), 'ada');
});

test('a session without requests ends after idleTimeout, one with requests goes on', waiting(), async (t) => {
  const scene = await arrange(t, { ttl: { accessToken: 3000 } }, { idleTimeout: '5m' });
  for (let round = 0; round < 5; round++) {
    scene.clock.wind(100_000);
    t.equal(await scene.header('x-forwarded-user'), 'ada');
  }
  scene.clock.wind(450_000);
  t.equal(await scene.header('x-forwarded-user'), '401');
});

test(
  'a session ends after maxLifetime, whatever happens in it, and a kept copy of its cookie too',
  waiting(),
  async (t) => {
    const scene = await arrange(t, { ttl: { accessToken: 3000 } }, { maxLifetime: '10m' });
    const copy = scene.client.cookies.headerFor(scene.gateway.url) ?? '';
    scene.clock.wind(400_000);
    t.equal(await scene.header('x-forwarded-user'), 'ada');
    scene.clock.wind(201_000);
    t.equal(await scene.header('x-forwarded-user'), '401');
    const replay = await scene.client.get(`${scene.gateway.url}/`, { cookie: copy });
    t.equal(replay.status, 401);
  },
);

test('userinfo says when the session and its token end, so that a page can warn', waiting(), async (t) => {
  const scene = await arrange(t, { ttl: { accessToken: 300 } }, { maxLifetime: '2h' });
  const info = (await scene.client.get(`${scene.gateway.url}/oauth2/userinfo`)).json() as Record<
    string,
    string
  >;
  const inSeconds = (time = '') => Math.round((Date.parse(time) - Date.now()) / 1000);
  t.ok(Math.abs(inSeconds(info.expiresAt) - 7200) < 10);
  t.ok(Math.abs(inSeconds(info.accessTokenExpiresAt) - 300) < 10);
  t.equal(info.refreshable, true);
});
