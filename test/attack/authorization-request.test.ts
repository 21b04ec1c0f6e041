import { createHash } from 'node:crypto';
import { test } from 'tap';
import {
  anotherBrowser,
  arrangeLogin,
  beginLogin,
  hitsOf,
  isSignedIn,
  type LoginScene,
  reachCallback,
  signInAtProvider,
} from '../login/steps.ts';
import { logIn } from '../support/log-in.ts';

/** Begins logins in one browser and gives a parameter of each authorization request. */
async function manyOf(scene: LoginScene, parameter: string, count = 40): Promise<string[]> {
  const found: string[] = [];
  for (let round = 0; round < count; round++) {
    const { authorizationRequest } = await beginLogin(scene.client, scene.gateway.url, `/${round}`);
    found.push(authorizationRequest.searchParams.get(parameter) ?? '');
  }
  return found;
}

/** Collects the form of every token request from now on. */
function recordTokenRequests({ provider }: LoginScene): URLSearchParams[] {
  const forms: URLSearchParams[] = [];
  provider.tamper(async (hit) => {
    if (hit.path === '/token') forms.push(new URLSearchParams(await hit.body()));
    return hit.pass();
  });
  return forms;
}

test('A1 only a code is asked for, and no token travels in a URL of the browser', async (t) => {
  const { gateway, client } = await arrangeLogin(t);
  const begun = await beginLogin(client, gateway.url, '/deep?x=1');
  const { searchParams } = begun.authorizationRequest;
  t.equal(searchParams.get('response_type'), 'code');
  t.notOk(searchParams.has('response_mode'), 'the response comes in the query, as the standard has it');
  const visited: string[] = [];
  const callback = await signInAtProvider(client, begun, 'ada', visited);
  const ended = await client.navigate(callback.href);
  visited.push(ended.headers.location ?? '');
  for (const url of visited)
    t.notMatch(url, /access_token|id_token|refresh_token|eyJ/, 'no token in the URL');
  t.equal(ended.headers.location, `${gateway.url}/deep?x=1`);
});

test('A1 tokens in the authorization response are not taken', async (t) => {
  const { gateway, client } = await arrangeLogin(t);
  const { callback } = await reachCallback(client, gateway.url);
  callback.searchParams.delete('code');
  callback.searchParams.set('access_token', 'planted');
  callback.searchParams.set('token_type', 'Bearer');
  t.equal((await client.navigate(callback.href)).status, 400);
  t.notOk(await isSignedIn(client, gateway.url));
});

test('A2 every login has a state of its own, of 128 bits or more, bound to the browser', async (t) => {
  const scene = await arrangeLogin(t);
  const states = await manyOf(scene, 'state');
  t.equal(new Set(states).size, states.length, 'no state comes twice');
  // 22 characters of base64url hold 132 bits.
  for (const state of states) t.match(state, /^[\w-]{22,}$/);
  const begun = await beginLogin(scene.client, scene.gateway.url);
  const [line = ''] = begun.answer.setCookies.slice(-1);
  t.match(line, /^sallyport-login-[\w-]+=[\w-]+; .*HttpOnly/, 'a cookie that no script reads');
  t.notMatch(begun.answer.setCookies.join(), begun.state, 'and that does not show the state');
});

test('A3 every login has a nonce of its own, which is neither the state nor in the clear', async (t) => {
  const scene = await arrangeLogin(t);
  const nonces = await manyOf(scene, 'nonce');
  t.equal(new Set(nonces).size, nonces.length, 'no nonce comes twice');
  for (const nonce of nonces) t.match(nonce, /^[\w-]{22,}$/);
  const { answer, authorizationRequest, state } = await beginLogin(scene.client, scene.gateway.url);
  const nonce = authorizationRequest.searchParams.get('nonce') ?? '';
  t.not(nonce, state);
  t.notMatch(answer.setCookies.join(), nonce);
});

for (const clientAuth of ['client_secret_basic', 'client_secret_post', 'none'] as const) {
  test(`A4 every login uses PKCE S256 with a fresh verifier (${clientAuth})`, async (t) => {
    const scene = await arrangeLogin(t, { provider: { clientAuth } });
    const { gateway, client } = scene;
    const forms = recordTokenRequests(scene);
    const challenges: string[] = [];
    for (let round = 0; round < 3; round++) {
      const { callback, authorizationRequest } = await reachCallback(client, gateway.url, {
        path: `/${round}`,
      });
      const { searchParams } = authorizationRequest;
      t.equal(searchParams.get('code_challenge_method'), 'S256');
      challenges.push(searchParams.get('code_challenge') ?? '');
      t.equal((await client.navigate(callback.href)).status, 302);
      client.cookies.clear();
    }
    const verifiers = forms.map((form) => form.get('code_verifier') ?? '');
    t.equal(verifiers.length, 3);
    t.equal(new Set(verifiers).size, 3, 'no verifier comes twice');
    for (const [index, verifier] of verifiers.entries()) {
      t.match(verifier, /^[A-Za-z0-9._~-]{43,128}$/, 'RFC 7636 §4.1');
      t.equal(createHash('sha256').update(verifier).digest('base64url'), challenges[index], 'S256');
    }
  });
}

test('A4 the verifier is in no cookie, page or URL of the browser', async (t) => {
  const scene = await arrangeLogin(t);
  const forms = recordTokenRequests(scene);
  const { answer, callback } = await reachCallback(scene.client, scene.gateway.url);
  const ended = await scene.client.navigate(callback.href);
  const [form] = forms;
  const verifier = form?.get('code_verifier') ?? '';
  t.ok(verifier);
  const seen = [...answer.rawHeaders, answer.text, callback.href, ...ended.rawHeaders, ended.text].join('\n');
  t.notOk(seen.includes(verifier));
});

test('A5 the redirect URI is exact and comes from publicUrl, whatever the request claims', async (t) => {
  const { gateway, client } = await arrangeLogin(t);
  const lies = {
    'x-forwarded-host': 'evil.example',
    'x-forwarded-proto': 'https',
    'x-forwarded-port': '8443',
    'x-forwarded-prefix': '/evil',
    'x-original-host': 'evil.example',
    'x-host': 'evil.example',
    forwarded: 'host=evil.example;proto=https',
  };
  const { authorizationRequest } = await beginLogin(client, gateway.url, '/?a=1', { headers: lies });
  t.equal(authorizationRequest.searchParams.get('redirect_uri'), `${gateway.url}/oauth2/callback`);
  const named = await client.navigate(`${gateway.url}/`, { headers: { host: 'evil.example' } });
  t.equal(named.status, 421);
  t.equal(named.headers.location, undefined);
});

test('A5 a trusted proxy cannot name another host either', async (t) => {
  const { gateway, client } = await arrangeLogin(t, { config: { trustedProxies: ['127.0.0.0/8'] } });
  const answer = await client.navigate(`${gateway.url}/`, {
    headers: { 'x-forwarded-host': 'evil.example' },
  });
  t.equal(answer.status, 421);
  t.equal(answer.headers.location, undefined);
  const proto = await beginLogin(client, gateway.url, '/', { headers: { 'x-forwarded-proto': 'https' } });
  const redirectUri = proto.authorizationRequest.searchParams.get('redirect_uri');
  t.equal(redirectUri, `${gateway.url}/oauth2/callback`);
});

test('A5 the redirect URI of the token request is the very same', async (t) => {
  const scene = await arrangeLogin(t);
  const forms = recordTokenRequests(scene);
  await logIn(scene.client, scene.gateway.url, 'ada');
  t.same(
    forms.map((form) => form.get('redirect_uri')),
    [`${scene.gateway.url}/oauth2/callback`],
  );
});

test('A6 openid is always in the scope', async (t) => {
  for (const scopes of [['openid', 'email'], ['email'], []]) {
    const { gateway, client } = await arrangeLogin(t, { config: { provider: { scopes } } });
    const { authorizationRequest } = await beginLogin(client, gateway.url);
    const scope = authorizationRequest.searchParams.get('scope')?.split(' ') ?? [];
    t.ok(scope.includes('openid'), scopes.join());
    t.equal(new Set(scope).size, scope.length, 'and nothing twice');
  }
});

test('A8 parameters of the request are not passed on to the provider', async (t) => {
  const { gateway, client } = await arrangeLogin(t);
  const asked =
    'prompt=none&max_age=0&acr_values=low&login_hint=eve&ui_locales=de&scope=admin&client_id=evil' +
    '&redirect_uri=https%3A%2F%2Fevil.example%2F&response_type=token&response_mode=fragment&request=x&claims=%7B%7D';
  const { authorizationRequest } = await beginLogin(client, gateway.url, `/oauth2/start?${asked}`);
  t.same(
    [...authorizationRequest.searchParams.keys()].sort(),
    [
      'client_id',
      'code_challenge',
      'code_challenge_method',
      'nonce',
      'redirect_uri',
      'response_type',
      'scope',
      'state',
    ],
    'nothing but what the login is made of',
  );
  t.equal(authorizationRequest.searchParams.get('client_id'), 'app');
  t.equal(authorizationRequest.searchParams.get('scope'), 'openid profile email groups');
});

test('A8 parameters are passed where they are configured', async (t) => {
  const authorizationParams = { prompt: 'login', ui_locales: 'de', acr_values: 'urn:two factors' };
  const { gateway, client } = await arrangeLogin(t, { config: { provider: { authorizationParams } } });
  const { authorizationRequest } = await beginLogin(client, gateway.url, '/oauth2/start?prompt=none');
  t.match(Object.fromEntries(authorizationRequest.searchParams), authorizationParams);
  t.same(authorizationRequest.searchParams.getAll('prompt'), ['login']);
});

test('A9 the redirect to the provider is neither stored nor named as a referrer', async (t) => {
  const { gateway } = await arrangeLogin(t);
  for (const path of ['/page', '/oauth2/start', '/oauth2/start?rd=/page', '/oauth2/sign_in']) {
    const answer = await anotherBrowser(t).navigate(gateway.url + path);
    t.equal(answer.status, 302, path);
    t.equal(answer.headers['cache-control'], 'no-store', path);
    t.equal(answer.headers['referrer-policy'], 'no-referrer', path);
    t.equal(answer.text, '', path);
  }
});

test('beginning logins asks nothing of the provider', async (t) => {
  const scene = await arrangeLogin(t);
  const before = new Map(scene.provider.hits);
  await manyOf(scene, 'state', 5);
  t.same(scene.provider.hits, before);
  t.equal(hitsOf(scene, '/token'), 0);
});
