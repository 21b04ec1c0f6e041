import { randomBytes } from 'node:crypto';
import { test } from 'tap';
import {
  arrangeLogin,
  type BegunLogin,
  beginLogin,
  hitsOf,
  isSignedIn,
  type LoginScene,
  signInAtProvider,
} from './steps.ts';

const pendingIn = ({ client }: LoginScene) =>
  client.cookies.all().filter(({ name }) => name.startsWith('sallyport-login-'));

async function openTabs(scene: LoginScene, count: number): Promise<BegunLogin[]> {
  const tabs: BegunLogin[] = [];
  for (let tab = 1; tab <= count; tab++) {
    tabs.push(await beginLogin(scene.client, scene.gateway.url, `/tab/${tab}?n=${tab}`));
  }
  return tabs;
}

/** Finishes the login of a tab; gives where it ends, or the code of a refusal. */
async function finish({ client }: LoginScene, tab: BegunLogin | undefined): Promise<string> {
  if (!tab) throw new Error('there is no such tab');
  const callback = await signInAtProvider(client, tab);
  const { headers } = await client.navigate(callback.href);
  return headers.location ?? String(headers['x-sallyport-error']);
}

test('logins in four tabs end each where it began, in whatever order', async (t) => {
  const scene = await arrangeLogin(t);
  const { url } = scene.gateway;
  const tabs = await openTabs(scene, 4);
  t.equal(pendingIn(scene).length, 4, 'a cookie each');
  for (const number of [3, 1, 4, 2]) {
    t.equal(await finish(scene, tabs[number - 1]), `${url}/tab/${number}?n=${number}`);
    t.ok(await isSignedIn(scene.client, url));
  }
  t.equal(pendingIn(scene).length, 0, 'no login cookie is left');
});

test('24 tabs, one after the other: the first still ends its login, and so does each of the others', async (t) => {
  const scene = await arrangeLogin(t);
  const { url } = scene.gateway;
  const tabs = await openTabs(scene, 24);
  t.equal(pendingIn(scene).length, 24);
  const header = scene.client.cookies.headerFor(url) ?? '';
  t.ok(header.length < 4096, `${header.length} bytes of cookies`);
  for (const number of [1, 24, 12, 2, 23]) {
    t.equal(await finish(scene, tabs[number - 1]), `${url}/tab/${number}?n=${number}`);
  }
  t.equal(hitsOf(scene, '/token'), 5, 'each ended by its own code');
});

test('a 33rd tab makes the oldest give way, which then begins once more', async (t) => {
  const scene = await arrangeLogin(t);
  const { gateway, client } = scene;
  const tabs = await openTabs(scene, 33);
  t.equal(pendingIn(scene).length, 32);
  const [oldest, next] = tabs;
  const anew = await finish(scene, oldest);
  t.match(anew, `${scene.provider.issuer}/auth?`);
  const callback = await signInAtProvider(client, { authorizationRequest: new URL(anew) });
  t.equal((await client.navigate(callback.href)).headers.location, `${gateway.url}/tab/1?n=1`);
  t.equal(await finish(scene, next), `${gateway.url}/tab/2?n=2`, 'it is not in the way of the others');
});

test('a login that is begun again and again does not fill the browser with cookies', async (t) => {
  const scene = await arrangeLogin(t);
  const { client, gateway } = scene;
  const noise = () => randomBytes(1500).toString('base64url');
  for (let round = 0; round < 60; round++) {
    // Some addresses are too long for the state.
    await beginLogin(client, gateway.url, round % 7 === 0 ? `/${round}?${noise()}` : `/${round}`);
    t.ok(pendingIn(scene).length <= 32);
    const bytes = client.cookies.headerFor(gateway.url)?.length ?? 0;
    t.ok(bytes <= 6 * 1024, `${bytes} bytes`);
  }
  // A page that comes back with all its tabs begins many logins before any answer has come.
  await Promise.all(Array.from({ length: 40 }, (_, at) => beginLogin(client, gateway.url, `/at-once/${at}`)));
  const last = await beginLogin(client, gateway.url, '/last');
  t.ok(pendingIn(scene).length <= 32, `${pendingIn(scene).length} cookies`);
  t.equal(await finish(scene, last), `${gateway.url}/last`);
});

test('twelve frames that begin at the same moment end each at its address', async (t) => {
  const scene = await arrangeLogin(t);
  const { client, gateway } = scene;
  const paths = Array.from({ length: 12 }, (_, at) => `/frame/${at}`);
  const frames = await Promise.all(paths.map((path) => beginLogin(client, gateway.url, path)));
  const ends = await Promise.all(frames.map((frame) => finish(scene, frame)));
  t.same(
    ends,
    paths.map((path) => gateway.url + path),
  );
});

test('a tab that finishes late, when another has signed in, is signed in too', async (t) => {
  const scene = await arrangeLogin(t);
  const { client, gateway, provider } = scene;
  const [early, late] = await openTabs(scene, 2);
  t.match(await finish(scene, early), '/tab/1');
  provider.tamper(undefined);
  t.match(await finish(scene, late), '/tab/2');
  const info = (await client.get(`${gateway.url}/oauth2/userinfo`)).json() as { sub: string };
  t.equal(info.sub, 'ada');
});
