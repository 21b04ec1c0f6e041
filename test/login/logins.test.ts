import { test } from 'tap';
import { startTestGateway } from '../support/gateway.ts';
import { startProvider } from '../support/provider.ts';
import { until } from '../support/until.ts';
import {
  anotherBrowser,
  arrangeLogin,
  type BegunLogin,
  beginLogin,
  hitsOf,
  isSignedIn,
  reachCallback,
  signInAtProvider,
} from './steps.ts';

test('four logins in the tabs of one browser end in any order, each where it began', async (t) => {
  const { gateway, client } = await arrangeLogin(t);
  const tabs: { path: string; begun: BegunLogin }[] = [];
  for (const path of ['/a?1', '/b?2', '/c?3', '/d?4'])
    tabs.push({ path, begun: await beginLogin(client, gateway.url, path) });
  for (const { path, begun } of [tabs[2], tabs[0], tabs[3], tabs[1]].filter((tab) => tab !== undefined)) {
    const callback = await signInAtProvider(client, begun);
    const answer = await client.navigate(callback.href);
    t.equal(answer.status, 302);
    t.equal(answer.headers.location, gateway.url + path);
  }
});

test('login cookies do not pile up: a fifth login takes the place of the oldest', async (t) => {
  const { gateway, client } = await arrangeLogin(t);
  const begun: BegunLogin[] = [];
  for (let index = 0; index < 8; index++) {
    begun.push(await beginLogin(client, gateway.url, `/${index}`));
    const pending = client.cookies.all().filter(({ name }) => name.includes('-login-'));
    t.ok(pending.length <= 4, `${pending.length} at once`);
    t.ok(pending.every(({ expiresAt }) => (expiresAt ?? Number.POSITIVE_INFINITY) <= Date.now() + 600_000));
  }
  const newest = begun.at(-1);
  if (newest) {
    const answer = await client.navigate((await signInAtProvider(client, newest)).href);
    t.equal(answer.headers.location, `${gateway.url}/7`);
  }
});

test('the deep link is kept with its query, byte for byte; one that is too long loses its query first', async (t) => {
  const { gateway } = await arrangeLogin(t);
  for (const [path, expected] of [
    ['/a%2Fb/%C3%A9?x=1&x=2&y=%20+&z=a%26b', '/a%2Fb/%C3%A9?x=1&x=2&y=%20+&z=a%26b'],
    [`/long?q=${'x'.repeat(2000)}`, `/long?q=${'x'.repeat(2000)}`],
    [`/longer?q=${'x'.repeat(6000)}`, '/longer'],
    [`/${'x'.repeat(6000)}`, '/'],
    ['//evil.example/x', '//evil.example/x'],
  ] as const) {
    const client = anotherBrowser(t);
    const { callback } = await reachCallback(client, gateway.url, { path });
    const answer = await client.navigate(callback.href);
    t.equal(answer.headers.location, gateway.url + expected, path.slice(0, 40));
  }
});

test('a browser that drops the session comes to a page after three rounds, and can start again from there', async (t) => {
  const { gateway, client } = await arrangeLogin(t);
  const forgetSession = () => {
    const kept = client.cookies.all().filter(({ name }) => name !== 'sallyport');
    client.cookies.clear();
    client.cookies.take(
      gateway.url,
      kept.map(({ name, value, path }) => `${name}=${value}; Path=${path}`),
    );
  };
  for (let round = 1; round <= 3; round++) {
    const { callback } = await reachCallback(client, gateway.url, { path: '/page' });
    t.equal((await client.navigate(callback.href)).status, 302, `round ${round}`);
    forgetSession();
  }
  const page = await client.navigate(`${gateway.url}/page`);
  t.equal(page.status, 400);
  t.equal(page.headers['x-sallyport-error'], 'login_loop');
  t.match(page.text, 'Allow cookies and try again');
  const again = /href="(\/oauth2\/start[^"]*)"/.exec(page.text)?.[1] ?? '';
  t.equal((await client.navigate(gateway.url + again)).status, 302, 'the button starts a real attempt');
});

test('who signs in again by intent is in no loop', async (t) => {
  const { gateway, client } = await arrangeLogin(t);
  for (let round = 0; round < 6; round++) {
    const start = await client.navigate(`${gateway.url}/oauth2/start?rd=/x`);
    t.equal(start.status, 302);
    const authorizationRequest = new URL(start.headers.location ?? '');
    await client.navigate((await signInAtProvider(client, { authorizationRequest })).href);
  }
});

test('a callback without its cookie explains itself and redirects nowhere', async (t) => {
  const { gateway } = await arrangeLogin(t);
  const stranger = anotherBrowser(t);
  const page = await stranger.navigate(`${gateway.url}/oauth2/callback?code=x&state=y`);
  t.equal(page.status, 400);
  t.match(page.text, /not started in this browser/);
  t.match(page.text, 'Start again');
  t.equal(page.headers.location, undefined);
});

test('a gateway that boots before its provider answers 503 with Retry-After and comes up by itself', async (t) => {
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  await provider.stop();
  const gateway = await startTestGateway({ provider, upstream: 'http://127.0.0.1:9', awaitProvider: false });
  t.teardown(() => gateway.close());
  const client = anotherBrowser(t);
  const early = await client.navigate(`${gateway.url}/page`);
  t.equal(early.status, 503);
  t.ok(Number(early.headers['retry-after']) >= 1);
  t.equal(early.headers['x-sallyport-error'], 'provider_unavailable');
  t.equal((await client.get(`${gateway.url}/api`)).status, 401, 'what needs no provider is decided');
  await provider.restart();
  await until('a login', async () => (await client.navigate(`${gateway.url}/page`)).status === 302, 20_000);
  t.ok(await gateway.log.line(({ msg }) => msg === 'provider found'));
});

test('endpoints given by hand need no discovery', async (t) => {
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const config = {
    provider: {
      authorizationEndpoint: `${provider.issuer}/auth`,
      tokenEndpoint: `${provider.issuer}/token`,
      userinfoEndpoint: `${provider.issuer}/me`,
      jwksUri: `${provider.issuer}/jwks`,
      endSessionEndpoint: `${provider.issuer}/session/end`,
    },
  };
  const gateway = await startTestGateway({ provider, upstream: 'http://127.0.0.1:9', config });
  t.teardown(() => gateway.close());
  const client = anotherBrowser(t);
  const { callback } = await reachCallback(client, gateway.url);
  await client.navigate(callback.href);
  t.ok(await isSignedIn(client, gateway.url));
  t.equal(hitsOf({ provider }, '/.well-known/openid-configuration'), 0);
});

for (const clientAuth of ['client_secret_basic', 'client_secret_post', 'none'] as const) {
  test(`the client authenticates by ${clientAuth}`, async (t) => {
    const config = clientAuth === 'client_secret_basic' ? {} : { provider: { clientAuth } };
    const { gateway, client } = await arrangeLogin(t, { provider: { clientAuth }, config });
    const { callback } = await reachCallback(client, gateway.url);
    await client.navigate(callback.href);
    t.ok(await isSignedIn(client, gateway.url));
  });
}

test('claims come from userinfo where the ID token lacks them, unless that is turned off', async (t) => {
  for (const [userinfo, asked] of [
    ['auto', 1],
    [true, 1],
    [false, 0],
  ] as const) {
    const scene = await arrangeLogin(t, {
      provider: { conformIdTokenClaims: true },
      config: { provider: { userinfo } },
    });
    const { callback } = await reachCallback(scene.client, scene.gateway.url);
    await scene.client.navigate(callback.href);
    t.equal(hitsOf(scene, '/me'), asked, String(userinfo));
    const { email } = (await scene.client.get(`${scene.gateway.url}/oauth2/userinfo`)).json() as {
      email?: string;
    };
    t.equal(email, asked ? 'ada@example.com' : undefined);
  }
});
