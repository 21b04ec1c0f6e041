import { decodeJwt, decodeProtectedHeader } from 'jose';
import tap, { test } from 'tap';
import { beginLogin, hitsOf } from '../login/steps.ts';
import { logIn } from '../support/log-in.ts';
import type { ProviderOptions } from '../support/provider.ts';
import { until } from '../support/until.ts';
import {
  arrangeProfile,
  type ClientKey,
  grantsOf,
  headerOf,
  makeClientKey,
  patience,
  recordPosts,
  registration,
} from './scene.ts';

/** Most of the time is waiting for tokens to expire, so the tests wait together. */
tap.jobs = 4;
const waiting = () => ({ buffered: true });

/** A provider that asks for all of FAPI 2.0, with nonces for DPoP on top. */
const strict: ProviderOptions = {
  rotateRefreshTokens: true,
  ttl: { accessToken: 3 },
  configuration: {
    clientAuthMethods: ['private_key_jwt'],
    features: {
      fapi: { enabled: true, profile: '2.0' },
      dPoP: { enabled: true, nonceSecret: Buffer.alloc(32, 3), requireNonce: () => true },
      pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: true },
    },
  },
};

const registered = ({ publicJwk }: ClientKey, more: object = {}) =>
  registration({
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: 'ES256',
    id_token_signed_response_alg: 'ES256',
    dpop_bound_access_tokens: true,
    jwks: { keys: [publicJwk] },
    ...more,
  });

test('profile fapi2: login, userinfo, refresh with rotation, and sign-out', waiting(), async (t) => {
  const key = makeClientKey();
  const scene = await arrangeProfile(t, {
    client: registered(key),
    provider: strict,
    keys: { profile: 'fapi2', privateKey: key.jwk, userinfo: true },
  });
  const { provider, gateway, client } = scene;
  const seen = recordPosts(scene);
  await logIn(client, gateway.url, 'ada');
  t.equal(await headerOf(scene, 'x-forwarded-groups'), 'staff,admins');
  t.ok(hitsOf(scene, '/me') >= 1, 'userinfo was asked');

  const [pushed] = seen.filter(({ path }) => path === '/request');
  t.match(pushed?.form.get('dpop_jkt'), /^[\w-]{43}$/);
  t.equal(pushed?.form.get('code_challenge_method'), 'S256');
  for (const { path, form, headers } of seen.filter(({ path }) => ['/request', '/token'].includes(path))) {
    const assertion = form.get('client_assertion') ?? '';
    t.match(decodeProtectedHeader(assertion), { alg: 'ES256', kid: key.kid }, path);
    const { aud, exp = 0, iat = 0, iss, sub } = decodeJwt(assertion);
    t.equal(aud, provider.issuer, 'the audience is the issuer');
    t.same([iss, sub], ['app', 'app']);
    t.ok(exp - iat <= 60, 'short-lived');
    t.notOk(form.has('client_secret'));
    t.equal(headers.authorization, undefined);
  }
  const exchanges = seen.filter(({ path, form }) => path === '/token' && form.has('code'));
  t.equal(exchanges.length, 2, 'the code is sent again with the nonce that the provider wants');
  t.match(decodeJwt(String(exchanges[1]?.headers.dpop)).nonce, /./);

  t.equal(await headerOf(scene, 'authorization'), undefined, 'a bound token is no bearer token');
  const people = new Set<string | undefined>();
  for (const round of [1, 2]) {
    await until(
      `refresh ${round}`,
      async () => {
        people.add(await headerOf(scene, 'x-forwarded-user'));
        return grantsOf(scene, 'refresh_token') >= round;
      },
      patience,
    );
  }
  t.same([...people], ['ada'], 'who was signed in all the time');
  const tokens = seen.flatMap(({ form }) => form.get('refresh_token') ?? []);
  t.ok(new Set(tokens).size >= 2, 'the refresh token rotates');

  const cookies = client.cookies.all().filter(({ name }) => /^sallyport(\.\d)?$/.test(name));
  t.equal(cookies.length, 1, 'the session fits in one cookie');
  t.ok((cookies[0]?.value.length ?? 0) < 2200, `${cookies[0]?.value.length} characters`);

  const out = await client.navigate(`${gateway.url}/oauth2/sign_out`);
  t.match(out.headers.location, `${provider.issuer}/session/end?`);
  await until('the revocation', () => hitsOf(scene, '/token/revocation') === 1);
  t.equal(await headerOf(scene, 'x-forwarded-user'), '401');
  t.notMatch(gateway.log.text(), /eyJ|"d":/, 'no assertion and no key in the log');
  t.same(
    provider.events.filter(({ name }) => name === 'server_error'),
    [],
  );
});

test('A7 with PAR only client_id and request_uri are in the URL', async (t) => {
  const key = makeClientKey();
  const scene = await arrangeProfile(t, {
    client: registered(key),
    provider: strict,
    keys: { profile: 'fapi2', privateKey: key.jwk },
  });
  const { authorizationRequest } = await beginLogin(scene.client, scene.gateway.url, '/deep');
  t.same([...authorizationRequest.searchParams.keys()].sort(), ['client_id', 'request_uri']);
  t.match(authorizationRequest.searchParams.get('request_uri'), /^urn:ietf:params:oauth:request_uri:/);
});

test('profile fapi2 takes no ID token that is signed by RS256', async (t) => {
  const key = makeClientKey();
  const scene = await arrangeProfile(t, {
    client: registered(key, { id_token_signed_response_alg: 'RS256' }),
    provider: strict,
    keys: { profile: 'fapi2', privateKey: key.jwk },
  });
  await t.rejects(logIn(scene.client, scene.gateway.url, 'ada'), /no session after the login: 400/);
  await scene.gateway.log.line(({ code }) => code === 'login_token_invalid');
});
