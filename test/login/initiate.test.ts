import { test } from 'tap';
import { isIssuerOfAdmitted, type TenantSettings } from '../../src/identity/provider/tenants.ts';
import { arrangeUpstream } from '../support/arrange.ts';
import { launchBrowser } from '../support/browser.ts';
import type { HttpAnswer } from '../support/client.ts';
import { anotherBrowser, signInAtProvider } from './steps.ts';
import { arrangeTwoProviders, type TwoProviders } from './two-providers.ts';

const endpoint = '/oauth2/initiate';

/** Asks for a login as another site has it done, by either method. */
async function initiate(
  { gateway, client }: Pick<TwoProviders, 'gateway' | 'client'>,
  parameters: Record<string, string> | [string, string][],
  method: 'GET' | 'POST' = 'GET',
  headers: Record<string, string> = {},
) {
  const query = new URLSearchParams(parameters).toString();
  const elsewhere = { 'sec-fetch-site': 'cross-site', origin: 'https://portal.example.com', ...headers };
  if (method === 'GET') return client.navigate(`${gateway.url}${endpoint}?${query}`, { headers: elsewhere });
  return client.navigate(gateway.url + endpoint, {
    method,
    headers: { ...elsewhere, 'content-type': 'application/x-www-form-urlencoded' },
    body: query,
  });
}

const codeOf = ({ headers }: HttpAnswer) => headers['x-sallyport-error'];

async function whoAmI({ client, gateway }: Pick<TwoProviders, 'gateway' | 'client'>) {
  return (await client.get(`${gateway.url}/oauth2/userinfo`)).json() as Record<string, unknown>;
}

test('a login that another site begins is at the provider of iss, with its hint, and leads to its target', async (t) => {
  const scene = await arrangeTwoProviders(t);
  for (const [method, status] of [
    ['GET', 302],
    ['POST', 303],
  ] as const) {
    const client = anotherBrowser(t);
    const target_link_uri = `${scene.gateway.url}/report?a=1&b=%20`;
    const asked = { iss: scene.partners.issuer, target_link_uri, login_hint: 'eve@example.com' };
    const answer = await initiate({ ...scene, client }, asked, method);
    t.equal(answer.status, status, method);
    const authorizationRequest = new URL(String(answer.headers.location));
    t.equal(authorizationRequest.origin, scene.partners.issuer);
    t.equal(authorizationRequest.searchParams.get('login_hint'), 'eve@example.com');
    t.ok(authorizationRequest.searchParams.get('nonce'));
    const callback = await signInAtProvider(client, { authorizationRequest }, 'eve');
    t.equal((await client.navigate(callback.href)).headers.location, target_link_uri);
    t.equal((await whoAmI({ ...scene, client })).provider, 'partners');
  }
});

test('an iss that is unknown, missing or doubled begins nothing, here and at start', async (t) => {
  const scene = await arrangeTwoProviders(t);
  const { client, gateway, staff } = scene;
  const others = ['https://evil.example.com', '', `${staff.issuer}/`, `${staff.issuer}.evil.test`, 'staff'];
  for (const iss of others) {
    for (const method of ['GET', 'POST'] as const) {
      const answer = await initiate(scene, { iss }, method);
      t.equal(answer.status, 404, `${method} ${iss}`);
      t.equal(codeOf(answer), 'unknown_provider');
      t.strictSame(answer.setCookies, []);
    }
    const started = await client.navigate(`${gateway.url}/oauth2/start?iss=${encodeURIComponent(iss)}`);
    t.equal(codeOf(started), 'unknown_provider', `start ${iss}`);
  }
  t.equal(codeOf(await initiate(scene, {})), 'unknown_provider', 'it is required (§4)');
  const twice: [string, string][] = [
    ['iss', staff.issuer],
    ['iss', staff.issuer],
  ];
  t.equal((await initiate(scene, twice)).status, 400);
  t.equal((await initiate(scene, { iss: staff.issuer, login_hint: 'a\u0000b' })).status, 400);
  t.equal((await client.request(gateway.url + endpoint, { method: 'PUT' })).status, 404);
});

test('start goes to the provider of iss, and to none where provider says another', async (t) => {
  const { client, gateway, staff, partners } = await arrangeTwoProviders(t);
  const start = (query: Record<string, string>) =>
    client.navigate(`${gateway.url}/oauth2/start?${new URLSearchParams(query)}`);
  t.equal(new URL(String((await start({ iss: partners.issuer })).headers.location)).origin, partners.issuer);
  t.equal(
    new URL(String((await start({ iss: staff.issuer, provider: 'staff' })).headers.location)).origin,
    staff.issuer,
  );
  t.equal(codeOf(await start({ iss: staff.issuer, provider: 'partners' })), 'unknown_provider');
  t.match((await start({})).headers.location, '/oauth2/sign_in', 'without either there is a choice');
});

test('a target on another origin leads to the start page, as rd does', async (t) => {
  const scene = await arrangeTwoProviders(t);
  const { gateway, staff } = scene;
  for (const target_link_uri of [
    'https://evil.example.com/',
    '//evil.example.com/x',
    `${gateway.url}@evil.example.com/`,
    `${gateway.url}.evil.example.com/`,
    'javascript:alert(1)',
    `${gateway.url}/\\evil.example.com`,
    '/\tevil',
  ]) {
    const client = anotherBrowser(t);
    const begun = await initiate({ gateway, client }, { iss: staff.issuer, target_link_uri });
    const authorizationRequest = new URL(String(begun.headers.location));
    const callback = await signInAtProvider(client, { authorizationRequest }, 'ada');
    const done = await client.navigate(callback.href);
    t.equal(done.headers.location, `${gateway.url}/`, target_link_uri);
  }
});

test('nobody is signed in by a frame, an image or a script of another site', async (t) => {
  const scene = await arrangeTwoProviders(t);
  const asked = { iss: scene.staff.issuer };
  for (const headers of [
    { 'sec-fetch-dest': 'iframe' },
    { 'sec-fetch-dest': 'frame' },
    { 'sec-fetch-dest': 'image', 'sec-fetch-mode': 'no-cors' },
    { 'sec-fetch-dest': 'empty', 'sec-fetch-mode': 'cors' },
    { 'sec-fetch-mode': 'no-cors' },
  ]) {
    for (const method of ['GET', 'POST'] as const) {
      const answer = await initiate(scene, asked, method, headers);
      t.equal(answer.status, 403, JSON.stringify(headers));
      t.equal(codeOf(answer), 'cross_site');
      t.strictSame(answer.setCookies, []);
    }
  }
});

test('who is signed in is not signed in anew, unless another person or provider is meant', async (t) => {
  const scene = await arrangeTwoProviders(t);
  const { client, gateway, staff, partners } = scene;
  const first = await initiate(scene, { iss: staff.issuer });
  const authorizationRequest = new URL(String(first.headers.location));
  const callback = await signInAtProvider(client, { authorizationRequest }, 'ada');
  await client.navigate(callback.href);
  const before = client.cookies.all().find(({ name }) => name === 'sallyport')?.value;

  const again = await initiate(scene, { iss: staff.issuer, target_link_uri: `${gateway.url}/page` });
  t.equal(again.headers.location, `${gateway.url}/page`);
  t.strictSame(again.setCookies, []);
  const hinted = await initiate(scene, { iss: staff.issuer, login_hint: 'grace@example.com' });
  t.equal(new URL(String(hinted.headers.location)).origin, staff.issuer);
  const other = await initiate(scene, { iss: partners.issuer });
  t.equal(new URL(String(other.headers.location)).origin, partners.issuer);
  t.equal(
    client.cookies.all().find(({ name }) => name === 'sallyport')?.value,
    before,
    'it goes on meanwhile',
  );
});

test('an answer to a login that another browser began signs nobody in', async (t) => {
  const scene = await arrangeTwoProviders(t);
  const attacker = anotherBrowser(t);
  const begun = await initiate({ ...scene, client: attacker }, { iss: scene.partners.issuer });
  const authorizationRequest = new URL(String(begun.headers.location));
  const callback = await signInAtProvider(attacker, { authorizationRequest }, 'eve');
  await scene.client.navigate(callback.href);
  const { status } = await scene.client.get(`${scene.gateway.url}/oauth2/userinfo`);
  t.equal(status, 401, 'the victim is nobody, and not the attacker');
});

test('a real browser: a form of another site begins a login, and one in a frame does not', async (t) => {
  const scene = await arrangeTwoProviders(t);
  const portal = await arrangeUpstream(t, (_request, response) => {
    const form = (target: string) =>
      `<form method="post" action="${scene.gateway.url}${endpoint}" target="${target}">
       <input type="hidden" name="iss" value="${scene.staff.issuer}">
       <input type="hidden" name="target_link_uri" value="${scene.gateway.url}/from-portal">
       <button id="${target}">go</button></form>`;
    response.setHeader('content-type', 'text/html');
    response.end(`${form('inner')}${form('_top')}<iframe name="inner"></iframe>`);
  });
  const browser = await launchBrowser();
  t.teardown(() => browser.close());
  const page = await browser.newPage();
  await page.goto(portal.url.replace('127.0.0.1', 'localhost'));
  const framed = page.waitForResponse((response) => response.url().endsWith(endpoint));
  await page.click('#inner');
  t.equal((await framed).status(), 403);
  await page.click('#_top');
  await page.fill('input[name=login]', 'ada');
  await page.click('button.sign-in');
  await page.waitForURL(`${scene.gateway.url}/from-portal`);
  t.pass('signed in');
});

test('of a provider with many tenants, the issuers of those that are let in name it', async (t) => {
  const issuerTemplate = 'https://login.example.com/{tid}/v2.0';
  const issuer = (tenant: string) => `https://login.example.com/${tenant}/v2.0`;
  const some = { issuerTemplate, tenants: ['a-1', 'b-2'], insecureAnyTenant: false };
  const names = (settings: TenantSettings, ...tenants: string[]) =>
    tenants.map((tenant) => isIssuerOfAdmitted(settings, issuer(tenant)));
  t.strictSame(names(some, 'a-1', 'b-2', 'c-3', '', 'a-1/../b-2', 'A-1'), [
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
  t.strictSame(names({ ...some, insecureAnyTenant: true }, 'c-3', 'a/b'), [true, false]);
  t.notOk(isIssuerOfAdmitted({ ...some, issuerTemplate: undefined }, issuer('a-1')));
});
