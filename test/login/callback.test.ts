import { test } from 'tap';
import { anotherBrowser, arrangeLogin, hitsOf, reachCallback } from './steps.ts';

test('a callback with a state that is none of ours explains itself and offers a way on', async (t) => {
  const { gateway } = await arrangeLogin(t);
  for (const path of [
    '/oauth2/callback',
    '/oauth2/callback?code=a&state=b',
    '/oauth2/callback?error=x&state=b',
  ]) {
    const client = anotherBrowser(t);
    const answer = await client.navigate(gateway.url + path);
    t.equal(answer.status, 400, path);
    t.equal(answer.headers['x-sallyport-error'], 'login_cookie_missing');
    t.match(answer.text, /not started in this browser, has expired or was used before/, 'what happened');
    t.match(answer.text, /does not say where you wanted to go/, 'and why no way leads on');
    t.match(answer.text, /Request [0-9a-f-]{36}/, 'and what to quote');
    const [, href = ''] = /<a class="button" href="([^"]+)"/.exec(answer.text) ?? [];
    const again = await client.navigate(new URL(href.replaceAll('&amp;', '&'), answer.url).href);
    t.equal(again.status, 302, 'the button begins a login');
  }
});

test('a program gets the same as problem JSON', async (t) => {
  const { gateway, client } = await arrangeLogin(t);
  const answer = await client.get(`${gateway.url}/oauth2/callback?code=a&state=b`, {
    accept: 'application/json',
  });
  t.equal(answer.status, 400);
  t.match(answer.headers['content-type'], /^application\/problem\+json/);
  t.match(answer.json(), { status: 400, code: 'login_cookie_missing', requestId: /^[0-9a-f-]{36}$/ });
});

test('going Back to the callback leads to the page again', async (t) => {
  const scene = await arrangeLogin(t);
  const { gateway, client } = scene;
  const { callback } = await reachCallback(client, gateway.url, { path: '/page?x=1' });
  t.equal((await client.navigate(callback.href)).status, 302);
  const session = client.cookies.get('sallyport')?.value;
  const back = await client.navigate(callback.href);
  t.equal(back.status, 302);
  t.equal(back.headers.location, `${gateway.url}/page?x=1`);
  t.equal(client.cookies.get('sallyport')?.value, session, 'the session is the same');
  t.equal(hitsOf(scene, '/token'), 1, 'the code was sent once');
  t.equal((await client.navigate(`${gateway.url}/page?x=1`)).status, 200);
});

test('signing in anew makes a new session, so that nobody can plant one beforehand', async (t) => {
  const { gateway, client } = await arrangeLogin(t);
  const sessionOf = () => client.cookies.get('sallyport')?.value;
  const first = await reachCallback(client, gateway.url);
  await client.navigate(first.callback.href);
  const before = sessionOf();
  const second = await reachCallback(client, gateway.url, { path: '/oauth2/start?rd=/' });
  await client.navigate(second.callback.href);
  t.ok(before);
  t.not(sessionOf(), before);
});
