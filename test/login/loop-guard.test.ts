import { test } from 'tap';
import {
  anotherBrowser,
  arrangeLogin,
  beginLogin,
  isSignedIn,
  type LoginScene,
  reachCallback,
} from './steps.ts';

/** One login that ends well, in a browser that does not keep the session. */
async function goRound({ client, gateway }: LoginScene): Promise<void> {
  const { callback } = await reachCallback(client, gateway.url, { path: '/deep?x=1' });
  const ended = await client.navigate(callback.href);
  if (ended.status !== 302) throw new Error(`the login ended with ${ended.status}`);
  client.cookies.take(gateway.url, ['sallyport=; Path=/; Max-Age=0']);
}

test('a browser that keeps losing its session is told after three rounds, not sent round for ever', async (t) => {
  const scene = await arrangeLogin(t);
  const { client, gateway, provider } = scene;
  for (let round = 0; round < 3; round++) await goRound(scene);
  const before = new Map(provider.hits);
  const answer = await client.navigate(`${gateway.url}/deep?x=1`);
  t.equal(answer.status, 400);
  t.equal(answer.headers['x-sallyport-error'], 'login_loop');
  t.equal(answer.headers.location, undefined);
  t.match(answer.text, /cookies/, 'the page says what may help');
  t.same(provider.hits, before, 'the provider is left alone');
  const [, href = ''] = /<a class="button" href="([^"]+)"/.exec(answer.text) ?? [];
  t.equal(href, `/oauth2/start?rd=${encodeURIComponent(`${gateway.url}/deep?x=1`)}`);

  const { callback } = await reachCallback(client, gateway.url, { path: href });
  const ended = await client.navigate(callback.href);
  t.equal(ended.headers.location, `${gateway.url}/deep?x=1`, 'and "start again" is a real attempt');
  t.ok(await isSignedIn(client, gateway.url));
});

test('"start again" counts anew: after three more rounds the page is back', async (t) => {
  const scene = await arrangeLogin(t);
  const { client, gateway } = scene;
  for (let time = 0; time < 2; time++) {
    for (let round = 0; round < 3; round++) await goRound(scene);
    const answer = await client.navigate(`${gateway.url}/`);
    t.equal(answer.headers['x-sallyport-error'], 'login_loop');
  }
});

test('somebody who signs in and out often is in no loop', async (t) => {
  const scene = await arrangeLogin(t);
  const { client, gateway } = scene;
  for (let round = 0; round < 6; round++) {
    const { callback } = await reachCallback(client, gateway.url);
    t.equal((await client.navigate(callback.href)).status, 302, `login ${round}`);
    await client.navigate(`${gateway.url}/oauth2/sign_out?rd=/`);
    t.notOk(await isSignedIn(client, gateway.url));
  }
});

test('one browser in a loop keeps no other from signing in', async (t) => {
  const scene = await arrangeLogin(t);
  for (let round = 0; round < 3; round++) await goRound(scene);
  t.ok(await beginLogin(anotherBrowser(t), scene.gateway.url));
});

test('a count that was made up is no loop', async (t) => {
  const { client, gateway } = await arrangeLogin(t);
  client.cookies.take(gateway.url, ['sallyport-rounds=AQIDBAUGBwg; Path=/']);
  t.ok(await beginLogin(client, gateway.url));
});
