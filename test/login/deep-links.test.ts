import { randomBytes } from 'node:crypto';
import { test } from 'tap';
import type { Echo } from '../support/upstream.ts';
import { anotherBrowser, arrangeLogin, beginLogin, signInAtProvider } from './steps.ts';

test('a deep link survives the login byte for byte', async (t) => {
  const { gateway } = await arrangeLogin(t);
  for (const path of [
    '/',
    '/a/b/c',
    '/with%20space/%C3%A4%E2%98%83?q=%20+%2B&q=2',
    '/?empty=&flag&=x&&',
    "/odd!$&'()*+,;=:@~/-._?a[]=1&b={x}|y^z`",
    '/page?next=https%3A%2F%2Fother.example%2F&url=//other.example',
    '/lower%2fcase%2Fescape?a=%e4',
    '/search?q=a%00b%0d%0a',
    '/trailing/?',
    '/%25/100%',
    '/.well-known/x',
  ]) {
    const client = anotherBrowser(t);
    const begun = await beginLogin(client, gateway.url, path);
    const callback = await signInAtProvider(client, begun);
    const ended = await client.navigate(callback.href);
    t.equal(ended.headers.location, gateway.url + path);
    const echo = (await client.navigate(gateway.url + path)).json() as Echo;
    t.equal(echo.url, path, 'and reaches the application so');
  }
});

test('a deep link by rd keeps its fragment', async (t) => {
  const { gateway, client } = await arrangeLogin(t);
  const rd = '/page?a=1#section-2';
  const begun = await beginLogin(client, gateway.url, `/oauth2/start?rd=${encodeURIComponent(rd)}`);
  const callback = await signInAtProvider(client, begun);
  const ended = await client.navigate(callback.href);
  t.equal(ended.headers.location, gateway.url + rd);
});

/** Letters that no compression makes shorter. */
const noise = (length: number) => randomBytes(length).toString('base64url').slice(0, length);

test('a very long deep link never makes a cookie that browsers drop', async (t) => {
  const { gateway } = await arrangeLogin(t);
  const path = `/path/${noise(100)}`;
  for (const link of [
    `${path}?${noise(1000)}`,
    `${path}?${noise(2000)}`,
    `${path}?${noise(2550)}`,
    `${path}?${noise(4000)}`,
    `${path}?${noise(20_000)}`,
    `/${noise(2500)}?q=${noise(1000)}`,
    `/${noise(9000)}`,
  ]) {
    const client = anotherBrowser(t);
    const begun = await beginLogin(client, gateway.url, link);
    for (const line of begun.answer.setCookies) {
      t.ok(Buffer.byteLength(line) <= 4096, `${link.length} characters: a cookie of ${line.length} bytes`);
    }
    const callback = await signInAtProvider(client, begun);
    const ended = await client.navigate(callback.href);
    const end = (ended.headers.location ?? '').slice(gateway.url.length);
    const [linkPath] = link.split('?');
    t.ok([link, linkPath, '/'].includes(end), 'whole, or without its query, or the start page');
    if (link.length < 2000) t.equal(end, link, 'whole while it is not longer than that');
    if (linkPath === path && link.length > 2700) t.equal(end, path, 'the path at least');
  }
});

test('a form that was posted without a session is not sent through a login that would lose it', async (t) => {
  const { gateway, client } = await arrangeLogin(t);
  const answer = await client.request(`${gateway.url}/form`, {
    method: 'POST',
    headers: { accept: 'text/html', 'content-type': 'application/x-www-form-urlencoded' },
    body: 'a=b',
  });
  t.equal(answer.status, 401);
  t.match(answer.text, 'href="', 'a page with a way to sign in');
  t.same(answer.setCookies, []);
});
