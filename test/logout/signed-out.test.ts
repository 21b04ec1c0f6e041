import { randomBytes } from 'node:crypto';
import { type Test, test } from 'tap';
import { anotherBrowser, arrangeLogin, isSignedIn, type LoginSceneOptions } from '../login/steps.ts';
import type { HttpAnswer } from '../support/client.ts';
import { startTestGateway } from '../support/gateway.ts';
import { logIn } from '../support/log-in.ts';
import { startProvider } from '../support/provider.ts';

async function arrange(t: Test, options: LoginSceneOptions = {}) {
  const scene = await arrangeLogin(t, options);
  await logIn(scene.client, scene.gateway.url, 'ada');
  return { ...scene, signOut: `${scene.gateway.url}/oauth2/sign_out`, home: `${scene.gateway.url}/` };
}

const isPage = ({ status, text }: HttpAnswer) => status === 200 && text.includes('You are signed out');
const locationOf = ({ headers }: HttpAnswer) => new URL(headers.location ?? '');

test('a sign-out without rd ends on a page that says so, once, and then a login begins', async (t) => {
  const { client, signOut, home, provider } = await arrange(t);
  const out = await client.navigate(signOut);
  t.equal(locationOf(out).searchParams.get('post_logout_redirect_uri'), home, 'the registered address');
  t.notOk(locationOf(out).searchParams.has('state'));
  const marker = out.setCookies.find((line) => line.startsWith('sallyport-signed-out='));
  t.match(marker, /; Max-Age=60; Path=\/; HttpOnly; SameSite=Lax/);

  const call = await client.get(home);
  t.equal(call.status, 401, 'a script is not shown a page');
  const page = await client.navigate(home);
  t.ok(isPage(page));
  t.match(page.text, 'href="/oauth2/start"');
  t.equal(page.headers['cache-control'], 'no-store');
  t.match(
    locationOf(await client.navigate(home)).href,
    `${provider.issuer}/auth`,
    'the next browser is a new one',
  );
});

test('with rd, at another page, or with a session again, nothing is shown in its place', async (t) => {
  const { client, signOut, home, provider, gateway } = await arrange(t);
  await client.navigate(`${signOut}?rd=/`);
  t.match(
    locationOf(await client.navigate(home)).href,
    `${provider.issuer}/auth`,
    'rd=/ is a wish of its own',
  );
  await logIn(client, gateway.url, 'ada');
  await client.navigate(signOut);
  t.match(locationOf(await client.navigate(`${home}other`)).href, `${provider.issuer}/auth`);
  await logIn(client, gateway.url, 'ada', { path: '/other' });
  t.equal((await client.navigate(home)).headers['content-type'], 'application/json', 'the application');
});

test('the page is shown on a public start page, on one that is nowhere, and through a proxy that only asks', async (t) => {
  const places: [string, (upstream: string) => Record<string, unknown>[]][] = [
    [
      'public',
      (upstream) => [
        { path: '/', upstream, allow: 'public' },
        { path: '/app', upstream },
      ],
    ],
    ['nowhere', (upstream) => [{ path: '/app', upstream }]],
    [
      'asked',
      (upstream) => [
        { path: '/', upstream },
        { path: '/app', upstream },
      ],
    ],
  ];
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  for (const [name, routes] of places) {
    const gateway = await startTestGateway({
      provider,
      config: { routes: routes('http://127.0.0.1:9'), trustedProxies: ['127.0.0.1'] },
    });
    t.teardown(() => gateway.close());
    const client = anotherBrowser(t);
    await logIn(client, gateway.url, 'ada', { path: '/app' });
    await client.navigate(`${gateway.url}/oauth2/sign_out`);
    if (name !== 'asked') {
      t.ok(isPage(await client.navigate(`${gateway.url}/?from=provider`)), name);
      t.notOk(isPage(await client.navigate(`${gateway.url}/`)), `${name}, again`);
      continue;
    }
    const { host } = new URL(gateway.url);
    const headers = { 'x-forwarded-host': host, 'x-forwarded-uri': '/' };
    const asked = await client.navigate(`${gateway.url}/oauth2/forward-auth`, { headers });
    t.equal(asked.status, 302, 'anything else would let the request pass');
    t.equal(asked.headers.location, `${gateway.url}/oauth2/signed_out`);
    t.ok(isPage(await client.navigate(asked.headers.location ?? '')));
    const again = await client.navigate(`${gateway.url}/oauth2/signed_out`);
    t.equal(again.headers.location, '/', 'who was not signed out is not told so');
  }
});

test('without a session the page says who may still know the person, and leads there', async (t) => {
  const { gateway, provider } = await arrange(t);
  const stranger = anotherBrowser(t);
  const page = await stranger.navigate(`${gateway.url}/oauth2/sign_out`);
  t.ok(isPage(page));
  t.match(page.text, 'may still know you');
  const href = /href="([^"]+)">Sign out there too/.exec(page.text)?.[1]?.replaceAll('&amp;', '&') ?? '';
  const { origin, pathname, searchParams } = new URL(href);
  t.equal(origin + pathname, `${provider.issuer}/session/end`);
  t.same(Object.fromEntries(searchParams), {
    client_id: 'app',
    post_logout_redirect_uri: `${gateway.url}/`,
  });
  t.ok(isPage(await stranger.navigate(`${gateway.url}/`)), 'which leads back to the page');
});

test('of several providers none is guessed, and of one without a logout there is nothing to lead to', async (t) => {
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const one = { issuer: provider.issuer, clientId: 'app', clientSecret: provider.clientSecret };
  const gateway = await startTestGateway({
    upstream: 'http://127.0.0.1:9',
    config: { provider: undefined, providers: { one, two: one } },
  });
  t.teardown(() => gateway.close());
  const { gateway: alone } = await arrangeLogin(t, { provider: { endSession: false } });
  for (const { url } of [gateway, alone]) {
    const page = await anotherBrowser(t).navigate(`${url}/oauth2/sign_out`);
    t.match(page.text, 'may still know you');
    t.notMatch(page.text, 'Sign out there too');
  }
});

test('D5 an ID token that would make the address longer than 4 KiB is left out', async (t) => {
  for (const [bytes, isSent] of [
    [100, true],
    [4000, false],
  ] as const) {
    const { client, signOut, gateway } = await arrange(t, {
      provider: {
        people: { ada: { note: randomBytes(bytes).toString('base64') } },
        scopes: { groups: ['note'] },
      },
    });
    const { href, searchParams } = locationOf(await client.navigate(signOut));
    t.equal(searchParams.has('id_token_hint'), isSent, `${bytes} more`);
    t.ok(href.length <= 4096, `${href.length} characters`);
    t.equal(searchParams.get('client_id'), 'app');
    t.equal(searchParams.get('post_logout_redirect_uri'), `${gateway.url}/`);
  }
});

test('a script signs out by POST, and is told where the browser has to go', async (t) => {
  const headers = (origin: string) => ({
    accept: 'application/json',
    origin,
    'sec-fetch-site': 'same-origin',
  });
  const { client, gateway, signOut, provider } = await arrange(t);
  const answer = await client.request(signOut, { method: 'POST', headers: headers(gateway.url) });
  t.equal(answer.status, 200);
  t.match(answer.headers['content-type'], 'application/json');
  t.equal(answer.headers['cache-control'], 'no-store');
  const { logoutUrl } = answer.json() as { logoutUrl: string };
  t.match(logoutUrl, `${provider.issuer}/session/end?`);
  t.notOk(await isSignedIn(client, gateway.url));
  t.ok(isPage(await client.navigate(`${gateway.url}/`)), 'the way back is the same');
  const foreign = await client.request(signOut, { method: 'POST', headers: headers('https://evil.example') });
  t.equal(foreign.status, 403);
  t.match(foreign.json(), { code: 'cross_site' });

  const alone = await arrange(t, { provider: { endSession: false } });
  const ask = async (query: string) => {
    const given = await alone.client.request(alone.signOut + query, {
      method: 'POST',
      headers: headers(alone.gateway.url),
    });
    return (given.json() as { logoutUrl: string }).logoutUrl;
  };
  t.equal(await ask('?rd=/bye'), `${alone.gateway.url}/bye`);
  const last = await ask('');
  t.equal(last, `${alone.gateway.url}/oauth2/signed_out`);
  t.ok(isPage(await alone.client.navigate(last)));
});
