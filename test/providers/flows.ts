import { decodeProtectedHeader, type JSONWebKeySet } from 'jose';
import type { Test } from 'tap';
import { launchBrowser } from '../support/browser.ts';
import { createClient } from '../support/client.ts';
import { until } from '../support/until.ts';
import type { Flow, RealProvider } from './kit.ts';
import { arrange, asked, browserOf, expire, sessionOf, signIn, walk } from './scene.ts';

type Try = (t: Test, provider: RealProvider, origin: string) => Promise<void>;

/** What a kit has to be able to do for a flow, unless it says whose limit it is that it is not. */
function needed<T>(what: T | undefined, name: string): T {
  if (what === undefined) throw new Error(`the kit has no ${name}, and names no limit`);
  return what;
}

/** What each flow does. What does not hold fails the test. */
export const tries: Readonly<Record<Flow, Try>> = {
  async login(t, provider, origin) {
    const scene = await arrange(t, provider, origin);
    const client = browserOf(t);
    await signIn(scene, client);
    t.match((await client.get(`${origin}/oauth2/userinfo`)).json(), { email: provider.email });
    if (!provider.inBrowser) return;
    const browser = await launchBrowser();
    t.teardown(() => browser.close());
    const page = await browser.newPage();
    await page.goto(`${origin}/`);
    await provider.inBrowser(page);
    await page.waitForURL(`${origin}/`);
    t.ok(
      (await page.context().cookies(origin)).some(({ name }) => name === 'sallyport'),
      'in Chromium too',
    );
  },

  async refresh(t, provider, origin) {
    const scene = await arrange(t, provider, origin);
    const client = browserOf(t);
    await signIn(scene, client);
    const { accessTokenExpiresAt: before = 0 } = sessionOf(scene, client);
    expire(scene);
    t.equal((await asked(scene, client)).status, 200);
    const { accessTokenExpiresAt: after = 0 } = sessionOf(scene, client);
    t.ok(after > before, 'another access token');
    t.equal(scene.tokenCalls(), 2, 'the code, and one refresh');
  },

  async 'rotation with reuse detection'(t, provider, origin) {
    const scene = await arrange(t, provider, origin);
    const client = browserOf(t);
    await signIn(scene, client);
    const thief = createClient();
    t.teardown(() => thief.close());
    thief.cookies.take(
      origin,
      client.cookies.all().map(({ name, value }) => `${name}=${value}`),
    );
    const { refreshToken: before } = sessionOf(scene, client);
    expire(scene);
    t.equal((await asked(scene, client)).status, 200);
    t.not(sessionOf(scene, client).refreshToken, before, 'the refresh token was replaced');
    // Whoever comes with the cookie from before is led on, and the provider sees no token twice.
    t.equal((await asked(scene, thief)).status, 200);
    t.equal(scene.tokenCalls(), 2, 'no refresh token was sent twice');
    expire(scene);
    t.equal((await asked(scene, client)).status, 200, 'and the sign-in goes on');
    t.equal(scene.tokenCalls(), 3);
  },

  async '20 parallel at expiry'(t, provider, origin) {
    const scene = await arrange(t, provider, origin);
    const client = browserOf(t);
    await signIn(scene, client);
    expire(scene);
    const cookie = client.cookies.headerFor(origin) ?? '';
    const ask = async () => {
      const one = browserOf(t);
      return (await one.get(`${origin}/`, { cookie })).status;
    };
    const statuses = await Promise.all(Array.from({ length: 20 }, ask));
    t.strictSame([...new Set(statuses)], [200]);
    t.equal(scene.tokenCalls(), 2, 'one refresh for all');
  },

  async 'refused refresh'(t, provider, origin) {
    const scene = await arrange(t, provider, origin);
    const client = browserOf(t);
    await signIn(scene, client);
    const revoke = needed(provider.revoke, 'revoke');
    await revoke(client, sessionOf(scene, client).refreshToken ?? '');
    expire(scene);
    const first = await asked(scene, client);
    t.equal(first.status, 401);
    const calls = scene.tokenCalls();
    t.equal((await client.get(`${origin}/public`)).status, 200, 'what takes no session goes on');
    t.equal((await asked(scene, client)).status, 401);
    t.equal(scene.tokenCalls(), calls, 'the provider is not asked again');
    const page = await client.navigate(`${origin}/`);
    t.equal(page.status, 302, 'a page leads to the login');
  },

  async 'sign-out here'(t, provider, origin) {
    const scene = await arrange(t, provider, origin);
    const client = browserOf(t);
    await signIn(scene, client);
    const copy = client.cookies.headerFor(origin) ?? '';
    const back = await walk(scene, client, '/oauth2/sign_out');
    t.equal(back.status, 200, back.text.slice(0, 200));
    t.equal((await asked(scene, client)).status, 401, 'signed out');
    t.equal((await browserOf(t).get(`${origin}/`, { cookie: copy })).status, 401, 'a copy of the cookie too');
    const page = await client.navigate(`${origin}/page`, { follow: 10 });
    t.notOk(page.url.startsWith(origin), 'the provider asks who it is again');
  },

  async 'sign-out there'(t, provider, origin) {
    const scene = await arrange(t, provider, origin);
    const client = browserOf(t);
    await signIn(scene, client);
    const signOutThere = needed(provider.signOutThere, 'signOutThere');
    await signOutThere(client, sessionOf(scene, client).idToken ?? '');
    await until('the end of the session', async () => (await asked(scene, client)).status === 401);
  },

  async 'key rotation'(t, provider, origin) {
    const scene = await arrange(t, provider, origin);
    const known = await publishedKeys(t, provider);
    const [before, after] = [browserOf(t), browserOf(t)];
    await signIn(scene, before);
    const rotateKeys = needed(provider.rotateKeys, 'rotateKeys');
    await rotateKeys();
    await signIn(scene, after);
    const fresh = (await publishedKeys(t, provider)).filter((key) => !known.includes(key));
    t.ok(fresh.length > 0, 'it has another key');
    // Not every session keeps its ID token, and what the secret signs names no key.
    const [first, second] = [before, after].map((client) => keyIdOf(sessionOf(scene, client).idToken));
    if (first !== undefined) t.not(second, first, 'and signs with it');
  },

  async restart(t, provider, origin) {
    const scene = await arrange(t, provider, origin);
    const client = browserOf(t);
    await signIn(scene, client);
    const restart = needed(provider.restart, 'restart');
    await restart();
    t.equal((await asked(scene, client)).status, 200, 'who is signed in stays so');
    expire(scene);
    t.equal((await asked(scene, client)).status, 200, 'a refresh works');
    await signIn(scene, browserOf(t));
  },

  async freeze(t, provider, origin) {
    const scene = await arrange(t, provider, origin, { provider: { timeout: '4s' } });
    const client = browserOf(t);
    await signIn(scene, client);
    const thaw = needed(provider.freeze, 'freeze')();
    try {
      t.equal((await asked(scene, client)).status, 200, 'a good token goes on');
      expire(scene);
      const late = await asked(scene, client);
      t.equal(late.status, 503, 'who needs a new one is told to wait');
      t.same(late.setCookies, [], 'and keeps the cookie');
      t.equal((await client.get(`${origin}/public`)).status, 200, 'public pages go on');
    } finally {
      thaw();
    }
    await until('the session', async () => (await asked(scene, client)).status === 200, 30_000);
  },

  async 'wrong secret'(t, provider, origin) {
    const wrong = 'not-the-secret-0123456789abcdef0123456789abcdef0123456789abcdef01';
    const scene = await arrange(t, provider, origin, { provider: { clientSecret: wrong } });
    const answer = await walk(scene, browserOf(t));
    t.equal(answer.headers['x-sallyport-error'], 'client_rejected');
    t.equal(answer.status, 503);
    const line = await scene.gateway.log.line(({ msg }) => msg.includes('does not accept the gateway'));
    t.match(line.level, 'error');
  },

  'bearer (JWT)': (t, provider, origin) => bearer(t, provider, origin, 'jwt'),
  'bearer (introspection)': (t, provider, origin) => bearer(t, provider, origin, 'introspection'),

  async 'step-up'(t, provider, origin) {
    const upstream = 'http://127.0.0.1:9';
    const scene = await arrange(t, provider, origin, {
      routes: [
        { path: '/', upstream },
        { path: '/strong', upstream, stepUp: { maxAge: '3s' } },
      ],
    });
    const client = browserOf(t);
    const first = await walk(scene, client, '/oauth2/start?rd=/oauth2/userinfo');
    t.equal(first.status, 200);
    // The provider counts by its own clock; the gateway forgives thirty seconds.
    await new Promise((resolve) => setTimeout(resolve, 5000));
    scene.clock.wind(29_000);
    const asksAgain = await client.navigate(`${origin}/strong`, { follow: 10 });
    t.notOk(asksAgain.url.startsWith(origin), 'the provider asks for a new sign-in');
    const answer = await walk(scene, client, '/strong');
    const said = String(answer.headers['x-sallyport-error'] ?? '');
    const reason = scene.gateway.log.lines.map((line) => line.reason).findLast((text) => text !== undefined);
    t.equal(said, 'upstream_unreachable', `the way is free; there is no application: ${reason}`);
  },
};

/** The keys that it tells the world to verify with. */
async function publishedKeys(t: Test, { settings }: RealProvider): Promise<unknown[]> {
  const client = browserOf(t);
  const issuer = String(settings.issuer).replace(/\/$/, '');
  const at = async (url: string) => (await client.request(url, { follow: 5 })).json();
  const metadata = (await at(`${issuer}/.well-known/openid-configuration`)) as { jwks_uri: string };
  const { keys } = (await at(metadata.jwks_uri)) as JSONWebKeySet;
  return keys.map(({ n, x }) => n ?? x);
}

const keyIdOf = (token: string | undefined): string | undefined =>
  token === undefined ? undefined : decodeProtectedHeader(token).kid;

async function bearer(t: Test, provider: RealProvider, origin: string, how: 'jwt' | 'introspection') {
  const first = await arrange(
    t,
    provider,
    origin,
    how === 'jwt' ? { provider: provider.settingsForJwt } : {},
  );
  const client = browserOf(t);
  await signIn(first, client);
  const { accessToken } = await asked(first, client);
  await first.gateway.close();
  const entry = needed(provider.bearer?.[how], `bearer.${how}`);
  const scene = await arrange(t, provider, origin, { bearer: [entry] });
  const program = browserOf(t);
  const ask = (token: string | undefined) => program.get(`${origin}/`, { authorization: `Bearer ${token}` });
  const good = await ask(accessToken);
  t.equal(good.status, 200, String(good.headers['www-authenticate'] ?? good.text.slice(0, 300)));
  t.equal((await ask(`${accessToken?.slice(0, -8)}AAAAAAAA`)).status, 401, 'one that was changed is none');
  t.equal(scene.tokenCalls(), 0);
}
