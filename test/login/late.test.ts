import { randomBytes } from 'node:crypto';
import { test } from 'tap';
import { type CarriedLogin, createLoginStates } from '../../src/identity/login/login-state.ts';
import { createKeyRing } from '../../src/session/key-ring.ts';
import { seal } from '../../src/session/seal.ts';
import { assertBeginsAnew, assertNoSession } from '../attack/refusal.ts';
import { arrangeStepUp, gold } from '../step-up/scene.ts';
import { type Client, createClient } from '../support/client.ts';
import { logIn } from '../support/log-in.ts';
import {
  anotherBrowser,
  arrangeLogin,
  beginLogin,
  hitsOf,
  isSignedIn,
  type LoginScene,
  reachCallback,
  secretOf,
  signInAtProvider,
} from './steps.ts';
import { arrangeTwoProviders } from './two-providers.ts';

/** What Office sends when somebody follows a link in a document: no Fetch Metadata, and nothing is kept of it. */
const office = {
  accept: 'text/html, application/xhtml+xml, */*',
  'user-agent': 'Microsoft Office Word 2014',
};

/** Opens an address and does what is asked for at the provider, until a page is there; gives where it ended. */
async function walk(client: Client, gatewayUrl: string, url: string, person = 'ada'): Promise<string> {
  let next = url;
  for (let step = 0; step < 6; step++) {
    if (!next.startsWith(gatewayUrl)) {
      next = (await signInAtProvider(client, { authorizationRequest: new URL(next) }, person)).href;
    }
    const { status, headers } = await client.navigate(next);
    if (status !== 302) return `${status} ${next.slice(gatewayUrl.length)}`;
    next = headers.location ?? '';
  }
  throw new Error('it goes round in circles');
}

/** A state that the gateway itself might have sealed. */
function sealed({ gateway }: Pick<LoginScene, 'gateway'>, login: Partial<CarriedLogin>): string {
  return createLoginStates(createKeyRing([secretOf(gateway)]), new Set([gateway.url])).seal({
    provider: 'default',
    origin: gateway.url,
    returnTo: `${gateway.url}/sealed`,
    startedAt: Math.floor(Date.now() / 1000),
    again: 0,
    ...login,
  });
}

const callbackOf = ({ gateway }: Pick<LoginScene, 'gateway'>, state: string, more = '&code=x') =>
  new URL(`${gateway.url}/oauth2/callback?state=${state}${more}`);

test('a login that a program began ends in the browser that opens it, with and without a session', async (t) => {
  for (const withSession of [true, false]) {
    const { gateway } = await arrangeLogin(t);
    const program = await anotherBrowser(t).get(`${gateway.url}/reports/q3?x=1`, office);
    t.equal(program.status, 302);
    const browser = anotherBrowser(t);
    if (withSession) await logIn(browser, gateway.url, 'ada');
    t.equal(await walk(browser, gateway.url, program.headers.location ?? ''), '200 /reports/q3?x=1');
    t.ok(await isSignedIn(browser, gateway.url));
  }
});

test('a tab that was left open, or restored, until its login cookie was gone ends at its address', async (t) => {
  const { gateway, client } = await arrangeLogin(t);
  const { callback } = await reachCallback(client, gateway.url, { path: '/left/open?x=1' });
  client.cookies.clear();
  t.equal(await walk(client, gateway.url, callback.href), '200 /left/open?x=1');
});

test('a bookmark of a callback leads to its page after months, signed in or not', async (t) => {
  const scene = await arrangeLogin(t);
  const bookmark = callbackOf(scene, sealed(scene, { startedAt: 1_700_000_000, again: 2 })).href;
  t.equal(await walk(scene.client, scene.gateway.url, bookmark), '200 /sealed');
  t.equal(await walk(scene.client, scene.gateway.url, bookmark), '200 /sealed');
  t.equal(hitsOf(scene, '/token'), 1, 'the second time there was nothing to do');
});

test('a browser that keeps no cookie at all is told so, and not sent round for ever', async (t) => {
  const scene = await arrangeLogin(t);
  const { gateway } = scene;
  let callbacks = 0;
  let next = `${gateway.url}/deep?x=1`;
  for (;;) {
    // A new client each time: nothing is kept, of the gateway nor of the provider.
    const client = createClient();
    t.teardown(() => client.close());
    const answer = await client.navigate(next);
    if (answer.status !== 302) {
      t.equal(answer.status, 400);
      t.equal(answer.headers['x-sallyport-error'], 'login_cookie_missing');
      t.match(answer.text, /keep no cookies/, 'it says what may help');
      t.match(answer.text, `href="/oauth2/start?rd=${encodeURIComponent(`${gateway.url}/deep?x=1`)}"`);
      break;
    }
    const authorizationRequest = new URL(answer.headers.location ?? '');
    next = (await signInAtProvider(client, { authorizationRequest })).href;
    callbacks++;
  }
  t.equal(callbacks, 3);
  t.equal(hitsOf(scene, '/token'), 0);
});

test("login CSRF: an attacker's state and code sign nobody in as the attacker", async (t) => {
  const scene = await arrangeLogin(t);
  const { gateway } = scene;
  const attacker = anotherBrowser(t);
  const { callback } = await reachCallback(attacker, gateway.url, { person: 'grace', path: '/planted' });

  const stranger = anotherBrowser(t);
  await assertBeginsAnew(t, { ...scene, client: stranger }, await stranger.navigate(callback.href), callback);

  const victim = anotherBrowser(t);
  await logIn(victim, gateway.url, 'ada');
  const session = victim.cookies.get('sallyport')?.value;
  const before = hitsOf(scene, '/token');
  const answer = await victim.navigate(callback.href);
  t.equal(answer.headers.location, `${gateway.url}/planted`, 'it is a link to a page of this site');
  t.equal(victim.cookies.get('sallyport')?.value, session, 'and the session stays what it was');
  // A victim whose own login waits takes no other's answer either.
  const { state } = await beginLogin(victim, gateway.url, '/oauth2/start?rd=/own');
  callback.searchParams.set('state', state);
  t.equal((await victim.navigate(callback.href)).status, 400, 'the verifier is not that of the code');
  t.equal(victim.cookies.get('sallyport')?.value, session);
  t.equal(hitsOf(scene, '/token'), before + 1, 'only the last one was sent, with the wrong verifier');
  t.notMatch(gateway.log.text(), '"subject":"grace"');
});

test('a sealed address that is on no origin of publicUrl any more leads to the start page', async (t) => {
  const scene = await arrangeLogin(t);
  await logIn(scene.client, scene.gateway.url, 'ada');
  for (const returnTo of [
    'https://evil.example/x',
    '//evil.example/',
    'javascript:alert(1)',
    `${scene.gateway.url}.evil.example/`,
    `${scene.gateway.url}@evil.example/`,
    'https://evil.example\\@127.0.0.1/',
  ]) {
    const origin = scene.gateway.url;
    const state = sealed(scene, { returnTo, origin });
    const { status, headers } = await scene.client.navigate(callbackOf(scene, state).href);
    t.equal(status, 302, returnTo);
    t.equal(headers.location, `${origin}/`, returnTo);
  }
});

test('a seal of another purpose, or of another gateway, is no state', async (t) => {
  const scene = await arrangeLogin(t);
  const ring = createKeyRing([secretOf(scene.gateway)]);
  const text = JSON.stringify({ i: 'x', p: 'default', t: 1, r: `${scene.gateway.url}/x` });
  const { client } = scene;
  await logIn(client, scene.gateway.url, 'ada');
  const foreign = createLoginStates(createKeyRing([randomBytes(32)]), new Set([scene.gateway.url]));
  for (const state of [
    seal(text, ring, 'login', 'state'),
    seal(text, ring, 'state', 'other'),
    client.cookies.get('sallyport')?.value.slice(1) ?? '',
    foreign.seal({ provider: 'default', origin: '', returnTo: 'http://x/', startedAt: 1, again: 0 }),
  ]) {
    const answer = await client.navigate(callbackOf(scene, state).href);
    t.equal(answer.status, 400);
    t.equal(answer.headers['x-sallyport-error'], 'login_cookie_missing');
  }
});

test('B3 an error that comes late is not repeated, with or without a session', async (t) => {
  const scene = await arrangeLogin(t);
  const { gateway, client } = scene;
  const planted = '&error=access_denied&error_description=Call+0800+123+now';
  const callback = callbackOf(scene, sealed(scene, {}), planted);
  await assertBeginsAnew(t, scene, await client.navigate(callback.href), callback);
  await logIn(client, gateway.url, 'ada');
  const answer = await client.navigate(callback.href);
  t.equal(answer.headers.location, `${gateway.url}/sealed`);
  t.notMatch(answer.text + gateway.log.text(), /0800/);
});

test('B4 a late response with a parameter twice is refused', async (t) => {
  const scene = await arrangeLogin(t);
  const state = sealed(scene, {});
  for (const more of [`&state=${state}`, '&state=other', '&code=a&code=b']) {
    const answer = await scene.client.navigate(callbackOf(scene, state, more).href);
    t.equal(answer.status, 400, more);
    assertNoSession(t, scene.client, answer);
  }
});

test('who only tries gets no login cookie, and ends no login', async (t) => {
  const scene = await arrangeLogin(t, {
    routes: (upstream) => [{ path: '/always', upstream, unauthenticated: 'login' }],
  });
  const { gateway, client } = scene;
  const tries: [method: string, path: string, headers: Record<string, string>][] = [
    ['HEAD', '/page', {}],
    ['HEAD', '/page', office],
    ['HEAD', '/oauth2/start?rd=/page', office],
    ['OPTIONS', '/always', office],
    ['PROPFIND', '/always', office],
    ['GET', '/always', { 'sec-purpose': 'prefetch;prerender' }],
    ['GET', '/oauth2/start', { 'sec-purpose': 'prefetch' }],
    ['GET', '/oauth2/start', { purpose: 'prefetch' }],
    ['HEAD', callbackOf(scene, sealed(scene, {})).href.slice(gateway.url.length), office],
  ];
  for (const [method, path, headers] of tries) {
    const answer = await client.navigate(gateway.url + path, { method, headers });
    t.equal(answer.status, 302, `${method} ${path}`);
    t.match(answer.headers.location, `${scene.provider.issuer}/auth`);
    t.same(answer.setCookies, [], `${method} ${path}: no cookie`);
  }
  const { callback } = await reachCallback(client, gateway.url, { path: '/page' });
  for (const [method, headers] of [
    ['HEAD', {}],
    ['GET', { 'sec-purpose': 'prefetch' }],
  ] as const) {
    const answer = await client.navigate(callback.href, { method, headers: { ...headers } });
    t.same(answer.setCookies, [], method);
  }
  t.equal(hitsOf(scene, '/token'), 0, 'the code was not sent');
  t.equal((await client.navigate(callback.href)).headers.location, `${gateway.url}/page`);
});

test('who only tries a late answer sets no cookie either', async (t) => {
  const scene = await arrangeLogin(t);
  const { gateway, client } = scene;
  await logIn(client, gateway.url, 'ada');
  const late = callbackOf(scene, sealed(scene, { stepUp: { maxAge: 1000, attempt: 1 } })).href;
  const head = await client.navigate(late, { method: 'HEAD' });
  t.equal(head.status, 302);
  t.same(head.setCookies, []);
  t.ok((await client.navigate(late)).setCookies[0]?.startsWith('sallyport-rounds='), 'a person is counted');
});

/** Letters that no compression makes shorter. */
const noise = (length: number) => randomBytes(length).toString('base64url').slice(0, length);

test('state is short for a short address, and carries one of up to 1 KiB', async (t) => {
  const { gateway, client } = await arrangeLogin(t);
  const room = 1024 - gateway.url.length;
  for (const [length, most] of [
    [1, 200],
    [100, 340],
    [room, 1600],
  ] as const) {
    const path = `/${noise(length - 1)}`;
    client.cookies.clear();
    const { state, callback } = await reachCallback(client, gateway.url, { path });
    t.ok(state.length <= most, `${state.length} characters for a path of ${length}`);
    client.cookies.clear();
    t.equal(await walk(client, gateway.url, callback.href), `200 ${path}`);
  }
});

test('a longer address is in the login cookie; what comes late goes to it without its query', async (t) => {
  const { gateway, client } = await arrangeLogin(t);
  const path = `/long?q=${noise(1500)}`;
  const first = await reachCallback(client, gateway.url, { path });
  t.ok(first.state.length < 250, `${first.state.length} characters`);
  t.equal((await client.navigate(first.callback.href)).headers.location, gateway.url + path);
  t.equal((await client.navigate(first.callback.href)).headers.location, `${gateway.url}/long`);
});

test('what was asked of a sign-in is asked again when it comes late, and not for ever', async (t) => {
  const scene = await arrangeStepUp(t, { '/vault': { stepUp: { acr: gold } } });
  const { gateway, client } = scene;
  const forgetLogins = () => {
    const pending = client.cookies.all().filter(({ name }) => name.includes('-login-'));
    client.cookies.take(
      gateway.url,
      pending.map(({ name }) => `${name}=; Path=/; Max-Age=0`),
    );
  };
  const stepUpLate = async () => {
    const begun = await beginLogin(client, gateway.url, '/vault');
    forgetLogins();
    return client.navigate((await signInAtProvider(client, begun)).href);
  };
  // Without a session the login begins again, for as much as before.
  client.cookies.clear();
  const stranger = await stepUpLate();
  t.equal(new URL(stranger.headers.location ?? '').searchParams.get('acr_values'), gold);

  client.cookies.clear();
  await logIn(client, gateway.url, 'ada');
  // The login itself was the first of three.
  for (let round = 2; round <= 3; round++) {
    t.equal((await stepUpLate()).headers.location, `${gateway.url}/vault`, `round ${round}`);
  }
  const last = await client.navigate(`${gateway.url}/vault`);
  t.equal(last.headers['x-sallyport-error'], 'step_up_failed');
});

test('a late login begins again with its own provider', async (t) => {
  const { gateway, client, partners, staff } = await arrangeTwoProviders(t);
  const begun = await beginLogin(client, gateway.url, '/oauth2/start?provider=partners&rd=/notes');
  const callback = await signInAtProvider(client, begun, 'eve');
  client.cookies.clear();
  const anew = await client.navigate(callback.href);
  t.match(anew.headers.location, `${partners.issuer}/auth?`);
  t.notMatch(anew.headers.location, staff.issuer);
  // At a callback that is another provider's, nothing is taken either.
  t.equal(await walk(client, gateway.url, anew.headers.location ?? '', 'eve'), '200 /notes');
});
