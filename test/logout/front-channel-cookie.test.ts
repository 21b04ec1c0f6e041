import { type Test, test } from 'tap';
import { arrangeUpstream } from '../support/arrange.ts';
import { launchBrowser } from '../support/browser.ts';
import type { HttpAnswer } from '../support/client.ts';
import { createWoundClock, type WoundClock } from '../support/clock.ts';
import { startTestGateway } from '../support/gateway.ts';
import { startProvider } from '../support/provider.ts';
import { signIn, startLogoutProvider } from './scene.ts';

/** The client of this provider gets ID tokens without `sid`. */
async function arrange(t: Test, config: object = {}, clock?: WoundClock) {
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const gateway = await startTestGateway({
    provider,
    upstream: await arrangeUpstream(t),
    config: { ...config },
    ...(clock && { clock }),
  });
  t.teardown(() => gateway.close());
  const address = (query: Record<string, string>) =>
    `${gateway.url}/oauth2/frontchannel-logout?${new URLSearchParams(query)}`;
  return { provider, gateway, address };
}

const frame = { 'sec-fetch-dest': 'iframe', 'sec-fetch-mode': 'navigate', 'sec-fetch-site': 'same-site' };

test('D8 without a usable sid the session whose cookie comes along ends, and no other', async (t) => {
  const { provider, gateway, address } = await arrange(t);
  const { issuer: iss } = provider;
  const queries = {
    'no sid': { iss },
    'an empty sid': { iss, sid: '' },
    'a sid of its own': { iss, sid: 'ada' },
  };
  for (const [what, query] of Object.entries(queries)) {
    const ada = await signIn(t, gateway.url, 'ada');
    const phone = await signIn(t, gateway.url, 'ada');
    const copied = ada.copiedCookie();
    const answer = await ada.client.get(address(query), { ...frame, referer: `${iss}/` });
    t.equal(answer.status, 200, what);
    t.match(answer.headers['content-security-policy'], `frame-ancestors ${iss}`);
    t.match(answer.setCookies.join(), /^sallyport=; Max-Age=0/, 'the cookie goes');
    t.equal(ada.copiedCookie(), '');
    t.equal((await ada.client.get(`${gateway.url}/`, { cookie: copied })).status, 401, 'a copy of it too');
    t.equal((await phone.client.get(`${gateway.url}/`)).status, 200, 'another sign-in stays');
  }
  t.equal((await (await signIn(t, gateway.url, 'grace')).client.get(address({ iss: 'x' }))).status, 400);
});

test('D8 who sends neither a referrer nor Fetch Metadata, where browsers would, is taken at its word', async (t) => {
  const { provider, gateway, address } = await arrange(t);
  const ada = await signIn(t, gateway.url, 'ada');
  t.equal((await ada.client.get(address({ iss: provider.issuer }))).status, 200);
  t.equal((await ada.client.get(`${gateway.url}/`)).status, 401);
});

test('D8 what may not be a frame of the provider ends nothing', async (t) => {
  const { provider, gateway, address } = await arrange(t);
  const { issuer: iss } = provider;
  const ada = await signIn(t, gateway.url, 'ada');
  const stays = async (what: string, query: Record<string, string>, headers: Record<string, string>) => {
    t.equal((await ada.client.get(address(query), headers)).status, 400, what);
    t.equal((await ada.client.get(`${gateway.url}/`)).status, 200, `the session lives on after ${what}`);
  };
  await stays('a link', { iss }, { ...frame, 'sec-fetch-dest': 'document' });
  await stays('an image', { iss }, { ...frame, 'sec-fetch-dest': 'image', 'sec-fetch-mode': 'no-cors' });
  await stays('a script', { iss }, { ...frame, 'sec-fetch-dest': 'empty', 'sec-fetch-mode': 'cors' });
  await stays('a frame of another page', { iss }, { ...frame, referer: 'https://evil.example/' });
  await stays('a frame of a page that looks alike', { iss }, { ...frame, referer: `${iss}.evil.example/` });
  await stays('a referrer that is none', { iss }, { ...frame, referer: 'about:client' });
  await stays('a page of another site that hides', { iss }, { ...frame, 'sec-fetch-site': 'cross-site' });
  await stays('no issuer', {}, { ...frame, referer: `${iss}/` });
  await stays('another issuer', { iss: 'https://id.example.com' }, frame);
  const strict = await arrange(t, { signOut: { requirePost: true } });
  const grace = await signIn(t, strict.gateway.url, 'grace');
  const asked = strict.address({ iss: strict.provider.issuer });
  t.equal((await grace.client.get(asked, frame)).status, 400, 'signOut.requirePost');
  t.equal((await grace.client.get(`${strict.gateway.url}/`)).status, 200);
});

test('a session of one provider does not end by the word of another', async (t) => {
  const [one, two] = [await startProvider(), await startProvider()];
  t.teardown(() => Promise.all([one.stop(), two.stop()]));
  const { clientId, clientSecret } = two;
  const providers = { second: { issuer: two.issuer, clientId, clientSecret } };
  const gateway = await startTestGateway({
    provider: one,
    upstream: await arrangeUpstream(t),
    config: { providers },
  });
  t.teardown(() => gateway.close());
  two.allowRedirectsTo(gateway.url);
  const { createClient } = await import('../support/client.ts');
  const { submitForm } = await import('../support/log-in.ts');
  const client = createClient();
  t.teardown(() => client.close());
  const page = await client.navigate(`${gateway.url}/oauth2/start?provider=default&rd=/`, { follow: 10 });
  await submitForm(client, page, { login: 'ada' });
  const address = (iss: string) =>
    `${gateway.url}/oauth2/frontchannel-logout?${new URLSearchParams({ iss })}`;
  const framedBy = ({ issuer }: { issuer: string }) => ({ ...frame, referer: `${issuer}/` });
  t.equal((await client.get(address(two.issuer), framedBy(two))).status, 400);
  t.equal((await client.get(`${gateway.url}/`)).status, 200, 'the session lives on');
  t.equal((await client.get(address(one.issuer), framedBy(one))).status, 200);
  t.equal((await client.get(`${gateway.url}/`)).status, 401);
});

/** The address of the picture in a frame that does not say whose it is. */
function pictureIn({ text }: HttpAnswer, address: string): string {
  const [, src = ''] = /<img src="([^"]+)"/.exec(text) ?? [];
  return new URL(src.replaceAll('&amp;', '&'), address).href;
}

const picture = { 'sec-fetch-dest': 'image', 'sec-fetch-mode': 'no-cors', 'sec-fetch-site': 'same-origin' };

test('D8 a frame that does not say whose it is ends nothing but by its picture', async (t) => {
  const { provider, gateway, address } = await arrange(t);
  const { issuer: iss } = provider;
  const [ada, phone] = [await signIn(t, gateway.url, 'ada'), await signIn(t, gateway.url, 'ada')];
  const asked = address({ iss });
  const answer = await ada.client.get(asked, frame);
  t.equal(answer.status, 200);
  t.match(answer.headers['content-security-policy'], `frame-ancestors ${iss};`, 'nobody else may show it');
  t.same(answer.setCookies, []);
  t.equal((await ada.client.get(`${gateway.url}/`)).status, 200);
  const proof = pictureIn(answer, asked);
  t.equal((await phone.client.get(proof, picture)).status, 400, 'the picture is of one session');
  t.equal((await phone.client.get(`${gateway.url}/`)).status, 200);
  t.equal((await ada.client.get(`${proof.slice(0, -4)}AAAA`, picture)).status, 400, 'one that is made up');
  const line = ({ msg }: { msg: string }) => msg === 'front-channel logout';
  t.notOk(gateway.log.lines.some(line));
  t.equal((await ada.client.get(proof, picture)).status, 200);
  t.equal((await ada.client.get(`${gateway.url}/`)).status, 401);
  await gateway.log.line(line);
});

test('a picture is good for a minute', async (t) => {
  const clock = createWoundClock();
  const { provider, gateway, address } = await arrange(t, {}, clock);
  const ada = await signIn(t, gateway.url, 'ada');
  const asked = address({ iss: provider.issuer });
  const proof = pictureIn(await ada.client.get(asked, frame), asked);
  clock.wind(60_000);
  t.equal((await ada.client.get(proof, picture)).status, 400);
  t.equal((await ada.client.get(`${gateway.url}/`)).status, 200);
});

test('a real browser loses its cookie in a frame of the provider, and in no other', async (t) => {
  const { provider, gateway, address } = await arrange(t);
  const browser = await launchBrowser();
  t.teardown(() => browser.close());
  const src = address({ iss: provider.issuer });
  const bye = `<!doctype html><title>Bye</title><iframe src="${src.replaceAll('&', '&amp;')}"></iframe>`;
  const html = { 'content-type': 'text/html; charset=utf-8' };
  const hidden = { ...html, 'referrer-policy': 'no-referrer' };
  const pages: Record<string, { headers: Record<string, string>; body: string }> = {
    '/signed-out': { headers: html, body: bye },
    '/hidden': { headers: hidden, body: bye },
    '/link': { headers: hidden, body: `<!doctype html><title>Link</title><a href="${src}">here</a>` },
    '/around': { headers: hidden, body: `<!doctype html><iframe src="${provider.issuer}/hidden"></iframe>` },
  };
  provider.tamper((hit) => {
    const page = pages[hit.path];
    return page ? hit.send(page) : hit.pass();
  });
  const stranger = await arrangeUpstream(t, (request, response) => {
    const { headers, body } = pages[request.url ?? ''] ?? {};
    response.writeHead(body === undefined ? 404 : 200, headers).end(body);
  });
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${gateway.url}/`);
  await page.fill('input[name=login]', 'ada');
  await Promise.all([page.waitForURL(`${gateway.url}/`), page.click('button')]);
  const isSignedIn = async () => (await context.cookies()).some(({ name }) => name === 'sallyport');
  for (const path of ['/signed-out', '/hidden', '/around']) {
    await page.goto(`${stranger.url}${path}`, { waitUntil: 'load' });
    t.ok(await isSignedIn(), `a frame of another page of this site ends nothing: ${path}`);
  }
  await page.goto(`${stranger.url}/link`);
  await Promise.all([page.waitForURL(src), page.click('a')]);
  t.ok(await isSignedIn(), 'nor does a link');
  for (const path of ['/hidden', '/signed-out']) {
    // Who is still signed in at the provider comes straight back.
    await page.goto(`${gateway.url}/`);
    await page.waitForURL(`${gateway.url}/`);
    t.ok(await isSignedIn());
    await page.goto(`${provider.issuer}${path}`, { waitUntil: 'load' });
    t.notOk(await isSignedIn(), `one of the provider does: ${path}`);
  }
});

test('the log says once that a provider sends no sid, and not of one that does', async (t) => {
  const { gateway } = await arrange(t);
  await signIn(t, gateway.url, 'ada');
  await signIn(t, gateway.url, 'grace');
  const said = ({ msg }: { msg: string }) => msg.startsWith('the provider sends no sid');
  t.equal((await gateway.log.line(said)).level, 'warn');
  t.equal(gateway.log.lines.filter(said).length, 1);
  const provider = await startLogoutProvider(t);
  const other = await startTestGateway({ provider, upstream: await arrangeUpstream(t) });
  t.teardown(() => other.close());
  await signIn(t, other.url, 'ada');
  await other.log.line(({ msg }) => msg === 'login');
  t.equal(other.log.lines.filter(said).length, 0);
});
