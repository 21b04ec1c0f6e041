import { decodeJwt } from 'jose';
import { type Test, test } from 'tap';
import { arrangeUpstream } from '../support/arrange.ts';
import { launchBrowser } from '../support/browser.ts';
import { createClient } from '../support/client.ts';
import { startTestGateway } from '../support/gateway.ts';
import { spawnGateway } from '../support/spawned-gateway.ts';
import { type Echo, valuesOf } from '../support/upstream.ts';
import { always, refused, signIn, startLogoutProvider, statusesOf } from './scene.ts';

const headers = { 'X-Id-Token': '{id_token}' };

async function arrange(t: Test) {
  const provider = await startLogoutProvider(t);
  const upstream = await arrangeUpstream(t);
  const gateway = await startTestGateway({ provider, upstream, config: { headers } });
  t.teardown(() => gateway.close());
  const ada = await signIn(t, gateway.url, 'ada');
  const { rawHeaders } = (await ada.client.get(`${gateway.url}/`)).json() as Echo;
  const sid = String(decodeJwt(valuesOf(rawHeaders, 'x-id-token')[0] ?? '').sid);
  const address = (query: Record<string, string> | [string, string][]) =>
    `${gateway.url}/oauth2/frontchannel-logout?${new URLSearchParams(query)}`;
  return { provider, gateway, ada, sid, address };
}

test('D8 the provider ends a session in a frame, where no cookie comes along', async (t) => {
  const { provider, gateway, ada, sid, address } = await arrange(t);
  const grace = await signIn(t, gateway.url, 'grace');
  const phone = await signIn(t, gateway.url, 'ada');
  const frame = createClient();
  t.teardown(() => frame.close());
  const answer = await frame.get(address({ iss: provider.issuer, sid }), {
    'sec-fetch-dest': 'iframe',
    'sec-fetch-site': 'cross-site',
  });
  t.equal(answer.status, 200);
  t.equal(answer.headers['cache-control'], 'no-store');
  t.equal(
    answer.headers['content-security-policy'],
    `default-src 'none'; frame-ancestors ${provider.issuer}`,
    'only the provider can frame it',
  );
  t.equal(answer.headers['x-frame-options'], undefined);
  t.equal(answer.text, '');
  t.equal((await ada.client.get(`${gateway.url}/`)).status, 401);
  t.equal((await grace.client.get(`${gateway.url}/`)).status, 200, 'somebody else is not concerned');
  t.equal((await phone.client.get(`${gateway.url}/`)).status, 200, 'nor is another sign-in');
});

test('D8 a front-channel logout with wrong values ends nothing', async (t) => {
  const { provider, gateway, ada, sid, address } = await arrange(t);
  const { issuer: iss } = provider;
  const wrong: Record<string, Record<string, string> | [string, string][]> = {
    nothing: {},
    'no sid': { iss },
    'no issuer': { sid },
    'an empty sid': { iss, sid: '' },
    'another issuer': { iss: 'http://127.0.0.1:9', sid },
    'the issuer with a slash more': { iss: `${iss}/`, sid },
    'two sids': [
      ['iss', iss],
      ['sid', 'another'],
      ['sid', sid],
    ],
    'two issuers': [
      ['iss', iss],
      ['iss', 'http://127.0.0.1:9'],
      ['sid', sid],
    ],
  };
  for (const [what, query] of Object.entries(wrong)) {
    const { status, headers } = await ada.client.get(address(query));
    t.equal(status, 400, what);
    t.equal(headers['cache-control'], 'no-store', what);
    t.equal((await ada.client.get(`${gateway.url}/`)).status, 200, `the session lives on after ${what}`);
  }
  const page = await ada.client.navigate(address({ iss, sid: '' }));
  t.match(page.headers['content-security-policy'], "frame-ancestors 'none'", 'nobody frames a refusal');
  t.equal(
    (await ada.client.get(address({ iss, sid: 'of nobody' }))).status,
    200,
    'it does not tell who is here',
  );
  t.equal((await ada.client.get(`${gateway.url}/`)).status, 200);
  const post = await ada.client.request(address({ iss, sid }), { method: 'POST' });
  t.ok([404, 405].includes(post.status));
  t.equal((await ada.client.get(`${gateway.url}/`)).status, 200);
});

test('a front-channel logout reaches every worker', async (t) => {
  const provider = await startLogoutProvider(t);
  const upstream = await arrangeUpstream(t);
  const gateway = await spawnGateway({ provider, upstream, config: { workers: 2, headers } });
  t.teardown(() => gateway.stop());
  const ada = await signIn(t, gateway.url, 'ada');
  const { rawHeaders } = (await ada.client.get(`${gateway.url}/`)).json() as Echo;
  const sid = String(decodeJwt(valuesOf(rawHeaders, 'x-id-token')[0] ?? '').sid);
  const query = new URLSearchParams({ iss: provider.issuer, sid });
  const frame = createClient();
  t.teardown(() => frame.close());
  t.equal((await frame.get(`${gateway.url}/oauth2/frontchannel-logout?${query}`)).status, 200);
  await refused(gateway.url, ada.copiedCookie());
  t.strictSame(await statusesOf(gateway.url, ada.copiedCookie()), always(401));
});

test('a real browser shows the frame on a page of the provider and on no other', async (t) => {
  const { provider, gateway, ada, sid, address } = await arrange(t);
  const browser = await launchBrowser();
  t.teardown(() => browser.close());
  const frame = `<!doctype html><title>Bye</title><iframe src="${address({ iss: provider.issuer, sid }).replaceAll('&', '&amp;')}"></iframe>`;
  const html = { 'content-type': 'text/html; charset=utf-8' };
  const stranger = await arrangeUpstream(t, (_request, response) => response.writeHead(200, html).end(frame));
  provider.tamper((hit) =>
    hit.path === '/signed-out' ? hit.send({ headers: html, body: frame }) : hit.pass(),
  );
  const shown = async (url: string) => {
    const page = await browser.newPage();
    await page.goto(url, { waitUntil: 'load' });
    const [, inner] = page.frames();
    const where = inner?.url() ?? '';
    await page.close();
    return where;
  };
  t.equal(await shown(`${provider.issuer}/signed-out`), address({ iss: provider.issuer, sid }));
  t.equal((await ada.client.get(`${gateway.url}/`)).status, 401);
  t.match(await shown(stranger.url), 'chrome-error:', 'a frame of a stranger stays empty');
});
