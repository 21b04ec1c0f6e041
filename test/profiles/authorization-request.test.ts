import { decodeJwt, decodeProtectedHeader } from 'jose';
import tap, { type Test, test } from 'tap';
import { alterClaims, onPath, sendJson } from '../attack/forged-token.ts';
import { assertRefused } from '../attack/refusal.ts';
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
import { startTestGateway } from '../support/gateway.ts';
import { logIn } from '../support/log-in.ts';
import type { ProviderOptions } from '../support/provider.ts';
import { until } from '../support/until.ts';
import {
  arrangeProfile,
  grantsOf,
  headerOf,
  makeClientKey,
  patience,
  recordPosts,
  registration,
} from './scene.ts';

tap.jobs = 4;
const waiting = () => ({ buffered: true });

const requiresPar: ProviderOptions = {
  configuration: {
    features: { pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: true } },
  },
};

const withProvider = (t: Test, keys: Record<string, unknown>, provider: ProviderOptions = {}) =>
  arrangeLogin(t, { provider, config: { provider: keys } });

test('A7 par: auto pushes where the provider requires it, true always, false never', async (t) => {
  for (const [par, options, pushes] of [
    ['auto', {}, false],
    ['auto', requiresPar, true],
    [true, {}, true],
    [false, {}, false],
  ] as const) {
    const scene = await withProvider(t, { par }, options);
    const { authorizationRequest } = await beginLogin(scene.client, scene.gateway.url);
    const names = [...authorizationRequest.searchParams.keys()].sort();
    t.equal(hitsOf(scene, '/request') > 0, pushes);
    if (pushes) t.same(names, ['client_id', 'request_uri']);
    else t.ok(names.includes('state'));
    await logIn(anotherBrowser(t), scene.gateway.url, 'ada');
  }
});

test('A7 what is pushed is authenticated, and never in the browser', async (t) => {
  const scene = await withProvider(t, { par: true });
  const seen = recordPosts(scene);
  const begun = await beginLogin(scene.client, scene.gateway.url);
  const [pushed] = seen;
  t.equal(pushed?.path, '/request');
  t.match(pushed?.headers.authorization, /^Basic /);
  t.match(Object.fromEntries(pushed?.form ?? []), { response_type: 'code', code_challenge_method: 'S256' });
  for (const name of ['state', 'nonce', 'code_challenge']) {
    t.notMatch(
      [begun.answer.headers.location, ...begun.answer.setCookies].join(),
      pushed?.form.get(name) ?? '?',
    );
  }
});

test('A7 a request that has expired at the provider begins anew, and not for ever', async (t) => {
  const scene = await withProvider(t, { par: true });
  const { gateway, client, provider } = scene;
  const seen = recordPosts(scene);
  const expire = async () => {
    const state = seen.at(-1)?.form.get('state') ?? '';
    const query = new URLSearchParams({ error: 'invalid_request_uri', state, iss: provider.issuer });
    return client.navigate(`${gateway.url}/oauth2/callback?${query}`);
  };
  await beginLogin(client, gateway.url, '/deep?x=1');
  const again = await expire();
  t.equal(again.status, 302);
  const second = await client.navigate(again.headers.location ?? '');
  t.match(second.headers.location, `${provider.issuer}/auth?`);
  t.not(seen[0]?.form.get('state'), seen[1]?.form.get('state'), 'with a state of its own');
  const callback = await signInAtProvider(client, {
    authorizationRequest: new URL(second.headers.location ?? ''),
  });
  const end = await client.navigate(callback.href);
  t.equal(end.headers.location, `${gateway.url}/deep?x=1`, 'and leads to the same place');

  client.cookies.clear();
  await beginLogin(client, gateway.url);
  let last = await expire();
  for (let round = 0; round < 5 && last.status === 302; round++) {
    const next = await client.navigate(last.headers.location ?? '');
    last = next.status === 302 ? await expire() : next;
  }
  t.equal(last.headers['x-sallyport-error'], 'login_loop');
});

test('A7 a reference that the provider has forgotten is replaced by going to the application again', async (t) => {
  const scene = await withProvider(t, { par: true });
  const { gateway, client, provider } = scene;
  const { authorizationRequest } = await beginLogin(client, gateway.url);
  const uri = authorizationRequest.searchParams.get('request_uri') ?? '';
  const pushed = await provider.provider.PushedAuthorizationRequest.find(uri.split(':').at(-1) ?? '');
  await pushed?.destroy();
  const { headers } = await client.navigate(authorizationRequest.href);
  t.match(headers.location, 'error=invalid_request_uri', 'the provider refuses it');
  t.equal((await logIn(client, gateway.url, 'ada')).status, 200);
});

test('a provider that refuses what is pushed, or is away, is no fault of the gateway', async (t) => {
  const scene = await withProvider(t, { par: true });
  const cases: [status: number, body: object, expected: number, code: string][] = [
    [400, { error: 'invalid_request', error_description: 'no <b>way</b>' }, 400, 'login_response_invalid'],
    [503, {}, 503, 'provider_unavailable'],
    [201, { request_uri: 7 }, 400, 'login_response_invalid'],
  ];
  for (const [status, body, expected, code] of cases) {
    scene.provider.tamper(onPath('/request', (hit) => sendJson(hit, body, status)));
    const answer = await scene.client.navigate(`${scene.gateway.url}/`);
    t.equal(answer.status, expected);
    t.equal(answer.headers['x-sallyport-error'], code);
    t.same(answer.setCookies, [], 'no login is remembered');
    t.notMatch(answer.text, '<b>way', 'nothing unescaped');
  }
});

const signer = (key = makeClientKey()) => ({
  key,
  client: registration({
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: 'ES256',
    request_object_signing_alg: 'ES256',
    jwks: { keys: [key.publicJwk as never] },
  }),
  provider: {
    configuration: { features: { requestObjects: { enabled: true, requireSignedRequestObject: true } } },
  } as ProviderOptions,
});

for (const par of [false, true]) {
  test(`requestObject: the whole request is signed, ${par ? 'and pushed' : 'in the URL'}`, async (t) => {
    const { key, client, provider } = signer();
    const keys = {
      privateKey: key.jwk,
      requestObject: true,
      par,
      maxAge: '1h',
      claimsParameter: '{"id_token":{}}',
    };
    const scene = await arrangeProfile(t, { client, provider, keys });
    const seen = recordPosts(scene);
    const { authorizationRequest } = await beginLogin(scene.client, scene.gateway.url);
    const names = [...authorizationRequest.searchParams.keys()].sort();
    t.same(names, par ? ['client_id', 'request_uri'] : ['client_id', 'request', 'response_type', 'scope']);
    const request =
      (par ? seen[0]?.form.get('request') : authorizationRequest.searchParams.get('request')) ?? '';
    t.match(decodeProtectedHeader(request), { alg: 'ES256', kid: key.kid, typ: 'oauth-authz-req+jwt' });
    const claims = decodeJwt(request);
    t.match(claims, { aud: scene.provider.issuer, iss: 'app', response_type: 'code', max_age: 3600 });
    t.ok((claims.exp ?? 0) - (claims.nbf ?? 0) <= 60, 'short-lived');
    t.same(claims.claims, { id_token: {} });
    if (!par)
      for (const name of ['response_type', 'scope'])
        t.equal(
          authorizationRequest.searchParams.get(name),
          claims[name],
          'OpenID Connect Core §6.1: as in the object',
        );
    await logIn(anotherBrowser(t), scene.gateway.url, 'ada');
  });
}

const resourceServers: ProviderOptions = {
  ttl: { accessToken: 3 },
  conformIdTokenClaims: true,
  configuration: {
    features: {
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_ctx, resource) => ({
          scope: '',
          audience: resource,
          accessTokenFormat: 'jwt',
        }),
      },
    },
  },
};

test('resource: tokens of login and refresh are for that resource', waiting(), async (t) => {
  const resource = 'https://api.example.com/v1';
  const scene = await withProvider(t, { resource }, resourceServers);
  const { authorizationRequest } = await beginLogin(scene.client, scene.gateway.url);
  t.same(authorizationRequest.searchParams.getAll('resource'), [resource]);
  await logIn(scene.client, scene.gateway.url, 'ada');
  const bearer = async () => (await headerOf(scene, 'authorization'))?.replace('Bearer ', '') ?? '';
  const first = await bearer();
  t.equal(decodeJwt(first).aud, resource);
  await until(
    'a refresh',
    async () => (await bearer()) !== first && grantsOf(scene, 'refresh_token') > 0,
    patience,
  );
  t.equal(decodeJwt(await bearer()).aud, resource);
});

test('resource: userinfo may refuse such a token, and its claims are missing then', async (t) => {
  const scene = await withProvider(t, { resource: 'https://api.example.com/v1' }, resourceServers);
  const { callback } = await reachCallback(scene.client, scene.gateway.url);
  scene.provider.tamper(alterClaims(scene.provider, ({ email: _, groups: __, ...claims }) => claims));
  t.equal((await scene.client.navigate(callback.href)).status, 302);
  t.equal(await headerOf(scene, 'x-forwarded-user'), 'ada');
  t.equal(await headerOf(scene, 'x-forwarded-email'), undefined);
  t.ok(hitsOf(scene, '/me') >= 1);
  t.ok(await scene.gateway.log.line(({ msg, level }) => msg.includes('userinfo failed') && level === 'warn'));
});

test('several resources are asked for one by one, in every request', async (t) => {
  const resource = ['https://api.example.com/v1', 'urn:example:files'];
  const scene = await withProvider(t, { resource }, resourceServers);
  const { callback, authorizationRequest } = await reachCallback(scene.client, scene.gateway.url);
  t.same(authorizationRequest.searchParams.getAll('resource'), resource);
  const seen = recordPosts(scene);
  await scene.client.navigate(callback.href);
  t.same(seen[0]?.form.getAll('resource'), resource);
});

test('prompt, maxAge, acrValues and claimsParameter become parameters of the request', async (t) => {
  const claimsParameter = { id_token: { acr: { essential: true } } };
  const keys = { prompt: 'login', maxAge: '30m', acrValues: ['urn:gold', 'urn:silver'], claimsParameter };
  const scene = await withProvider(t, keys);
  const { authorizationRequest } = await beginLogin(scene.client, scene.gateway.url);
  t.match(Object.fromEntries(authorizationRequest.searchParams), {
    prompt: 'login',
    max_age: '1800',
    acr_values: 'urn:gold urn:silver',
    claims: JSON.stringify(claimsParameter),
  });
});

/** Logs in while the ID token says something else of the time of the sign-in. */
async function withAuthTime(t: Test, scene: LoginScene, authTime: number | undefined) {
  const client = anotherBrowser(t);
  const { callback } = await reachCallback(client, scene.gateway.url);
  scene.provider.tamper(alterClaims(scene.provider, (claims) => ({ ...claims, auth_time: authTime })));
  const answer = await client.navigate(callback.href);
  scene.provider.tamper(undefined);
  return { client, answer };
}

test('with maxAge an ID token without auth_time, or with an old one, is refused', async (t) => {
  const now = Math.floor(Date.now() / 1000);
  for (const keys of [{ maxAge: '10m' }, { authorizationParams: { max_age: '600' } }]) {
    const scene = await withProvider(t, keys);
    for (const authTime of [undefined, now - 3600]) {
      const { client, answer } = await withAuthTime(t, scene, authTime);
      const code = String(answer.headers['x-sallyport-error']);
      t.match(code, /^login_(token|response)_invalid$/);
      await assertRefused(t, { ...scene, client }, answer, {
        code,
        reason: /auth_time|last End-User authentication/,
      });
    }
    const { client } = await withAuthTime(t, scene, now - 300);
    t.ok(await isSignedIn(client, scene.gateway.url), 'one that is fresh enough is taken');
  }
});

test('A8 what allowedParams names is passed on, and nothing else', async (t) => {
  const scene = await withProvider(t, { allowedParams: ['login_hint', 'max_age', 'ui_locales'] });
  const asked =
    'login_hint=ada%40example.com&max_age=60&ui_locales=de%20fr&prompt=none&acr_values=low&scope=admin';
  const { authorizationRequest } = await beginLogin(
    scene.client,
    scene.gateway.url,
    `/oauth2/start?${asked}`,
  );
  const { searchParams } = authorizationRequest;
  t.match(Object.fromEntries(searchParams), {
    login_hint: 'ada@example.com',
    max_age: '60',
    ui_locales: 'de fr',
  });
  t.notOk(searchParams.has('prompt') || searchParams.has('acr_values'));
  t.equal(searchParams.get('scope'), 'openid profile email groups');
});

test('A8 values that cannot be right are refused', async (t) => {
  const allowedParams = ['prompt', 'max_age', 'acr_values', 'login_hint', 'ui_locales'];
  const scene = await withProvider(t, { allowedParams });
  for (const query of [
    'max_age=-1',
    'max_age=soon',
    'max_age=1&max_age=2',
    'prompt=a%00b',
    `login_hint=${'x'.repeat(400)}`,
    'ui_locales=%3Cscript%3E',
    'acr_values=',
  ]) {
    const answer = await scene.client.navigate(`${scene.gateway.url}/oauth2/start?${query}`);
    t.equal(answer.status, 400, query);
    t.equal(answer.headers['x-sallyport-error'], 'malformed_request', query);
    t.equal(answer.headers.location, undefined, query);
  }
});

test('a provider without what par: true needs is not used, and the log says so', async (t) => {
  const { provider } = await withProvider(t, {});
  provider.tamper(
    onPath('/.well-known/openid-configuration', async (hit) => {
      const { pushed_authorization_request_endpoint: _, ...rest } = JSON.parse((await hit.original()).body);
      sendJson(hit, rest);
    }),
  );
  const gateway = await startTestGateway({
    provider,
    upstream: 'http://127.0.0.1:9',
    awaitProvider: false,
    config: { provider: { par: true } },
  });
  t.teardown(() => gateway.close());
  const line = await gateway.log.line(({ msg }) => msg === 'provider not found');
  t.match(line.reason, /no endpoint for pushed authorization requests/);
});
