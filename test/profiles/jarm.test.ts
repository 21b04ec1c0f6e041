import { decodeJwt, decodeProtectedHeader } from 'jose';
import { type Test, test } from 'tap';
import { assembled, type Claims, foreignKey, providerKey, signClaims } from '../attack/forged-token.ts';
import { assertBeginsAnew, assertRefused } from '../attack/refusal.ts';
import {
  anotherBrowser,
  arrangeLogin,
  hitsOf,
  isSignedIn,
  type LoginScene,
  reachCallback,
} from '../login/steps.ts';
import type { Client } from '../support/client.ts';
import { logIn } from '../support/log-in.ts';

const arrange = (t: Test, keys: Record<string, unknown> = {}) =>
  arrangeLogin(t, {
    provider: { configuration: { features: { jwtResponseModes: { enabled: true } } } },
    config: { provider: { jarm: true, ...keys } },
  });

/** Stands before the callback with a signed response; gives what is in it. */
async function reachSigned(client: Client, { gateway }: LoginScene) {
  const { callback, authorizationRequest } = await reachCallback(client, gateway.url);
  const response = callback.searchParams.get('response') ?? '';
  const claims = decodeJwt(response) as Claims;
  const withResponse = (jwt: string) => {
    const url = new URL(callback);
    url.searchParams.set('response', jwt);
    return url.href;
  };
  return { callback, authorizationRequest, response, claims, withResponse };
}

test('B7 a signed authorization response signs in', async (t) => {
  const scene = await arrange(t);
  const { callback, response, claims, authorizationRequest } = await reachSigned(scene.client, scene);
  t.equal(authorizationRequest.searchParams.get('response_mode'), 'jwt');
  t.same([...callback.searchParams.keys()], ['response'], 'the code is in no parameter of its own');
  t.match(claims, { iss: scene.provider.issuer, aud: 'app' });
  t.equal((await scene.client.navigate(callback.href)).status, 302);
  t.ok(await isSignedIn(scene.client, scene.gateway.url));
  t.notMatch(scene.gateway.log.text(), response.slice(0, 40));
  await logIn(anotherBrowser(t), scene.gateway.url, 'grace');
});

const seconds = () => Math.floor(Date.now() / 1000);

/** What a response says that is signed by the provider's own key. */
const wrongClaims: Record<string, (claims: Claims) => Claims> = {
  'an iss of somebody else': (claims) => ({ ...claims, iss: 'https://evil.example' }),
  'no iss': ({ iss: _, ...claims }) => claims,
  'the aud of another client': (claims) => ({ ...claims, aud: 'another' }),
  'no aud': ({ aud: _, ...claims }) => claims,
  'an exp that is past': (claims) => ({ ...claims, exp: seconds() - 120 }),
  'no exp': ({ exp: _, ...claims }) => claims,
  'an exp that is text': (claims) => ({ ...claims, exp: String(seconds() + 60) }),
  'no code': ({ code: _, ...claims }) => claims,
  'a code that is no text': (claims) => ({ ...claims, code: 7 }),
};

test('B7 a signed response whose claims are wrong is refused before the code is spent', async (t) => {
  const scene = await arrange(t);
  const key = await providerKey(scene.provider);
  for (const [what, alter] of Object.entries(wrongClaims)) {
    await t.test(`B7 ${what}: refused`, async (sub) => {
      const client = anotherBrowser(t);
      const { claims, withResponse } = await reachSigned(client, scene);
      const before = hitsOf(scene, '/token');
      const answer = await client.navigate(withResponse(await signClaims(alter(claims), key)));
      const code = String(answer.headers['x-sallyport-error']);
      sub.match(code, /^login_(response|token)_invalid$/);
      await assertRefused(sub, { ...scene, client }, answer, { code });
      sub.equal(hitsOf(scene, '/token'), before, 'the code was not sent');
    });
  }
});

test('B7 a response that the provider did not sign as expected is refused', async (t) => {
  const scene = await arrange(t);
  const { kid, key, jwk } = await providerKey(scene.provider);
  const foreign = await foreignKey(kid);
  const forgeries: Record<string, (claims: Claims, response: string) => string | Promise<string>> = {
    'alg none': (claims) => assembled({ alg: 'none' }, claims),
    'a foreign key': (claims) => signClaims(claims, foreign),
    'HS256 with the modulus': (claims) =>
      signClaims(claims, { key: Buffer.from(jwk.n ?? '', 'base64url'), kid, alg: 'HS256' }),
    'the signature of another': async (claims) => {
      const [head, , signature] = (await signClaims({ ...claims, code: 'x' }, { key, kid })).split('.');
      return `${head}.${assembled({}, claims).split('.')[1]}.${signature}`;
    },
    'no signature': (_claims, response) => response.replace(/[^.]*$/, ''),
    'a critical header that nobody knows': (claims, response) =>
      assembled({ ...decodeProtectedHeader(response), crit: ['odd'], odd: 1 }, claims, 'AAAA'),
  };
  for (const [what, forge] of Object.entries(forgeries)) {
    await t.test(`B7 ${what}: refused`, async (sub) => {
      const client = anotherBrowser(t);
      const { claims, response, withResponse } = await reachSigned(client, scene);
      const before = hitsOf(scene, '/token');
      const answer = await client.navigate(withResponse(await forge(claims, response)));
      await assertRefused(sub, { ...scene, client }, answer, { code: 'login_token_invalid' });
      sub.equal(hitsOf(scene, '/token'), before, 'the code was not sent');
    });
  }
});

test('B7 a plain response is refused where a signed one was asked for, errors too', async (t) => {
  const scene = await arrange(t);
  for (const keep of ['code', 'error']) {
    const client = anotherBrowser(t);
    const { callback, claims } = await reachSigned(client, scene);
    callback.search = new URLSearchParams({
      [keep]: keep === 'code' ? String(claims.code) : 'access_denied',
      state: String(claims.state),
      iss: scene.provider.issuer,
    }).toString();
    const answer = await client.navigate(callback.href);
    await assertRefused(t, { ...scene, client }, answer, {
      code: 'login_response_invalid',
      reason: /not signed/,
    });
  }
  t.equal(hitsOf(scene, '/token'), 0);
});

test('B7 plain parameters beside a signed response count for nothing', async (t) => {
  const scene = await arrange(t);
  const { callback } = await reachSigned(scene.client, scene);
  callback.searchParams.set('code', 'planted');
  callback.searchParams.set('error', 'access_denied');
  callback.searchParams.set('state', 'planted');
  t.equal((await scene.client.navigate(callback.href)).status, 302);
  t.ok(await isSignedIn(scene.client, scene.gateway.url));
});

test('B7 a signed response for another browser, or used twice, signs nobody in', async (t) => {
  const scene = await arrange(t);
  const { callback } = await reachSigned(scene.client, scene);
  const victim = anotherBrowser(t);
  const theirs = await victim.navigate(callback.href);
  await assertBeginsAnew(t, { ...scene, client: victim }, theirs, callback);
  t.equal((await scene.client.navigate(callback.href)).status, 302);
  const back = await scene.client.navigate(callback.href);
  t.equal(back.headers.location, `${scene.gateway.url}/`, 'with the session it leads on');
  scene.client.cookies.clear();
  await assertBeginsAnew(t, scene, await scene.client.navigate(callback.href), callback);
  t.equal(hitsOf(scene, '/token'), 1, 'the code was sent once');
  const missing = { code: 'login_cookie_missing', spends: false };
  for (const response of ['', 'text', 'a.b.c', `${'e'.repeat(8000)}.a.b`]) {
    callback.searchParams.set('response', response);
    await assertRefused(t, scene, await scene.client.navigate(callback.href), missing);
  }
});

test('B7 a signed response is refused where none was asked for', async (t) => {
  const signed = await arrange(t);
  const plain = await arrange(t, { jarm: false });
  const { response } = await reachSigned(signed.client, signed);
  const { callback, state } = await reachCallback(plain.client, plain.gateway.url);
  callback.search = new URLSearchParams({ response, state }).toString();
  const answer = await plain.client.navigate(callback.href);
  t.equal(answer.status, 400);
  t.notOk(await isSignedIn(plain.client, plain.gateway.url));
});

test('B3 a signed error becomes a page in plain words', async (t) => {
  const scene = await arrange(t);
  const { claims, withResponse } = await reachSigned(scene.client, scene);
  const { code: _, ...rest } = claims;
  const refusal = { ...rest, error: 'access_denied', error_description: 'not <b>today</b>' };
  const answer = await scene.client.navigate(
    withResponse(await signClaims(refusal, await providerKey(scene.provider))),
  );
  await assertRefused(t, scene, answer, { code: 'login_refused' });
  t.match(answer.text, 'not &lt;b&gt;today');
});
