import { type Test, test } from 'tap';
import { parseConfig } from '../../src/config/load.ts';
import {
  createLoginCookies,
  createLoginSecret,
  deriveProofs,
} from '../../src/identity/login/login-cookie.ts';
import { type CarriedLogin, createLoginStates } from '../../src/identity/login/login-state.ts';
import { gatewayCookies } from '../../src/session/cookie-names.ts';
import { createKeyRing } from '../../src/session/key-ring.ts';
import {
  anotherBrowser,
  arrangeLogin,
  hitsOf,
  isSignedIn,
  type LoginScene,
  reachCallback,
  secretOf,
} from '../login/steps.ts';
import type { Client } from '../support/client.ts';
import { assertBeginsAnew, assertNoSession, assertRefused } from './refusal.ts';

/** The one login cookie of a browser. */
function loginCookieOf(client: Client) {
  const found = client.cookies.all().find(({ name }) => name.startsWith('sallyport-login-'));
  if (!found) throw new Error('the browser holds no login cookie');
  return found;
}

/**
 * A state that the gateway itself might have sealed, with its cookie in the browser: what the state of a response
 * carries, changed. The secret is that of the login, where one is given.
 */
function reseal(
  { gateway, client }: LoginScene,
  response: URL,
  change: (login: CarriedLogin) => CarriedLogin,
): string {
  const ring = createKeyRing([secretOf(gateway)]);
  const states = createLoginStates(ring, new Set([gateway.url, 'https://other.example']));
  const { config } = parseConfig(gateway.yaml, { file: 'sallyport.yaml', env: {} });
  const cookies = createLoginCookies(gatewayCookies(config), ring);
  const state = response.searchParams.get('state') ?? '';
  const login = states.open(state);
  const secrets = cookies.find(state, client.cookies.all());
  if (!login || !secrets) throw new Error('the login does not open');
  const next = states.seal(change(login));
  client.cookies.take(gateway.url, cookies.remember(next, secrets, [], false));
  return changed(response, { state: next });
}

const missing = { code: 'login_cookie_missing', reason: /state|cookie/i, spends: false };

/** The response with other parameters; undefined removes one. */
function changed(callback: URL, parameters: Record<string, string | undefined>): string {
  const url = new URL(callback);
  for (const [name, value] of Object.entries(parameters)) {
    if (value === undefined) url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  return url.href;
}

/** The login of the scene still works: what was refused did not spend it. */
async function assertStillWorks(t: Test, { gateway, client }: LoginScene, callback: URL): Promise<void> {
  t.equal((await client.navigate(callback.href)).status, 302, 'the real response is taken');
  t.ok(await isSignedIn(client, gateway.url), 'and signs in');
}

for (const [name, state] of Object.entries({
  missing: undefined,
  empty: '',
  unknown: 'A'.repeat(43),
  'of a strange shape': '__proto__',
  'very long': 's'.repeat(20_000),
})) {
  test(`B1 B6 a state that is ${name} is refused before the code is spent`, async (t) => {
    const scene = await arrangeLogin(t);
    const { callback } = await reachCallback(scene.client, scene.gateway.url);
    const answer = await scene.client.navigate(changed(callback, { state }));
    await assertRefused(t, scene, answer, missing);
    t.equal(hitsOf(scene, '/token'), 0, 'the code was not sent');
    await assertStillWorks(t, scene, callback);
  });
}

test('B6 B1 a response in another browser signs nobody in, with or without a login of its own', async (t) => {
  const scene = await arrangeLogin(t);
  const { callback } = await reachCallback(scene.client, scene.gateway.url, { person: 'grace' });
  for (const withLogin of [false, true]) {
    const victim = anotherBrowser(t);
    if (withLogin) await reachCallback(victim, scene.gateway.url);
    const answer = await victim.navigate(callback.href);
    await assertBeginsAnew(t, { ...scene, client: victim }, answer, callback);
  }
  t.equal(hitsOf(scene, '/token'), 0, 'the code was not sent');
  await assertStillWorks(t, scene, callback);
});

test('B1 the code of one login with the state of another is refused', async (t) => {
  const scene = await arrangeLogin(t);
  const attacker = anotherBrowser(t);
  const injected = await reachCallback(attacker, scene.gateway.url, { person: 'grace' });
  const { callback } = await reachCallback(scene.client, scene.gateway.url);
  const code = injected.callback.searchParams.get('code') ?? '';
  const answer = await scene.client.navigate(changed(callback, { code }));
  // RFC 9700 §4.5: the provider finds that the verifier is another one.
  await assertRefused(t, scene, answer, { code: 'login_response_invalid', reason: /invalid_grant|OAUTH/ });
});

test('B1 B6 a login that took longer than ten minutes begins anew, before the code is spent', async (t) => {
  const scene = await arrangeLogin(t);
  const { callback } = await reachCallback(scene.client, scene.gateway.url);
  const seconds = Math.floor(Date.now() / 1000);
  const old = reseal(scene, callback, (login) => ({ ...login, startedAt: seconds - 601 }));
  await assertBeginsAnew(t, scene, await scene.client.navigate(old), new URL(old));
  t.equal(hitsOf(scene, '/token'), 0);
  await assertStillWorks(
    t,
    scene,
    new URL(reseal(scene, callback, (login) => ({ ...login, startedAt: seconds - 590 }))),
  );
});

test('B1 B6 a response is taken once, even from a browser that kept the login cookie', async (t) => {
  const scene = await arrangeLogin(t);
  const { gateway, client } = scene;
  const { callback } = await reachCallback(client, gateway.url);
  const copy = client.cookies.headerFor(gateway.url) ?? '';
  t.equal((await client.navigate(callback.href)).status, 302);
  const thief = anotherBrowser(t);
  const answer = await thief.navigate(callback.href, { headers: { cookie: copy } });
  await assertBeginsAnew(t, { ...scene, client: thief }, answer, callback);
  t.ok(await gateway.log.line(({ reason }) => /used before/.test(String(reason))), 'the log says why');
  t.equal(hitsOf(scene, '/token'), 1, 'the code was sent once');
  t.ok(await isSignedIn(client, gateway.url), 'who signed in first stays signed in');
});

test('B1 of responses at the same moment one ends the login, and the code is sent once', async (t) => {
  const scene = await arrangeLogin(t);
  const { callback } = await reachCallback(scene.client, scene.gateway.url, { path: '/deep' });
  const answers = await Promise.all([1, 2, 3, 4].map(() => scene.client.navigate(callback.href)));
  t.same(
    answers.map(({ status }) => status),
    [302, 302, 302, 302],
  );
  const ended = answers.filter(({ headers }) => headers.location === `${scene.gateway.url}/deep`);
  t.equal(ended.length, 1, 'the others begin anew');
  t.equal(hitsOf(scene, '/token'), 1, 'the code was sent once');
});

test('B1 a login cookie that was altered, or moved to another name, is none', async (t) => {
  const scene = await arrangeLogin(t);
  const { gateway, client } = scene;
  const { callback } = await reachCallback(client, gateway.url);
  const { name, value } = loginCookieOf(client);
  const other = anotherBrowser(t);
  const begun = await reachCallback(other, gateway.url);
  const flipped = value.slice(0, 40) + (value[40] === 'A' ? 'B' : 'A') + value.slice(41);
  const attempts: Record<string, [response: URL, cookie: string]> = {
    'one character': [callback, `${name}=${flipped}`],
    'cut short': [callback, `${name}=${value.slice(0, -4)}`],
    empty: [callback, `${name}=`],
    'as a session': [callback, `sallyport=1${value}`],
    'under the name of another login': [begun.callback, `${loginCookieOf(other).name}=${value}`],
  };
  for (const [what, [response, cookie]] of Object.entries(attempts)) {
    await t.test(what, async (t) => {
      const thief = anotherBrowser(t);
      const answer = await thief.navigate(response.href, { headers: { cookie } });
      await assertBeginsAnew(t, { ...scene, client: thief }, answer, response);
    });
  }
  t.equal(hitsOf(scene, '/token'), 0);
});

test('B1 a state that was altered is none of ours', async (t) => {
  const scene = await arrangeLogin(t);
  const { callback, state } = await reachCallback(scene.client, scene.gateway.url);
  for (const at of [0, 3, 10, 30, state.length - 2]) {
    await t.test(`character ${at}`, async (t) => {
      const flipped = state.slice(0, at) + (state[at] === 'A' ? 'B' : 'A') + state.slice(at + 1);
      const answer = await scene.client.navigate(changed(callback, { state: flipped }));
      await assertRefused(t, scene, answer, missing);
    });
  }
  t.equal(hitsOf(scene, '/token'), 0);
  await assertStillWorks(t, scene, callback);
});

test('B1 what follows from one login is of no use for another', async (t) => {
  const [first, second] = [createLoginSecret(), createLoginSecret()];
  const values = [first, second].flatMap((secret) => Object.values(deriveProofs(secret)));
  t.equal(new Set([first, second, ...values]).size, 6, 'nonce, verifier and secret are six different values');
  for (const value of values) t.match(value, /^[\w-]{43}$/);
});

test('B2 a response of another issuer is refused before the code is spent', async (t) => {
  const scene = await arrangeLogin(t);
  for (const iss of [
    'https://evil.example',
    `${scene.provider.issuer}/`,
    `${scene.provider.issuer}/realm`,
    '',
  ]) {
    await t.test(`iss ${iss}`, async (t) => {
      const { callback } = await reachCallback(scene.client, scene.gateway.url);
      const answer = await scene.client.navigate(changed(callback, { iss }));
      await assertRefused(t, scene, answer, { code: 'login_response_invalid', reason: /iss/ });
    });
  }
  t.equal(hitsOf(scene, '/token'), 0, 'no code was sent');
});

test('B2 a response without the issuer that the provider promised is refused (RFC 9207 §2.4)', async (t) => {
  const scene = await arrangeLogin(t);
  const { callback } = await reachCallback(scene.client, scene.gateway.url);
  t.ok(callback.searchParams.has('iss'), 'the provider sends it');
  const answer = await scene.client.navigate(changed(callback, { iss: undefined }));
  await assertRefused(t, scene, answer, { code: 'login_response_invalid', reason: /iss/ });
  t.equal(hitsOf(scene, '/token'), 0, 'the code was not sent');
});

const script = '"><script>alert(1)</script><img src=x onerror=alert(1)>';

test('B3 an error of the provider becomes a page in plain words, escaped, with a button', async (t) => {
  const scene = await arrangeLogin(t);
  const { gateway, client } = scene;
  const { callback } = await reachCallback(client, gateway.url, { path: '/deep?x=1' });
  const answer = await client.navigate(
    changed(callback, { code: undefined, error: 'access_denied', error_description: script }),
  );
  await assertRefused(t, scene, answer, { code: 'login_refused', reason: /access_denied|script/ });
  t.notMatch(answer.text, /<script|<img/, 'no markup of the provider');
  t.match(answer.text, '&lt;script&gt;alert(1)', 'its text, escaped');
  t.match(answer.text, `href="/oauth2/start?rd=${encodeURIComponent(`${gateway.url}/deep?x=1`)}"`);
  t.match(answer.headers['content-security-policy'], /default-src 'none'/);
  t.equal(hitsOf(scene, '/token'), 0);
});

test('B3 cancelling at the provider ends on that page, and trying again works', async (t) => {
  const scene = await arrangeLogin(t);
  const { gateway, client } = scene;
  const { callback } = await reachCallback(client, gateway.url, { path: '/deep' });
  const refused = changed(callback, { code: undefined, error: 'access_denied' });
  const answer = await client.navigate(refused);
  const [, href = ''] = /<a class="button" href="([^"]+)"/.exec(answer.text) ?? [];
  const again = await client.navigate(gateway.url + href.replaceAll('&amp;', '&'), { follow: 10 });
  t.equal(again.status, 200);
  t.equal(again.url, `${gateway.url}/deep`, 'back where the person wanted to go');
});

test('B3 an error with a bad state is refused without repeating its text', async (t) => {
  const scene = await arrangeLogin(t);
  const { gateway, client } = scene;
  const { callback } = await reachCallback(client, gateway.url);
  const planted = {
    error: 'call_0800_123',
    error_description: 'Call 0800 123 now',
    error_uri: 'https://evil.example',
  };
  for (const state of [undefined, 'unknown']) {
    const answer = await client.navigate(changed(callback, { ...planted, code: undefined, state }));
    await assertRefused(t, scene, answer, missing);
    t.notMatch(answer.text, /0800|evil\.example/);
    t.notMatch(gateway.log.text(), /0800/, 'nor does the log');
  }
});

test('B3 an error beside a code is still an error', async (t) => {
  const scene = await arrangeLogin(t);
  const { callback } = await reachCallback(scene.client, scene.gateway.url);
  const answer = await scene.client.navigate(changed(callback, { error: 'server_error' }));
  await assertRefused(t, scene, answer, { code: 'provider_unavailable', status: 503 });
  t.equal(hitsOf(scene, '/token'), 0);
});

for (const [name, code] of Object.entries({ missing: undefined, empty: '' })) {
  test(`B4 a response whose code is ${name} is refused`, async (t) => {
    const scene = await arrangeLogin(t);
    const { callback } = await reachCallback(scene.client, scene.gateway.url);
    const answer = await scene.client.navigate(changed(callback, { code }));
    await assertRefused(t, scene, answer, { code: 'login_response_invalid', reason: /code/ });
    t.equal(hitsOf(scene, '/token'), 0);
  });
}

for (const name of ['code', 'state', 'iss', 'error', 'foreign']) {
  test(`B4 a response with the parameter ${name} twice is refused (RFC 6749 §3.1)`, async (t) => {
    const scene = await arrangeLogin(t);
    for (const isSame of [true, false]) {
      const { callback: doubled } = await reachCallback(scene.client, scene.gateway.url);
      const value = doubled.searchParams.get(name);
      if (value === null) doubled.searchParams.append(name, 'x');
      doubled.searchParams.append(name, isSame ? (value ?? 'x') : 'other');
      const answer = await scene.client.navigate(doubled.href);
      await assertRefused(t, scene, answer, { code: 'login_response_invalid', reason: /twice/ });
    }
    t.equal(hitsOf(scene, '/token'), 0);
  });
}

test('B4 a parameter that is doubled in another spelling is doubled', async (t) => {
  const scene = await arrangeLogin(t);
  const { callback } = await reachCallback(scene.client, scene.gateway.url);
  for (const more of ['&%63ode=other', '&cod%65=', '&st%61te=other']) {
    const answer = await scene.client.navigate(callback.href + more);
    t.equal(answer.status, 400, more);
    assertNoSession(t, scene.client, answer);
  }
  t.equal(hitsOf(scene, '/token'), 0);
});

test('B5 the code goes once, to the token endpoint of the provider that the login began with', async (t) => {
  const scene = await arrangeLogin(t);
  const { gateway, client } = scene;
  const { callback } = await reachCallback(client, gateway.url);
  const codes: string[] = [];
  scene.provider.tamper(async (hit) => {
    if (hit.path === '/token') codes.push(new URLSearchParams(await hit.body()).get('code') ?? '');
    return hit.pass();
  });
  t.equal((await client.navigate(callback.href)).status, 302);
  t.same(codes, [callback.searchParams.get('code')]);
});

test('B5 a login that began with another provider, or on another origin, does not end here', async (t) => {
  const scene = await arrangeLogin(t);
  for (const change of [{ provider: 'other' }, { origin: 'https://other.example' }]) {
    const { callback } = await reachCallback(scene.client, scene.gateway.url);
    const answer = await scene.client.navigate(reseal(scene, callback, (login) => ({ ...login, ...change })));
    await assertRefused(t, scene, answer, { code: 'login_state_mismatch', reason: /other/ });
  }
  t.equal(hitsOf(scene, '/token'), 0);
});

test('B5 a code that fails is not sent again', async (t) => {
  for (const status of [500, 503, 429, 400]) {
    await t.test(String(status), async (t) => {
      const scene = await arrangeLogin(t);
      const { callback } = await reachCallback(scene.client, scene.gateway.url);
      scene.provider.tamper((hit) => (hit.path === '/token' ? hit.send({ status }) : hit.pass()));
      await scene.client.navigate(callback.href);
      await scene.client.navigate(callback.href);
      t.equal(hitsOf(scene, '/token'), 1, String(status));
    });
  }
});

test('nothing but a GET ends a login', async (t) => {
  const scene = await arrangeLogin(t);
  const { callback } = await reachCallback(scene.client, scene.gateway.url);
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
    await t.test(method, async (t) => {
      const answer = await scene.client.request(callback.href, { method });
      t.ok(answer.status >= 400 && answer.status < 500, `${method}: ${answer.status}`);
      assertNoSession(t, scene.client, answer);
    });
  }
  t.equal(hitsOf(scene, '/token'), 0);
  await assertStillWorks(t, scene, callback);
});
