import { type Test, test } from 'tap';
import { arrangePreset, type Imitated, personOf } from '../presets/imitation.ts';
import { createWoundClock } from '../support/clock.ts';
import { arrangePeople, type Misbehave } from './people.ts';

type Members = Record<string, unknown>;

/** What providers were seen to answer, each a change of a good answer. */
const odd: Record<string, Members> = {
  'refresh_token null': { refresh_token: null },
  'refresh_token empty': { refresh_token: '' },
  'id_token null': { id_token: null },
  'id_token empty': { id_token: '' },
  'scope null': { scope: null },
  'scope as a list': { scope: ['openid', 'email'] },
  'scope as an empty list': { scope: [] },
  'scope as a number': { scope: 7 },
  'expires_in 0': { expires_in: 0 },
  'expires_in absent': { expires_in: undefined },
  'expires_in null': { expires_in: null },
  'expires_in as text': { expires_in: '300' },
  'expires_in as a text that is no number': { expires_in: 'soon' },
  'expires_in with a fraction': { expires_in: 300.7 },
  'expires_in beyond all reason': { expires_in: 1e300 },
  'expires_in negative': { expires_in: -1 },
  'token_type absent': { token_type: undefined },
  'token_type null': { token_type: null },
  'token_type in capitals': { token_type: 'BEARER' },
  'members that nobody knows': { not_before_policy: null, session_state: '', x: { y: [1] } },
};

/** The provider's own answer with other members. */
const changed =
  (changes: Members, status = 200, contentType = 'application/json'): Misbehave =>
  async (hit) => {
    const original = await hit.original();
    const body = JSON.stringify({ ...(JSON.parse(original.body) as Members), ...changes });
    return hit.send({ status, headers: { 'content-type': contentType }, body });
  };

test('a refresh that was granted counts, whatever the form of its answer', async (t) => {
  for (const [what, changes] of Object.entries(odd)) {
    const people = await arrangePeople(t, { names: ['ada'], provider: { rotateRefreshTokens: false } });
    const { gateway, upstream } = people;
    people.on('ada', changed(changes));
    people.expire();
    const before = upstream.requests.length;
    for (let index = 0; index < 3; index++) {
      t.equal((await people.client('ada').get(gateway.url)).status, 200, what);
    }
    t.equal(people.sent.length, 1, `${what}: asked once`);
    t.equal(upstream.requests.length - before, 3);
    const userinfo = await people.client('ada').get(`${gateway.url}/oauth2/userinfo`);
    t.equal(userinfo.status, 200);
  }
});

test('so does a login', async (t) => {
  const people = await arrangePeople(t, { names: [] });
  for (const [what, changes] of Object.entries(odd)) {
    if ('id_token' in changes) continue;
    people.on('login', changed(changes));
    const client = await people.signIn('ada');
    for (let index = 0; index < 3; index++) t.equal((await client.get(people.gateway.url)).status, 200, what);
    t.equal(people.sent.length, 0, `${what}: and is not refreshed at once`);
  }
  people.on('login', changed({}, 201));
  await people.signIn('ada');
  people.on('login', changed({}, 200, 'text/html'));
  await people.signIn('ada');
});

test('where a token that is bound to a key was asked for, an answer without a type is refused', async (t) => {
  const people = await arrangePeople(t, {
    names: [],
    provider: { configuration: { features: { dPoP: { enabled: true } } } },
    config: { provider: { dpop: true } },
  });
  await people.signIn('ada');
  people.on('login', changed({ token_type: undefined }));
  await t.rejects(people.signIn('ada'), /no session after the login/);
});

/** OAuth 2.0 without ID tokens, whose token endpoint answers what the test says. */
async function arrangeOAuth(t: Test, tokens: Members) {
  const imitated: Imitated = {
    paths: { authorize: '/authorize', token: '/token' },
    tokens,
    api: { '/whoami': () => ({ json: { id: 'ada' } }) },
  };
  const clock = createWoundClock();
  const scene = await arrangePreset(t, imitated, {
    clock,
    provider: (origin) => ({
      type: 'oauth2',
      authorizationEndpoint: `${origin}/authorize`,
      tokenEndpoint: `${origin}/token`,
      userinfoEndpoint: `${origin}/whoami`,
      claims: { user: 'id' },
    }),
  });
  return { ...scene, clock };
}

test('OAuth 2.0 does not look at an ID token at all', async (t) => {
  for (const idToken of ['garbage', 'a.b.c', 'eyJhbGciOiJub25lIn0.e30.', 7, {}, null]) {
    const scene = await arrangeOAuth(t, { id_token: idToken, refresh_token: 'r', expires_in: 300 });
    t.equal((await scene.signIn()).status, 200, String(idToken));
    scene.clock.wind(301_000);
    t.equal((await personOf(scene)).user, 'ada', 'nor at one of a refresh');
  }
});

test('OAuth 2.0 takes a form in place of JSON, as a success and as an error', async (t) => {
  const scene = await arrangeOAuth(t, { refresh_token: 'r', expires_in: 300 });
  scene.imitation.formEncoded = true;
  t.equal((await scene.signIn()).status, 200);
  scene.clock.wind(301_000);
  t.equal((await personOf(scene)).user, 'ada');
  scene.imitation.answers.tokens = {
    error: 'bad_refresh_token',
    error_description: 'The refresh token has expired.',
  };
  scene.clock.wind(301_000);
  t.equal((await personOf(scene)).status, '401', 'GitHub says it with the status 200');
  await scene.gateway.log.line(({ msg }) => msg === 'session ended');
});
