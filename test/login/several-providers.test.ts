import { test } from 'tap';
import { launchBrowser } from '../support/browser.ts';
import type { Echo } from '../support/upstream.ts';
import { beginLogin, signInAtProvider } from './steps.ts';
import { arrangeTwoProviders, type TwoProviders } from './two-providers.ts';

const headerOf = ({ rawHeaders }: Echo, name: string) => {
  const at = rawHeaders.findIndex((each, index) => index % 2 === 0 && each.toLowerCase() === name);
  return at < 0 ? undefined : rawHeaders[at + 1];
};

/** Signs in with one of the providers; gives the answer that ends it. */
async function signIn(scene: TwoProviders, name: 'staff' | 'partners', person: string, rd = '/') {
  const { client, gateway } = scene;
  const path = `/oauth2/start?provider=${name}&rd=${encodeURIComponent(rd)}`;
  const login = await beginLogin(client, gateway.url, path);
  const callback = await signInAtProvider(client, login, person);
  return client.navigate(callback.href);
}

async function whoAmI({ client, gateway }: TwoProviders): Promise<Record<string, unknown>> {
  return (await client.get(`${gateway.url}/oauth2/userinfo`)).json() as Record<string, unknown>;
}

test('where there is a choice, people get a page with a button for each provider', async (t) => {
  const scene = await arrangeTwoProviders(t);
  const { client, gateway, staff } = scene;
  const first = await client.navigate(`${gateway.url}/notes?a=1`);
  t.equal(first.status, 302);
  t.equal(first.headers.location, `${gateway.url}/oauth2/sign_in?rd=%2Fnotes%3Fa%3D1`);
  const page = await client.navigate(String(first.headers.location));
  t.equal(page.status, 200);
  t.match(page.text, 'Our staff');
  t.match(page.text, 'href="/oauth2/start?provider=partners&amp;rd=%2Fnotes%3Fa%3D1"');
  t.match(page.headers['content-security-policy'], /default-src 'none'.*form-action/);
  const done = await signIn(scene, 'staff', 'ada', '/notes?a=1');
  t.equal(done.headers.location, `${gateway.url}/notes?a=1`);
  const echo = (await client.get(`${gateway.url}/notes?a=1`)).json() as Echo;
  t.equal(headerOf(echo, 'x-forwarded-user'), 'ada');
  t.equal((await whoAmI(scene)).provider, 'staff');
  t.equal(staff.hits.get('/token'), 1);
});

test('a name that is no provider begins no login', async (t) => {
  const { client, gateway } = await arrangeTwoProviders(t);
  for (const name of ['nobody', '', '__proto__', 'STAFF']) {
    const answer = await client.get(`${gateway.url}/oauth2/start?provider=${name}`);
    t.equal(answer.status, 404, name);
    t.equal(answer.headers['x-sallyport-error'], 'unknown_provider');
    t.strictSame(answer.setCookies, []);
  }
});

test('who gives an email address goes to the provider of its domain, with the address as a hint', async (t) => {
  const { client, gateway, staff } = await arrangeTwoProviders(t);
  const give = (email: string) =>
    client.request(`${gateway.url}/oauth2/sign_in?rd=%2Fa`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'text/html' },
      body: new URLSearchParams({ email }).toString(),
    });
  const known = await give(' Ada@EXAMPLE.com ');
  const request = new URL(String(known.headers.location));
  t.equal(request.origin, staff.issuer);
  t.equal(request.searchParams.get('login_hint'), 'Ada@EXAMPLE.com');
  for (const email of [
    'ada@sub.example.com',
    'ada@example.com.evil',
    'ada',
    '',
    '@example.com',
    'a@b@example.com',
  ]) {
    const answer = await give(email);
    t.equal(answer.status, 400, email);
    t.match(answer.text, 'Our staff', 'the page again');
  }
  const hostile = await give('x@<script>alert(1)</script>');
  t.notMatch(hostile.text, '<script>', 'what was typed is escaped');
});

test('a route of one provider sends others there, and their session opens nothing', async (t) => {
  const scene = await arrangeTwoProviders(t, [
    { path: '/inside', provider: 'staff' },
    { path: '/inside/emails', provider: 'staff', allow: [{ emails: 'ada@example.com' }] },
  ]);
  const { client, gateway, staff } = scene;
  await signIn(scene, 'partners', 'eve');
  t.equal((await client.get(`${gateway.url}/`)).status, 200);
  for (const path of ['/inside', '/inside/emails']) {
    const script = await client.get(gateway.url + path);
    t.equal(script.status, 401, path);
    const page = await client.navigate(gateway.url + path);
    t.equal(new URL(String(page.headers.location)).origin, staff.issuer, 'straight to the one that counts');
  }
  await signIn(scene, 'staff', 'ada');
  for (const path of ['/inside', '/inside/emails'])
    t.equal((await client.get(gateway.url + path)).status, 200);
});

test('a route that lets nobody in particular pass is not told who another provider says it is', async (t) => {
  const scene = await arrangeTwoProviders(t, [
    { path: '/maybe', provider: 'staff', unauthenticated: 'pass' },
    { path: '/open', provider: 'staff', allow: 'public' },
  ]);
  const { client, gateway } = scene;
  const userAt = async (path: string) =>
    headerOf((await client.get(gateway.url + path)).json() as Echo, 'x-forwarded-user');
  await signIn(scene, 'partners', 'eve');
  t.equal(await userAt('/'), 'eve');
  for (const path of ['/maybe', '/open']) t.equal(await userAt(path), undefined, path);
  await signIn(scene, 'staff', 'ada');
  for (const path of ['/maybe', '/open']) t.equal(await userAt(path), 'ada', path);
});

test('the answer of one provider does not end a login that began with the other (mix-up)', async (t) => {
  const { client, gateway, staff, partners } = await arrangeTwoProviders(t);
  const atStaff = await beginLogin(client, gateway.url, '/oauth2/start?provider=staff');
  const atPartners = await beginLogin(client, gateway.url, '/oauth2/start?provider=partners');
  const answer = await signInAtProvider(client, atPartners, 'eve');
  answer.searchParams.set('state', atStaff.state);
  const mixed = await client.navigate(answer.href);
  t.equal(mixed.status, 400);
  t.match(mixed.headers['x-sallyport-error'], /^login_/);
  t.notOk(client.cookies.get('sallyport'), 'no session');
  t.notOk(staff.hits.get('/token'), 'the code of one is not sent to the other');
  t.notOk(partners.hits.get('/token'));
});

test('a provider with a redirect URI of its own takes no answer at the common one, nor gives one', async (t) => {
  const scene = await arrangeTwoProviders(t, [], { ownCallback: true });
  const { client, gateway, staff, partners } = scene;
  const login = await beginLogin(client, gateway.url, '/oauth2/start?provider=partners');
  const redirectUri = `${gateway.url}/oauth2/callback/partners`;
  t.equal(login.authorizationRequest.searchParams.get('redirect_uri'), redirectUri);
  const answer = await signInAtProvider(client, login, 'eve');
  const common = await client.navigate(answer.href.replace('/callback/partners', '/callback'));
  t.equal(common.headers['x-sallyport-error'], 'login_state_mismatch');
  t.notOk(partners.hits.get('/token'), 'the code was not spent');

  const atStaff = await beginLogin(client, gateway.url, '/oauth2/start?provider=staff');
  const misled = await signInAtProvider(client, atStaff, 'ada');
  const refused = await client.navigate(misled.href.replace('/callback', '/callback/partners'));
  t.equal(refused.headers['x-sallyport-error'], 'login_state_mismatch');
  t.notOk(staff.hits.get('/token'));

  await signIn(scene, 'partners', 'eve');
  t.equal((await whoAmI(scene)).provider, 'partners');
});

test('where one of several providers does not name itself in its answers, the log says so', async (t) => {
  const scene = await arrangeTwoProviders(t);
  t.notMatch(scene.gateway.log.text(), 'does not name itself');
  const quiet = await arrangeTwoProviders(t, [], {
    authorizationEndpoint: 'http://127.0.0.1:9/auth',
    tokenEndpoint: 'http://127.0.0.1:9/token',
    jwksUri: 'http://127.0.0.1:9/jwks',
  });
  await quiet.gateway.log.line(({ msg, provider }) => provider === 'partners' && /ownCallback/.test(msg));
});

test('people of one name at two providers are two people', async (t) => {
  const scene = await arrangeTwoProviders(t);
  const { client, gateway, partners } = scene;
  await signIn(scene, 'partners', 'eve');
  const info = await whoAmI(scene);
  t.equal(info.email, 'ada@example.com');
  // The other provider ends all sessions of its own `eve`; these are not hers.
  const everywhere = await client.request(
    `${gateway.url}/oauth2/frontchannel-logout?iss=${encodeURIComponent(scene.staff.issuer)}&sid=x`,
  );
  t.equal(everywhere.status, 200);
  t.equal((await whoAmI(scene)).sub, 'eve');
  t.ok(partners.hits.get('/token'));
});

test('a session is refreshed by its own provider, and ends when that one is taken away', async (t) => {
  const scene = await arrangeTwoProviders(t);
  await signIn(scene, 'staff', 'ada');
  await scene.staff.stop();
  t.equal((await scene.client.get(`${scene.gateway.url}/`)).status, 200, 'its outage signs nobody out');
  const other = await scene.client.navigate(`${scene.gateway.url}/oauth2/start?provider=partners`);
  t.equal(other.status, 302, 'nor does it close the other way');
  await scene.staff.restart();
});

test('in Chromium: two providers in one browser, switching between them', async (t) => {
  const { gateway } = await arrangeTwoProviders(t);
  const browser = await launchBrowser();
  t.teardown(() => browser.close());
  const page = await browser.newPage();
  const user = async () => JSON.parse((await page.textContent('body')) ?? '{}') as Echo;

  await page.goto(`${gateway.url}/first?x=1`);
  await page.getByRole('link', { name: 'Our staff' }).click();
  await page.locator('input[name=login]').fill('ada');
  await page.locator('button, input[type=submit]').first().click();
  await page.waitForURL(`${gateway.url}/first?x=1`);
  t.equal(headerOf(await user(), 'x-forwarded-user'), 'ada');

  await page.goto(`${gateway.url}/oauth2/sign_in?rd=%2Fsecond`);
  const first = page.getByRole('listitem').first();
  t.match(await first.textContent(), /Our staff.*last used/, 'the one of the last time stands first');
  await page.getByRole('link', { name: 'Partners' }).click();
  await page.locator('input[name=login]').fill('eve');
  await page.locator('button, input[type=submit]').first().click();
  await page.waitForURL(`${gateway.url}/second`);
  t.equal(headerOf(await user(), 'x-forwarded-user'), 'eve');

  await page.goto(`${gateway.url}/oauth2/sign_in?rd=%2Fthird`);
  t.match(await page.getByRole('listitem').first().textContent(), /Partners.*last used/);
  await page.getByRole('link', { name: 'Our staff' }).click();
  await page.waitForURL(`${gateway.url}/third`);
  t.equal(headerOf(await user(), 'x-forwarded-user'), 'ada', 'who is known there comes straight back');

  await page.goto(`${gateway.url}/oauth2/sign_in?rd=%2Ffourth`);
  await page.getByLabel('Your email address').fill('ada@example.com');
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.waitForURL(`${gateway.url}/fourth`);
  t.equal(headerOf(await user(), 'x-forwarded-user'), 'ada');
});
