import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';
import * as oidc from 'openid-client';
import { type Test, test } from 'tap';
import { demoPassword, demoPeople } from '../../src/demo/people.ts';
import { startDemoProvider } from '../../src/demo/provider.ts';
import { type Client, createClient, type HttpAnswer } from '../support/client.ts';

/** Nobody listens there: where the browser is sent is what counts. */
const origin = 'http://localhost:1';
const redirectUri = `${origin}/oauth2/callback`;
const scope = 'openid profile email groups';
const invalidGrant = { name: 'ResponseBodyError', cause: { error: 'invalid_grant' } };

async function arrange(t: Test) {
  const credentials = { clientId: 'reading-room', clientSecret: 'a secret of the tests' };
  const provider = await startDemoProvider(0, { client: { ...credentials, origin }, people: demoPeople });
  const browser = createClient();
  t.teardown(async () => {
    browser.close();
    await provider.close();
  });
  const config = await oidc.discovery(
    new URL(provider.url),
    credentials.clientId,
    credentials.clientSecret,
    undefined,
    { execute: [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks] },
  );
  return { issuer: provider.url, config, browser };
}

type Scene = Awaited<ReturnType<typeof arrange>>;

/** Goes to the provider with an authorization request; what the application keeps of it comes along. */
async function ask({ config, browser }: Scene, more: Record<string, string> = {}) {
  const pkceCodeVerifier = oidc.randomPKCECodeVerifier();
  const expectedNonce = oidc.randomNonce();
  const expectedState = oidc.randomState();
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope,
    state: expectedState,
    nonce: expectedNonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    ...more,
  });
  const page = await follow(browser, url.href);
  return { page, checks: { pkceCodeVerifier, expectedNonce, expectedState } };
}

/** Follows redirects for as long as they stay at the provider. */
async function follow(browser: Client, url: string, form?: Record<string, string>): Promise<HttpAnswer> {
  const answer = await browser.request(url, {
    ...(form && {
      method: 'POST',
      body: new URLSearchParams(form).toString(),
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    }),
  });
  const next = answer.headers.location && new URL(answer.headers.location, url);
  return next && next.origin === new URL(url).origin ? follow(browser, next.href) : answer;
}

const signIn = (scene: Scene, page: HttpAnswer, login: string, password = demoPassword) =>
  follow(scene.browser, page.url, { login, password });

async function tokensOf(scene: Scene, login: string, more: Record<string, string> = {}) {
  const { page, checks } = await ask(scene, more);
  const { headers } = await signIn(scene, page, login);
  return oidc.authorizationCodeGrant(scene.config, new URL(String(headers.location)), checks);
}

test('each person signs in with one form, and the ID token says who they are', async (t) => {
  for (const { login, name, email, groups } of demoPeople) {
    const scene = await arrange(t);
    const { page } = await ask(scene);
    t.match(page.text, new RegExp(`<b>${name}</b>`), 'the page offers them');
    const tokens = await tokensOf(scene, login);
    t.match(tokens.claims(), {
      iss: scene.issuer,
      sub: login,
      preferred_username: login,
      name,
      email,
      email_verified: true,
      groups: [...groups],
    });
  }
});

test('there are people of different groups, and one whose name is not ASCII', async (t) => {
  t.ok(demoPeople.length >= 3);
  t.ok(new Set(demoPeople.map(({ groups }) => groups.join())).size >= 3);
  t.ok(demoPeople.some(({ name }) => /[^\x20-\x7e]/.test(name)));
});

test('the access token is a JWT that the published keys verify', async (t) => {
  const scene = await arrange(t);
  const { access_token: accessToken } = await tokensOf(scene, 'grace');
  const keys = createRemoteJWKSet(new URL(String(scene.config.serverMetadata().jwks_uri)));
  const { payload, protectedHeader } = await jwtVerify(accessToken, keys, {
    issuer: scene.issuer,
    typ: 'at+jwt',
    algorithms: ['RS256'],
  });
  t.match(payload, { sub: 'grace', client_id: 'reading-room', aud: /^urn:/ });
  t.equal(protectedHeader.alg, 'RS256');
});

test('a refresh replaces the refresh token and tells the same of the person', async (t) => {
  const scene = await arrange(t);
  const first = await tokensOf(scene, 'zoe');
  const second = await oidc.refreshTokenGrant(scene.config, String(first.refresh_token));
  t.not(second.refresh_token, first.refresh_token);
  t.match(second.claims(), { sub: 'zoe', name: 'Zoë Müller', groups: ['library', 'support'] });
  t.equal(decodeJwt(second.access_token).sub, 'zoe', 'by a JWT again');

  const reuse = oidc.refreshTokenGrant(scene.config, String(first.refresh_token));
  await t.rejects(reuse, invalidGrant, 'the old one is spent');
});

test('nobody is asked for consent, not even when a client insists', async (t) => {
  const scene = await arrange(t);
  const tokens = await tokensOf(scene, 'ada', { prompt: 'login consent' });
  t.equal(tokens.claims()?.sub, 'ada');
  const again = await ask(scene);
  t.match(again.page.headers.location, redirectUri, 'and who is signed in is not asked at all');
});

test('a wrong password is told on the page, with what was typed as text', async (t) => {
  const scene = await arrange(t);
  const { page, checks } = await ask(scene);
  for (const [login, password] of [
    ['ada', 'wrong'],
    ['nobody', demoPassword],
    ['"><script>alert(1)</script>', demoPassword],
  ] as const) {
    const answer = await signIn(scene, page, login, password);
    t.equal(answer.status, 422, login);
    t.match(answer.text, 'role="alert"', login);
    t.notMatch(answer.text, '<script', login);
  }
  const right = await signIn(scene, page, ' Ada ');
  const tokens = await oidc.authorizationCodeGrant(
    scene.config,
    new URL(String(right.headers.location)),
    checks,
  );
  t.equal(tokens.claims()?.sub, 'ada', 'the same page still takes the right one');
});

test('every page of the provider forbids scripts and frames', async (t) => {
  const scene = await arrange(t);
  const { page } = await ask(scene);
  const pages = {
    'sign in': page,
    'wrong password': await signIn(scene, page, 'ada', 'wrong'),
    'too late': await follow(scene.browser, `${scene.issuer}/sign-in/unknown`),
    'wrong request': await follow(scene.browser, `${scene.issuer}/auth?client_id=unknown`),
    'signed out': await follow(scene.browser, `${scene.issuer}/session/end/success`),
  };
  await signIn(scene, page, 'ada');
  const confirm = await follow(scene.browser, oidc.buildEndSessionUrl(scene.config).href);
  for (const [name, { headers, text }] of Object.entries({ ...pages, 'sign out': confirm })) {
    const policy = String(headers['content-security-policy']);
    t.match(policy, "default-src 'none'", name);
    t.match(policy, "frame-ancestors 'none'", name);
    t.notMatch(policy, 'unsafe', name);
    t.match(text, 'Demo sign-in service', `${name}: it looks like the others`);
    t.notMatch(text, '<script', name);
  }
  t.match(pages['too late'].text, 'start again');
});

test('signing out takes one button, ends the tokens, and returns to the application', async (t) => {
  const scene = await arrange(t);
  const tokens = await tokensOf(scene, 'joseph');
  const url = oidc.buildEndSessionUrl(scene.config, {
    id_token_hint: String(tokens.id_token),
    post_logout_redirect_uri: `${origin}/`,
    state: 'where-i-was',
  });
  const page = await follow(scene.browser, url.href);
  t.equal(page.text.match(/<button/g)?.length, 1);
  const action = /action="([^"]+)"/.exec(page.text)?.[1] ?? '';
  const xsrf = /name="xsrf" value="([^"]+)"/.exec(page.text)?.[1] ?? '';
  const left = await follow(scene.browser, action, { xsrf, logout: 'yes' });
  t.equal(left.headers.location, `${origin}/?state=where-i-was`);

  const refresh = oidc.refreshTokenGrant(scene.config, String(tokens.refresh_token));
  await t.rejects(refresh, invalidGrant);
  t.match((await ask(scene)).page.text, 'Who would you like to be?', 'and somebody else can sign in');
});

test('a login without PKCE is refused', async (t) => {
  const scene = await arrange(t);
  const url = oidc.buildAuthorizationUrl(scene.config, { redirect_uri: redirectUri, scope, state: 'x' });
  const { headers } = await follow(scene.browser, url.href);
  t.match(headers.location, 'error=invalid_request');
});
