import { UnsecuredJWT } from 'jose';
import { type Test, test } from 'tap';
import { arrangePreset, type Imitated, type PresetOptions, personOf } from '../presets/imitation.ts';
import { until } from '../support/until.ts';

type Json = Record<string, unknown>;

const ada = { id: 4711, login: 'ada', mail: { address: 'ada@example.com' }, teams: ['staff', 'admins'] };

/** An authorization server as RFC 6749 has them, and an endpoint that says who somebody is. */
function server(changes: Partial<Imitated> & { userinfo?: unknown } = {}): Imitated {
  const { userinfo = ada, ...rest } = changes;
  return {
    paths: { authorize: '/authorize', token: '/token' },
    api: { '/whoami': () => ({ json: userinfo }) },
    ...rest,
  };
}

const claims = { user: 'id', username: 'login', email: 'mail.address', groups: 'teams' };

/** Everything by hand, as the provider's page for developers has it. */
const byHand = (origin: string): Json => ({
  type: 'oauth2',
  authorizationEndpoint: `${origin}/authorize`,
  tokenEndpoint: `${origin}/token`,
  userinfoEndpoint: `${origin}/whoami`,
  scopes: ['profile'],
  claims,
});

const arrange = (t: Test, imitated: Imitated, options: Partial<PresetOptions> = {}) =>
  arrangePreset(t, imitated, { provider: byHand, ...options });

test('three addresses by hand are enough: userinfo says who it is, by dotted paths', async (t) => {
  const scene = await arrange(t, server());
  t.equal((await scene.signIn('/deep?q=1')).status, 200);
  t.strictSame(await personOf(scene), {
    user: '4711',
    email: 'ada@example.com',
    username: 'ada',
    groups: 'staff,admins',
  });
  const [request] = scene.imitation.authorizationRequests;
  t.equal(request?.get('scope'), 'profile', 'openid is not asked for');
  t.equal(request?.get('nonce'), null);
  t.match(request?.get('code_challenge'), /^[\w-]{43}$/);
  t.match(scene.imitation.tokenRequests[0]?.get('code_verifier'), /^[\w-]{43,128}$/);
});

test('a number that counts people is a user id, and a rule may name it', async (t) => {
  const scene = await arrange(t, server(), { allow: [{ users: '4711' }] });
  t.equal((await scene.signIn()).status, 200);
  const other = await arrange(t, server({ userinfo: { ...ada, id: 4712 } }), { allow: [{ users: '4711' }] });
  t.equal((await other.signIn()).status, 403);
});

test('with an issuer, the addresses are found by RFC 8414', async (t) => {
  const imitated = server({
    metadata: (origin) => ({
      path: '/.well-known/oauth-authorization-server/tenant',
      document: {
        issuer: `${origin}/tenant`,
        authorization_endpoint: `${origin}/authorize`,
        token_endpoint: `${origin}/token`,
        response_types_supported: ['code'],
        authorization_response_iss_parameter_supported: true,
      },
    }),
    iss: (origin) => `${origin}/tenant`,
  });
  const provider = (origin: string) => ({
    type: 'oauth2',
    issuer: `${origin}/tenant`,
    userinfoEndpoint: `${origin}/whoami`,
    claims,
  });
  const scene = await arrange(t, imitated, { provider });
  t.equal((await scene.signIn()).status, 200);
  t.equal((await personOf(scene)).user, '4711');
  delete imitated.iss;
  scene.client.cookies.clear();
  const answer = await scene.signIn();
  t.equal(
    answer.headers['x-sallyport-error'],
    'login_response_invalid',
    'an iss that was promised has to come',
  );
});

test('userinfo that names nobody lets nobody in', async (t) => {
  for (const userinfo of [
    {},
    { id: null },
    { id: '' },
    { id: { a: 1 } },
    { id: 1.5 },
    { id: ['4711'] },
    [ada],
    'x',
  ]) {
    const scene = await arrange(t, server({ userinfo }));
    const answer = await scene.signIn();
    t.equal(answer.status, 400, JSON.stringify(userinfo));
    t.equal(answer.headers['x-sallyport-error'], 'login_response_invalid');
    t.equal((await personOf(scene)).status, '401');
  }
});

test('userinfo that refuses or is out lets nobody in', async (t) => {
  for (const [status, expected] of [
    [401, 400],
    [403, 400],
    [302, 400],
    [500, 503],
    [429, 503],
  ] as const) {
    const scene = await arrange(t, server({ api: { '/whoami': () => ({ status, json: {} }) } }));
    t.equal((await scene.signIn()).status, expected, String(status));
    t.equal((await personOf(scene)).status, '401');
  }
});

test('an ID token that comes along says nothing: nobody checked it', async (t) => {
  const imitated = server();
  const scene = await arrange(t, imitated);
  const forged = new UnsecuredJWT({ sub: 'admin', id: 1, login: 'admin', teams: ['root'] })
    .setIssuer(scene.imitation.origin)
    .setAudience('app')
    .setIssuedAt()
    .setExpirationTime('1h')
    .encode();
  imitated.tokens = { id_token: forged };
  await scene.signIn();
  const person = await personOf(scene);
  t.not(person.user, 'admin');
  t.notOk(person.groups?.includes('root'));
});

test('C17 an access token that is no bearer token is refused, and one of no type is one', async (t) => {
  for (const type of ['', null, undefined]) {
    const scene = await arrange(t, server({ tokens: { token_type: type } }));
    t.equal((await scene.signIn()).status, 200, String(type));
  }
  for (const type of ['mac', 'N_A', 7]) {
    const scene = await arrange(t, server({ tokens: { token_type: type } }));
    t.equal((await scene.signIn()).status, 400, String(type));
    t.equal((await personOf(scene)).status, '401');
  }
});

test('C22 without an end of the token the session ends all the same', async (t) => {
  const scene = await arrange(t, server(), { config: { session: { maxLifetime: '2s' } } });
  await scene.signIn();
  t.equal((await personOf(scene)).user, '4711');
  await until('the end of the session', async () => (await personOf(scene)).status === '401');
});

test('a refresh token is used, and userinfo is asked again', async (t) => {
  let teams = ['staff', 'admins'];
  const imitated = server({
    tokens: { expires_in: 2, refresh_token: 'refresh-1' },
    api: { '/whoami': () => ({ json: { ...ada, teams } }) },
  });
  const scene = await arrange(t, imitated);
  await scene.signIn();
  t.equal((await personOf(scene)).groups, 'staff,admins');
  teams = ['staff'];
  await until('the new groups', async () => (await personOf(scene)).groups === 'staff');
  t.equal(scene.imitation.tokenRequests.at(-1)?.get('refresh_token'), 'refresh-1');
});

test('a refresh token that is not good any more ends the session, also where that is said with 200', async (t) => {
  const imitated = server({ tokens: { expires_in: 2, refresh_token: 'refresh-1' } });
  const scene = await arrange(t, imitated);
  await scene.signIn();
  t.equal((await personOf(scene)).user, '4711');
  imitated.tokens = { error: 'bad_refresh_token' };
  await until('the end of the session', async () => (await personOf(scene)).status === '401');
});

test('after a refresh, userinfo about somebody else ends the session', async (t) => {
  let id = 4711;
  const imitated = server({
    tokens: { expires_in: 2, refresh_token: 'refresh-1' },
    api: { '/whoami': () => ({ json: { ...ada, id } }) },
  });
  const scene = await arrange(t, imitated);
  await scene.signIn();
  id = 1;
  await until('the end of the session', async () => (await personOf(scene)).status === '401');
});

test('sign-out works without any address for it, and no logout token counts', async (t) => {
  const scene = await arrange(t, server());
  await scene.signIn();
  const token = new UnsecuredJWT({ sub: '4711', events: {} }).setIssuer(scene.imitation.origin).encode();
  const refused = await scene.client.request(`${scene.gateway.url}/oauth2/backchannel-logout`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: `logout_token=${token}`,
  });
  t.equal(refused.status, 400);
  const page = await scene.client.navigate(`${scene.gateway.url}/oauth2/sign_out`);
  t.match(page.text, /You are signed out/);
  t.equal((await personOf(scene)).status, '401');
});
