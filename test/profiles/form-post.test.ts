import { test } from 'tap';
import { parseConfig } from '../../src/config/load.ts';
import { arrangeSecure, origin, sessionOf } from '../attack/secure-scene.ts';
import { arrangeLogin, hitsOf, reachCallback } from '../login/steps.ts';
import { arrangeUpstream } from '../support/arrange.ts';
import { launchBrowser } from '../support/browser.ts';
import { makeCertificate } from '../support/certificate.ts';
import { startTestGateway } from '../support/gateway.ts';
import { gatewayYaml } from '../support/gateway-config.ts';
import { freePort } from '../support/listening.ts';
import { startProvider } from '../support/provider.ts';
import { until } from '../support/until.ts';
import { postFromElsewhere, reachForm } from './posted-form.ts';

const posted = { provider: { responseMode: 'form_post' } };

test('B8 form_post works with a login cookie that is SameSite=None, and only that one is', async (t) => {
  const { browser } = await arrangeSecure(t, posted);
  const ada = browser();
  const { form, cookie } = await reachForm(t, ada);
  t.match(cookie, /SameSite=None/i);
  t.match(cookie, /; Secure/i);
  t.match(cookie, /; HttpOnly/i);
  const answer = await postFromElsewhere(ada, form);
  t.equal(answer.status, 303, 'the code is not posted on');
  t.equal(answer.headers.location, `${origin}/deep?x=1`);
  t.match(
    answer.setCookies.find((line) => line.startsWith('__Host-sallyport=')),
    /SameSite=Lax/i,
  );
  t.ok(sessionOf(ada).length > 0);
  t.equal((await ada.navigate('/')).status, 200);
});

test('B8 without form_post the login cookie is Lax, and a POST ends no login', async (t) => {
  const { browser } = await arrangeSecure(t);
  const ada = browser();
  const begun = await until('a login', async () => {
    const answer = await ada.navigate('/');
    return answer.status !== 503 && answer;
  });
  t.match(
    begun.setCookies.find((line) => line.includes('-login-')),
    /SameSite=Lax/i,
  );
  const scene = await arrangeLogin(t);
  const { callback } = await reachCallback(scene.client, scene.gateway.url);
  const answer = await scene.client.request(`${scene.gateway.url}/oauth2/callback`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: callback.searchParams.toString(),
  });
  t.ok(answer.status >= 400 && answer.status < 500);
  t.equal(hitsOf(scene, '/token'), 0);
});

test('B8 a response in the address is refused where a form was asked for, and spends the login', async (t) => {
  const { browser, provider } = await arrangeSecure(t, posted);
  const ada = browser();
  const { form } = await reachForm(t, ada);
  const answer = await ada.navigate(`/oauth2/callback?${form}`);
  t.equal(answer.status, 400);
  t.equal(answer.headers['x-sallyport-error'], 'login_response_invalid');
  t.same(sessionOf(ada), []);
  const late = await postFromElsewhere(ada, form);
  t.equal(late.status, 303, 'the form comes late');
  const anew = await ada.navigate((late.headers.location ?? '').slice(origin.length));
  t.match(anew.headers.location, `${provider.issuer}/auth?`, 'and a login begins');
  t.same(sessionOf(ada), []);
  t.equal(provider.hits.get('/token'), undefined);
});

test('B8 a form that comes late leads on, where only the next request shows that there is a session', async (t) => {
  const { browser, provider } = await arrangeSecure(t, posted);
  const ada = browser();
  const { form } = await reachForm(t, ada);
  t.equal((await postFromElsewhere(ada, form)).status, 303);
  const before = sessionOf(ada);
  const late = await postFromElsewhere(ada, form);
  t.equal(late.status, 303);
  t.notMatch(late.headers.location, form.get('code') ?? 'no code', 'the code is not carried on');
  const end = await ada.navigate((late.headers.location ?? '').slice(origin.length));
  t.equal(end.headers.location, `${origin}/deep?x=1`);
  t.same(sessionOf(ada), before);
  t.equal(provider.hits.get('/token'), 1, 'the code was sent once');
});

test('B8 a form of a provider that answers in the address is refused, beside one that posts', async (t) => {
  const { browser, provider } = await arrangeSecure(t, {
    providers: {
      posting: {
        issuer: 'https://id.example.com',
        clientId: 'x',
        clientSecret: 'y',
        responseMode: 'form_post',
      },
    },
  });
  const ada = browser();
  const begun = await until('a login', async () => {
    const answer = await ada.navigate('/oauth2/start?provider=default');
    return answer.status !== 503 && answer;
  });
  const state = new URL(begun.headers.location ?? '').searchParams.get('state') ?? '';
  const answer = await ada.request('/oauth2/callback', {
    method: 'POST',
    headers: { accept: 'text/html', 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ state, code: 'code', iss: provider.issuer }).toString(),
  });
  t.equal(answer.status, 400);
  t.equal(answer.headers['x-sallyport-error'], 'login_response_invalid');
  t.equal(provider.hits.get('/token'), undefined);
});

test('B8 forms that are wrong are refused', async (t) => {
  const { browser } = await arrangeSecure(t, posted);
  const alterations: [what: string, alter: (form: URLSearchParams) => void][] = [
    ['no code', (form) => form.delete('code')],
    ['two codes', (form) => form.append('code', 'another')],
    ['two states', (form) => form.append('state', form.get('state') ?? '')],
    ['another issuer', (form) => form.set('iss', 'https://evil.example')],
    ['no issuer', (form) => form.delete('iss')],
    ['another state', (form) => form.set('state', 'x'.repeat(43))],
  ];
  for (const [what, alter] of alterations) {
    const ada = browser();
    const { form } = await reachForm(t, ada);
    alter(form);
    const answer = await postFromElsewhere(ada, form);
    t.equal(answer.status, 400, what);
    t.same(sessionOf(ada), [], what);
  }
});

test('B8 in a real browser, with the provider on another site', async (t) => {
  const provider = await startProvider({
    configuration: { features: { jwtResponseModes: { enabled: true } } },
  });
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Welcome</h1>');
  });
  const { certFile: cert, keyFile: key } = await makeCertificate();
  const port = await freePort();
  const gateway = await startTestGateway({
    provider,
    upstream,
    awaitProvider: false,
    config: {
      publicUrl: `https://localhost:${port}`,
      listen: { address: `127.0.0.1:${port}`, tls: { cert, key } },
      provider: { responseMode: 'form_post', jarm: true },
    },
  });
  t.teardown(() => gateway.close());
  const browser = await launchBrowser();
  t.teardown(() => browser.close());
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  const address = `https://localhost:${port}/deep?x=1`;
  await until('the provider', async () => (await page.goto(address))?.ok(), 15_000);
  const posts: string[] = [];
  page.on('request', (request) => {
    if (request.method() === 'POST') posts.push(new URL(request.url()).pathname);
  });
  await page.fill('input[name=login]', 'ada');
  await page.click('button.sign-in');
  await page.getByRole('heading', { name: 'Welcome' }).waitFor();
  t.equal(page.url(), address);
  t.ok(posts.includes('/oauth2/callback'), 'the response came as a form');
});

test('form_post on http is refused when the configuration is read', async (t) => {
  const yaml = gatewayYaml({ upstream: 'http://127.0.0.1:9', config: posted }, 1);
  t.throws(() => parseConfig(yaml, { file: 'sallyport.yaml', env: {} }), /form_post needs a cookie/);
});
