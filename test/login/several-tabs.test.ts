import { test } from 'tap';
import {
  arrangeLogin,
  type BegunLogin,
  beginLogin,
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

test('a fifth tab makes the oldest give way', async (t) => {
  const scene = await arrangeLogin(t);
  const { url } = scene.gateway;
  const tabs = await openTabs(scene, 5);
  t.equal(pendingIn(scene).length, 4);
  t.equal(await finish(scene, tabs[0]), 'login_cookie_missing');
  for (const number of [5, 2, 4, 3]) {
    t.equal(await finish(scene, tabs[number - 1]), `${url}/tab/${number}?n=${number}`);
  }
});

test('a login that is begun again and again does not fill the browser with cookies', async (t) => {
  const scene = await arrangeLogin(t);
  const { client, gateway } = scene;
  for (let round = 0; round < 30; round++) {
    await beginLogin(client, gateway.url, `/${round}`);
    t.ok(pendingIn(scene).length <= 4);
  }
  // A page that comes back with all its tabs begins many logins before any answer has come.
  await Promise.all(Array.from({ length: 12 }, (_, at) => beginLogin(client, gateway.url, `/at-once/${at}`)));
  const last = await beginLogin(client, gateway.url, '/last');
  t.ok(pendingIn(scene).length <= 4, `${pendingIn(scene).length} cookies`);
  t.equal(await finish(scene, last), `${gateway.url}/last`);
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
