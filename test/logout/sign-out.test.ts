import { decodeJwt } from 'jose';
import { type Test, test } from 'tap';
import { arrangeUpstream } from '../support/arrange.ts';
import type { HttpAnswer } from '../support/client.ts';
import { type GatewayParts, startTestGateway } from '../support/gateway.ts';
import type { ProviderOptions, TestProvider } from '../support/provider.ts';
import { startRedis } from '../support/redis.ts';
import { spawnGateway } from '../support/spawned-gateway.ts';
import { until } from '../support/until.ts';
import { type Echo, valuesOf } from '../support/upstream.ts';
import { always, refused, signIn, startLogoutProvider, statusesOf, type Visitor } from './scene.ts';

async function arrange(t: Test, options: ProviderOptions = {}, config: GatewayParts['config'] = {}) {
  const provider = await startLogoutProvider(t, options);
  const upstream = await arrangeUpstream(t);
  const gateway = await startTestGateway({ provider, upstream, config });
  t.teardown(() => gateway.close());
  const ada = await signIn(t, gateway.url, 'ada');
  const signOut = `${gateway.url}/oauth2/sign_out`;
  return { provider, gateway, ada, signOut };
}

const statusOf = async ({ client }: Visitor, gatewayUrl: string) =>
  (await client.get(`${gatewayUrl}/`)).status;

function locationOf({ status, headers }: HttpAnswer): URL {
  if (status !== 302 || headers.location === undefined) throw new Error(`no redirect but ${status}`);
  return new URL(headers.location);
}

/** What was sent to the provider's revocation endpoint, as it comes. */
function watchRevocations(
  provider: TestProvider,
  answer?: (hint: string) => { status: number; body?: string },
) {
  const seen: { token: string; hint: string }[] = [];
  provider.tamper(async (hit) => {
    if (hit.path !== '/token/revocation') return hit.pass();
    const form = new URLSearchParams(await hit.body());
    const hint = form.get('token_type_hint') ?? '';
    seen.push({ token: form.get('token') ?? '', hint });
    if (answer) hit.send(answer(hint));
    else await hit.pass();
  });
  return seen;
}

test('D5 a sign-out goes on to the provider, and from there to where it was asked to go', async (t) => {
  const { provider, gateway, ada, signOut } = await arrange(t);
  const rd = '/goodbye?why=lunch&and=more';
  const answer = await ada.client.navigate(`${signOut}?rd=${encodeURIComponent(rd)}`);
  const { origin, pathname, searchParams } = locationOf(answer);
  t.equal(origin + pathname, `${provider.issuer}/session/end`);
  t.same([...searchParams.keys()].sort(), ['client_id', 'id_token_hint', 'post_logout_redirect_uri']);
  t.equal(searchParams.get('client_id'), 'app');
  t.equal(searchParams.get('post_logout_redirect_uri'), gateway.url + rd);
  t.match(decodeJwt(searchParams.get('id_token_hint') ?? ''), { sub: 'ada', iss: provider.issuer });
  t.equal(answer.headers['cache-control'], 'no-store');
  t.equal(answer.headers['referrer-policy'], 'no-referrer', 'the hint goes nowhere else');
  t.notOk(ada.copiedCookie(), 'the session cookie is gone');

  const page = await ada.client.navigate(locationOf(answer).href);
  t.match(page.text, 'op.logoutForm', 'the provider takes it');
  const xsrf = /name="xsrf" value="([^"]+)"/.exec(page.text)?.[1] ?? '';
  const end = await ada.client.request(`${provider.issuer}/session/end/confirm`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ xsrf, logout: 'yes' }).toString(),
  });
  t.equal(end.status, 303);
  t.equal(end.headers.location, `${gateway.url}${rd}`);
  const login = await ada.client.navigate(`${gateway.url}/`, { follow: 10 });
  t.match(login.url, `${provider.issuer}/interaction/`, 'the provider asks who it is');
  const another = locationOf(
    await (await signIn(t, gateway.url, 'ada')).client.navigate(`${gateway.url}/oauth2/sign_out`),
  );
  t.equal(another.searchParams.get('post_logout_redirect_uri'), `${gateway.url}/`);
});

test('D5 a sign-out leads to the own site only', async (t) => {
  const { gateway, ada, signOut } = await arrange(t, { endSession: false });
  for (const rd of [
    'https://evil.example/',
    '//evil.example/',
    '/\\evil.example',
    'javascript:alert(1)',
    `${gateway.url}@evil.example/`,
  ]) {
    const answer = await ada.client.navigate(`${signOut}?rd=${encodeURIComponent(rd)}`);
    t.equal(answer.headers.location, `${gateway.url}/`, rd);
  }
});

test('D5 without a logout endpoint at the provider, the sign-out ends here', async (t) => {
  const { gateway, ada, signOut } = await arrange(t, { endSession: false });
  const page = await ada.client.navigate(signOut);
  t.equal(page.status, 200);
  t.match(page.text, 'You are signed out');
  t.equal(await statusOf(ada, gateway.url), 401);
  const grace = await signIn(t, gateway.url, 'grace');
  t.equal(locationOf(await grace.client.navigate(`${signOut}?rd=/bye`)).href, `${gateway.url}/bye`);
  t.equal(await statusOf(grace, gateway.url), 401);
  const nobody = await grace.client.navigate(signOut);
  t.equal(nobody.status, 200, 'nor does it need a session');
});

test('the refresh token is revoked at the provider, and the access token with it', async (t) => {
  const { provider, gateway, ada, signOut } = await arrange(t);
  const { rawHeaders } = (await ada.client.get(`${gateway.url}/`)).json() as Echo;
  const accessToken = (valuesOf(rawHeaders, 'authorization')[0] ?? '').replace('Bearer ', '');
  const seen = watchRevocations(provider);
  await ada.client.navigate(signOut);
  await until('the revocation', () => seen.length > 0);
  const [refresh, ...others] = seen;
  t.equal(refresh?.hint, 'refresh_token');
  t.strictSame(others, [], 'RFC 7009 §2.1: one call for both');

  const basic = Buffer.from(`${provider.clientId}:${provider.clientSecret}`).toString('base64');
  const ask = (path: string, form: Record<string, string>) =>
    ada.client.request(`${provider.issuer}${path}`, {
      method: 'POST',
      headers: {
        authorization: `Basic ${basic}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: new URLSearchParams(form).toString(),
    });
  const token = refresh?.token ?? '';
  const refreshed = await ask('/token', { grant_type: 'refresh_token', refresh_token: token });
  t.match(refreshed.json(), { error: 'invalid_grant' });
  t.match((await ask('/token/introspection', { token: accessToken })).json(), { active: false });
});

test('D9 a revocation that fails keeps nobody signed in', async (t) => {
  for (const [what, status] of [
    ['an error', 503],
    ['another success', 204],
    ['a refusal', 400],
  ] as const) {
    const { provider, gateway, ada, signOut } = await arrange(t);
    const seen = watchRevocations(provider, () => ({ status, body: status === 204 ? '' : '{}' }));
    t.equal((await ada.client.navigate(signOut)).status, 302, what);
    t.equal(await statusOf(ada, gateway.url), 401, what);
    await until('both tokens', () => seen.length === 2);
    t.same(
      seen.map(({ hint }) => hint),
      ['refresh_token', 'access_token'],
      `the second is tried after ${what}`,
    );
    const line = await gateway.log.line(({ msg }) => msg === 'a token could not be revoked');
    t.equal(line.level, 'warn');
    const logout = await gateway.log.line(({ msg }) => msg === 'logout');
    t.equal(line.requestId, logout.requestId, 'it names the request');
    for (const { token } of seen) t.notMatch(gateway.log.text(), token);
  }
});

test('D9 a provider that is slow or away does not hold up a sign-out', async (t) => {
  const { provider, gateway, ada, signOut } = await arrange(t);
  const grace = await signIn(t, gateway.url, 'grace');
  const [adas, graces] = [ada.copiedCookie(), grace.copiedCookie()];

  provider.tamper(() => undefined);
  const began = performance.now();
  t.equal((await ada.client.navigate(signOut)).status, 302);
  t.ok(performance.now() - began < 1000, 'while the provider is silent');
  t.strictSame(await statusesOf(gateway.url, adas, 2), always(401, 2));

  await provider.stop();
  t.equal((await grace.client.navigate(signOut)).status, 302);
  t.strictSame(await statusesOf(gateway.url, graces, 2), always(401, 2), 'while it is away');
  await provider.restart();
});

for (const store of ['cookie', 'memory', 'Redis'] as const) {
  test(`a sign-out ends every copy of the session, everywhere ends all of the person's: ${store} store`, async (t) => {
    const provider = await startLogoutProvider(t);
    const upstream = await arrangeUpstream(t);
    const redis = store === 'Redis' ? await startRedis() : undefined;
    if (redis) t.teardown(() => redis.stop());
    const session = { store: redis?.url ?? store };
    const gateway = await spawnGateway({ provider, upstream, config: { workers: 2, session } });
    t.teardown(() => gateway.stop());
    const signOut = `${gateway.url}/oauth2/sign_out`;
    const [cafe, desk, phone] = [
      await signIn(t, gateway.url, 'ada'),
      await signIn(t, gateway.url, 'ada'),
      await signIn(t, gateway.url, 'ada'),
    ];
    const grace = await signIn(t, gateway.url, 'grace');
    const [cafes, desks, phones] = [cafe.copiedCookie(), desk.copiedCookie(), phone.copiedCookie()];

    t.strictSame(await statusesOf(gateway.url, cafes, 4), always(200, 4));
    t.equal((await cafe.client.navigate(signOut)).status, 302);
    await refused(gateway.url, cafes);
    t.strictSame(await statusesOf(gateway.url, cafes), always(401), 'a copy of the cookie opens nothing');
    t.strictSame(await statusesOf(gateway.url, phones, 4), always(200, 4), 'other sessions go on');

    t.equal((await desk.client.navigate(`${signOut}?everywhere=1`)).status, 302);
    const later = await signIn(t, gateway.url, 'ada');
    for (const cookie of [desks, phones]) await refused(gateway.url, cookie);
    t.equal(await statusOf(phone, gateway.url), 401);
    t.strictSame(await statusesOf(gateway.url, grace.copiedCookie(), 4), always(200, 4), 'of nobody else');
    t.strictSame(
      await statusesOf(gateway.url, later.copiedCookie(), 4),
      always(200, 4),
      'a later sign-in stands',
    );
  });
}

test('D6 with signOut.requirePost a link signs nobody out', async (t) => {
  const { gateway, ada, signOut } = await arrange(t, {}, { signOut: { requirePost: true } });
  const page = await ada.client.navigate(`${signOut}?rd=/bye&everywhere=1`);
  t.equal(page.status, 200);
  t.equal(page.setCookies.length, 0);
  t.equal(await statusOf(ada, gateway.url), 200);
  const action = /<form method="post" action="([^"]+)"/.exec(page.text)?.[1]?.replaceAll('&amp;', '&');
  const target = new URL(action ?? '', gateway.url);
  t.equal(target.pathname, '/oauth2/sign_out');
  t.same(Object.fromEntries(target.searchParams), { rd: '/bye', everywhere: '1' });
  const done = await ada.client.request(target.href, {
    method: 'POST',
    headers: { origin: gateway.url, 'sec-fetch-site': 'same-origin' },
  });
  t.equal(locationOf(done).searchParams.get('post_logout_redirect_uri'), `${gateway.url}/bye`);
  t.equal(await statusOf(ada, gateway.url), 401);
});

test('D6 another site signs nobody out', async (t) => {
  const { gateway, ada, signOut } = await arrange(t);
  const foreign = { 'sec-fetch-site': 'cross-site' };
  const page = await ada.client.navigate(signOut, { headers: foreign });
  t.equal(page.status, 200);
  t.match(page.text, 'Another site');
  for (const headers of [foreign, { origin: 'https://evil.example' }, { origin: 'null' }]) {
    const { status } = await ada.client.request(signOut, { method: 'POST', headers });
    t.equal(status, 403, JSON.stringify(headers));
  }
  t.equal(await statusOf(ada, gateway.url), 200, 'the session lives on');
  const form = {
    method: 'POST',
    headers: { origin: gateway.url, 'content-type': 'application/x-www-form-urlencoded' },
    body: 'rd=%2Fbye',
  };
  const { searchParams } = locationOf(await ada.client.request(signOut, form));
  t.equal(searchParams.get('post_logout_redirect_uri'), `${gateway.url}/bye`, 'rd in a form counts');
  t.equal(await statusOf(ada, gateway.url), 401, 'the own site does');
});

test('a sign-out that cannot be written down removes the cookie, and promises no more than that', async (t) => {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  const { gateway, ada, signOut } = await arrange(t, {}, { session: { store: redis.url } });
  const grace = await signIn(t, gateway.url, 'grace');
  await redis.kill();
  const everywhere = await ada.client.navigate(`${signOut}?everywhere=1`);
  t.equal(everywhere.status, 503, 'everywhere cannot be promised');
  await grace.client.navigate(signOut);
  t.notOk(grace.copiedCookie());
  const lines = gateway.log.lines.filter(({ msg }) => msg === 'logout was not written down');
  t.equal(lines.length, 2, 'which the log tells');
  await redis.restart();
  await until('Redis', async () => (await statusOf(ada, gateway.url)) !== 503);
  t.equal(await statusOf(ada, gateway.url), 200, 'who was refused can try again');
  await ada.client.navigate(`${signOut}?everywhere=1`);
  t.equal(await statusOf(ada, gateway.url), 401);
});
