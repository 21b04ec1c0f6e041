import type { Test } from 'tap';
import { type Running, startOnFreePort } from '../support/applications/application.ts';
import { arrangeUpstream } from '../support/arrange.ts';
import { launchBrowser } from '../support/browser.ts';
import { type Client, createClient } from '../support/client.ts';
import { createWoundClock } from '../support/clock.ts';
import { startTestGateway } from '../support/gateway.ts';
import { logIn } from '../support/log-in.ts';
import { startProvider } from '../support/provider.ts';
import { type Echo, valuesOf } from '../support/upstream.ts';
import { type ProxyPlace, placeFor } from './fronts/front.ts';

/** What applications believe, and nobody may bring along. */
const forgeable = [
  'x-forwarded-user',
  'x-forwarded-email',
  'x-forwarded-preferred-username',
  'x-forwarded-groups',
] as const;

/** Long enough for a browser on a busy machine; a tenth of it is how often the cookie is written again. */
const idleSeconds = 20;

export interface ScenarioOptions {
  /** More of the gateway's configuration. */
  config?: Record<string, unknown>;
  /** The proxy cannot hand on the cookies of a question that was answered with yes (false). */
  withoutCookies?: boolean;
}

/** A browser logs in through a proxy that asks the gateway, and what must not pass does not. */
export async function checkForwardAuth(
  t: Test,
  start: (place: ProxyPlace) => Promise<Running>,
  { config = {}, withoutCookies = false }: ScenarioOptions = {},
): Promise<void> {
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const application = await arrangeUpstream(t);
  const clock = createWoundClock();
  let closeGateway = async () => {};
  const proxy = await startOnFreePort(async (port, folder) => {
    const publicUrl = `http://127.0.0.1:${port}`;
    const routes = [
      { path: '/', upstream: application.url },
      { path: '/open', upstream: application.url, allow: 'public' },
      { path: '/admins', upstream: application.url, allow: [{ groups: ['admins'] }] },
    ];
    const session = { idleTimeout: `${idleSeconds}s`, ...(withoutCookies && { store: 'memory' }) };
    const gateway = await startTestGateway({
      provider,
      clock,
      config: { publicUrl, trustedProxies: ['127.0.0.1'], routes, session, ...config },
      awaitProvider: false,
    });
    closeGateway = () => gateway.close();
    t.teardown(closeGateway);
    if (new URL(gateway.url).port === String(port)) throw new Error('the gateway took the port of the proxy');
    const addresses = { gateway: new URL(gateway.url).host, application: new URL(application.url).host };
    return start(placeFor({ port, folder, ...addresses }));
  });
  t.teardown(() => proxy.stop());
  const publicUrl = proxy.url;

  const client = createClient();
  t.teardown(() => client.close());
  // Some proxies send browsers to the login by themselves, others hand on the gateway's redirect.
  const toLogin = async (path: string, headers: Record<string, string> = {}) => {
    const answer = await client.navigate(publicUrl + path, { headers });
    const { location = '' } = answer.headers;
    return location.startsWith(`${publicUrl}/oauth2/start?`) ? client.navigate(location) : answer;
  };
  const login = await toLogin('/report');
  t.match(login, { status: 302, headers: { location: new RegExp(`^${provider.issuer}/auth\\?`) } });
  t.match(
    login.setCookies.join(),
    /; HttpOnly; SameSite=Lax/,
    'the cookie of the login, with its attributes',
  );
  client.cookies.clear();

  const browser = await launchBrowser();
  t.teardown(() => browser.close());
  const page = await (await browser.newContext()).newPage();
  const deepLink = `${publicUrl}/report?x=1&y=%20z`;
  await page.goto(deepLink);
  await page.fill('input[name=login]', 'grace');
  await page.click('button.sign-in');
  await page.waitForURL(deepLink);
  const echo = JSON.parse((await page.textContent('body')) ?? '{}') as Echo;
  t.equal(echo.url, '/report?x=1&y=%20z');
  t.strictSame(valuesOf(echo.rawHeaders, 'x-forwarded-user'), ['grace']);
  t.strictSame(valuesOf(echo.rawHeaders, 'x-forwarded-groups'), ['staff']);
  t.strictSame(valuesOf(echo.rawHeaders, 'x-forwarded-preferred-username'), ['grace']);
  t.match(valuesOf(echo.rawHeaders, 'authorization')[0], /^Bearer \S+$/);
  t.equal((await page.goto(`${publicUrl}/admins`))?.status(), 403);

  const open = await client.get(`${publicUrl}/open`, {
    ...Object.fromEntries(forgeable.map((name) => [name, 'mallory'])),
    'x-forwarded-uri': '/open',
    authorization: 'Basic bWFsbG9yeTo=',
  });
  t.equal(open.status, 200);
  for (const name of forgeable) {
    t.strictSame(valuesOf((open.json() as Echo).rawHeaders, name).join(), '', `nobody brings ${name} along`);
  }
  const forged = await toLogin('/forged', {
    'x-forwarded-uri': '/open',
    'x-original-url': '/open',
    'x-forwarded-method': 'OPTIONS',
  });
  const { location = '' } = forged.headers;
  t.ok(
    forged.status >= 400 || location.startsWith(`${provider.issuer}/auth?`),
    'nor the address that is decided on',
  );
  for (const path of ['/admins', '/admins?x=/open', '/open/..%2fadmins', '/open/%2e%2e/admins', '//admins']) {
    const { status } = await client.get(`${publicUrl}${path}`);
    // nginx makes 500 of any refusal that is neither 401 nor 403.
    t.ok(status >= 300, `${path}: ${status}`);
  }
  // The browser may ask for an icon meanwhile.
  const reached = (part: string) => application.requests.filter(({ url }) => url.includes(part));
  t.strictSame([...reached('admins'), ...reached('forged')], [], 'nothing of that reached the application');

  await logIn(client, publicUrl, 'ada');
  t.equal((await client.get(`${publicUrl}/admins`)).status, 200);
  await checkQuestionsOfPages(t, client, publicUrl);
  t.strictSame(reached('/oauth2/'), [], 'nor do they reach the application');
  const posted = await client.request(`${publicUrl}/orders`, { method: 'POST', body: 'a=1' });
  t.match(posted.json(), { method: 'POST' }, 'and a form arrives');
  clock.wind(idleSeconds * 100 + 200);
  const later = await client.get(`${publicUrl}/report`);
  t.equal(later.status, 200);
  t.equal(later.setCookies.length > 0, !withoutCookies, 'a session that is written again travels back');

  await closeGateway();
  const unasked = await client.get(`${publicUrl}/open/unasked`);
  t.ok(unasked.status >= 500, `with no gateway to ask, the answer is ${unasked.status}`);
  t.strictSame(reached('unasked'), [], 'and nothing passes');
}

/** The answer to a question holds tokens: a script in a page must not get one by asking through the proxy. */
async function checkQuestionsOfPages(t: Test, client: Client, publicUrl: string): Promise<void> {
  const { host } = new URL(publicUrl);
  const names = {
    'x-forwarded-uri': '/report',
    'x-original-url': `${publicUrl}/report`,
    'x-forwarded-host': host,
  };
  for (const path of [
    'auth',
    'forward-auth',
    'forward-auth/',
    'forward-auth/report',
    '%66orward-auth',
    'x/../auth',
  ]) {
    for (const headers of [{}, names, { 'x-original-uri': '/report' }]) {
      const answer = await client.get(`${publicUrl}/oauth2/${path}`, headers);
      t.ok(answer.status >= 400, `/oauth2/${path} with ${Object.keys(headers)}: ${answer.status}`);
      t.equal(answer.headers.authorization, undefined, 'no page gets a token by asking');
      t.equal(answer.headers['x-forwarded-user'], undefined);
    }
  }
}
