import { type Test, test } from 'tap';
import {
  anotherBrowser,
  arrangeLogin,
  type LoginScene,
  reachCallback,
  signInAtProvider,
} from '../login/steps.ts';
import type { Client, HttpAnswer } from '../support/client.ts';
import { logIn } from '../support/log-in.ts';
import { readAnswers, sendRaw } from '../support/raw.ts';

/** Addresses that lead away in some browser or some parser, or that somebody hopes do. */
const evil = [
  'https://evil.example/',
  'HTTPS://evil.example/',
  'http://evil.example',
  '//evil.example/',
  '///evil.example/',
  '////evil.example',
  '/\\evil.example/',
  '\\\\evil.example/',
  '\\/evil.example/',
  '/\\/evil.example',
  '/\t/evil.example/',
  '/\n/evil.example/',
  '/\r\n/evil.example/',
  '\t//evil.example/',
  ' //evil.example/',
  ' https://evil.example/',
  '\u00a0//evil.example',
  '\u0000//evil.example/',
  '/\u0000/evil.example/',
  '/\u2028/evil.example/',
  'https:evil.example',
  'https:/evil.example',
  'https:///evil.example',
  'https:\\\\evil.example',
  'javascript:alert(1)',
  'JaVaScRiPt:alert(1)',
  'java\nscript:alert(1)',
  'data:text/html,<script>alert(1)</script>',
  'vbscript:msgbox(1)',
  'ftp://evil.example/',
  'file:///etc/passwd',
  'evil.example',
  'evil.example/',
  '@evil.example/',
  'ORIGIN@evil.example/',
  'ORIGIN.evil.example/',
  'ORIGIN:1@evil.example/',
  'http://user@HOST/',
  'http://user:pass@HOST/',
  'https://HOST/',
  'http://HOST%2eevil.example/',
  'http://HOST\\@evil.example/',
  'http://evil.example#@HOST/',
  'http://evil.example?HOST',
  'http://evil.example\\HOST/',
  'http://127.0.0.1/',
  'http://127.0.0.1:1/',
  'http://localhost:PORT/',
  'http://2130706433:PORT/evil',
  'http://0x7f.1:PORT/evil',
  'http://１２７.0.0.1:PORT/',
  'http://evil。example/',
  '%2f%2fevil.example/',
  '%5c%5cevil.example/',
  'https%3a%2f%2fevil.example/',
  '/%09/evil.example',
  '.evil.example',
  '..//evil.example',
  '?rd=//evil.example',
  '#//evil.example',
];

/** A name for a test's line: odd characters would break the report. */
const shown = (address: string) => encodeURI(address.toWellFormed());

/** An address as an attack on this gateway. */
function aimedAt(address: string, { url, host, port }: { url: string; host: string; port: string }): string {
  return address.replaceAll('ORIGIN', url).replaceAll('HOST', host).replaceAll('PORT', port);
}

/** Where a browser goes with a Location: as the URL standard resolves it. */
function destination(location: string, base: string): string {
  return new URL(location, base).origin;
}

/** Asserts that an answer leads nowhere but to the gateway or the provider. */
function assertStaysHere(
  t: Test,
  { gateway, provider }: LoginScene,
  { headers, text, url, status }: Pick<HttpAnswer, 'headers' | 'text' | 'url' | 'status'>,
  name: string,
): void {
  const known = [new URL(gateway.url).origin, new URL(provider.issuer).origin];
  t.ok(status < 500, `${name}: ${status}`);
  if (headers.location !== undefined) {
    t.ok(
      known.includes(destination(headers.location, url)),
      `${name}: goes to ${destination(headers.location, url)}`,
    );
    t.match(headers.location, /^(https?:\/\/[\w.]+:|\/(?![/\\]))/, `${name}: not by a detour`);
  }
  for (const [, href = ''] of text.matchAll(/(?:href|action)="([^"]*)"/g)) {
    const plain = href.replaceAll('&amp;', '&').replaceAll('&quot;', '"').replaceAll('&#39;', "'");
    t.ok(known.includes(destination(plain, url)), `${name}: a link to ${plain}`);
  }
  t.equal(headers.refresh, undefined, name);
}

/** Follows an answer through provider and callback, and asserts that every step stays here. */
async function assertLoginStaysHere(
  t: Test,
  scene: LoginScene,
  client: Client,
  answer: HttpAnswer,
  name: string,
) {
  assertStaysHere(t, scene, answer, name);
  const { location = '' } = answer.headers;
  if (!location.startsWith(scene.provider.issuer)) return;
  const callback = await signInAtProvider(client, { authorizationRequest: new URL(location) });
  const ended = await client.navigate(callback.href);
  t.equal(ended.status, 302, `${name}: the login ends`);
  assertStaysHere(t, scene, ended, name);
  const end = new URL(ended.headers.location ?? '', ended.url);
  t.equal(end.origin, scene.gateway.url, `${name}: at the gateway`);
}

test('6 no rd of a login leads away, end to end', async (t) => {
  const scene = await arrangeLogin(t);
  const here = { url: scene.gateway.url, ...hostOf(scene) };
  // A browser that is known at the provider, so that each login takes no form.
  const client = anotherBrowser(t);
  await logIn(client, scene.gateway.url, 'ada');
  for (const address of evil) {
    forgetGateway(client, scene);
    const rd = encodeURIComponent(aimedAt(address, here));
    const answer = await client.navigate(`${scene.gateway.url}/oauth2/start?rd=${rd}`);
    t.equal(answer.status, 302, shown(address));
    await assertLoginStaysHere(t, scene, client, answer, shown(address));
  }
});

/** Leaves a browser with the cookies of the provider only. */
function forgetGateway(client: Client, { gateway }: LoginScene): void {
  const own = client.cookies.all().filter(({ name }) => name.startsWith('sallyport'));
  client.cookies.take(
    gateway.url,
    own.map(({ name }) => `${name}=; Path=/; Max-Age=0`),
  );
}

function hostOf({ gateway }: LoginScene): { host: string; port: string } {
  const { host, port } = new URL(gateway.url);
  return { host, port };
}

test('6 the sign-in page passes on no rd that leads away', async (t) => {
  const scene = await arrangeLogin(t);
  const here = { url: scene.gateway.url, ...hostOf(scene) };
  const client = anotherBrowser(t);
  await logIn(client, scene.gateway.url, 'ada');
  for (const address of evil) {
    forgetGateway(client, scene);
    const rd = encodeURIComponent(aimedAt(address, here));
    const first = await client.navigate(`${scene.gateway.url}/oauth2/sign_in?rd=${rd}`);
    assertStaysHere(t, scene, first, shown(address));
    const next = await client.navigate(new URL(first.headers.location ?? '', first.url).href);
    await assertLoginStaysHere(t, scene, client, next, shown(address));
  }
});

test('6 no rd of a sign-out leads away, signed in or not, by GET or POST', async (t) => {
  const scene = await arrangeLogin(t);
  const { gateway } = scene;
  const here = { url: gateway.url, ...hostOf(scene) };
  const stranger = anotherBrowser(t);
  const person = anotherBrowser(t);
  await logIn(person, gateway.url, 'ada');
  const session = person.cookies.headerFor(gateway.url) ?? '';
  for (const address of evil) {
    const rd = new URLSearchParams({ rd: aimedAt(address, here) }).toString();
    const name = shown(address);
    assertStaysHere(t, scene, await stranger.navigate(`${gateway.url}/oauth2/sign_out?${rd}`), name);
    const posted = await stranger.request(`${gateway.url}/oauth2/sign_out`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'same-origin' },
      body: rd,
    });
    assertStaysHere(t, scene, posted, name);
    const foreign = await stranger.navigate(`${gateway.url}/oauth2/sign_out?${rd}`, {
      headers: { 'sec-fetch-site': 'cross-site' },
    });
    assertStaysHere(t, scene, foreign, `${name}, confirmation`);
  }
  // With a session the address goes to the provider, which sends people on to it.
  for (const address of evil.slice(0, 12)) {
    const rd = encodeURIComponent(aimedAt(address, here));
    const client = anotherBrowser(t);
    await logIn(client, gateway.url, 'ada');
    const answer = await client.navigate(`${gateway.url}/oauth2/sign_out?rd=${rd}`);
    assertStaysHere(t, scene, answer, shown(address));
    const { searchParams } = new URL(answer.headers.location ?? '');
    const onward = searchParams.get('post_logout_redirect_uri') ?? '';
    t.equal(new URL(onward).origin, gateway.url, `${shown(address)}: ${onward}`);
  }
  t.ok(session);
});

test('6 a deep link that looks like another host comes back as a path of this one, or not at all', async (t) => {
  const scene = await arrangeLogin(t);
  const { gateway } = scene;
  const { host } = hostOf(scene);
  const paths = [
    '//evil.example/',
    '///evil.example',
    '/\\evil.example/',
    '/\\/evil.example',
    '/%5cevil.example',
    '/%2f/evil.example',
    '/%09//evil.example',
    '/.//evil.example',
    '/..//evil.example',
    '/@evil.example',
    '/;@evil.example',
    `http://${host}//evil.example/`,
    `http://${host}\\@evil.example/`,
    `http://${host}@evil.example/`,
    'http://evil.example/',
  ];
  for (const path of paths) {
    const client = anotherBrowser(t);
    const bytes = `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nAccept: text/html\r\nConnection: close\r\n\r\n`;
    const [first] = readAnswers(await sendRaw(gateway.url, bytes));
    const header = (name: string) => first?.headers.find(([key]) => key === name)?.[1];
    const location = header('location');
    const answer = {
      url: `${gateway.url}/`,
      status: first?.status ?? 0,
      headers: location === undefined ? {} : { location },
      text: first?.body ?? '',
    };
    assertStaysHere(t, scene, answer, path);
    if (first?.status !== 302) {
      t.equal(first?.status, 400, `${path}: refused`);
      continue;
    }
    const setCookies = first.headers.filter(([name]) => name === 'set-cookie').map(([, value]) => value);
    client.cookies.take(gateway.url, setCookies);
    const callback = await signInAtProvider(client, { authorizationRequest: new URL(location ?? '') });
    const ended = await client.navigate(callback.href);
    assertStaysHere(t, scene, ended, path);
    t.equal(destination(ended.headers.location ?? '', ended.url), gateway.url, path);
  }
});

test('6 the button of an error page does not lead away', async (t) => {
  const scene = await arrangeLogin(t);
  const here = { url: scene.gateway.url, ...hostOf(scene) };
  for (const address of evil.slice(0, 30)) {
    const client = anotherBrowser(t);
    const rd = encodeURIComponent(aimedAt(address, here));
    const { callback } = await reachCallback(client, scene.gateway.url, { path: `/oauth2/start?rd=${rd}` });
    callback.searchParams.delete('code');
    callback.searchParams.set('error', 'access_denied');
    const answer = await client.navigate(callback.href);
    t.equal(answer.status, 400);
    assertStaysHere(t, scene, answer, shown(address));
    t.notMatch(answer.text, /rd=[^"]*evil\.example/, shown(address));
  }
});

test('6 an address of ours is kept', async (t) => {
  const scene = await arrangeLogin(t);
  const { gateway } = scene;
  for (const rd of [
    '/page?a=1&b=2',
    `${gateway.url}/page?a=%2F%2Fevil.example#part`,
    '/a//b',
    '/?next=https://evil.example/',
  ]) {
    const client = anotherBrowser(t);
    const { callback } = await reachCallback(client, gateway.url, {
      path: `/oauth2/start?rd=${encodeURIComponent(rd)}`,
    });
    const ended = await client.navigate(callback.href);
    t.equal(ended.headers.location, rd.startsWith('/') ? gateway.url + rd : rd);
  }
});

test('6 an address of ours outside ASCII is written so that every browser reads it alike', async (t) => {
  const scene = await arrangeLogin(t);
  const { gateway } = scene;
  const ends = {
    '/größe?q=☃': '/gr%C3%B6%C3%9Fe?q=%E2%98%83',
    '/管理者#teil': '/%E7%AE%A1%E7%90%86%E8%80%85#teil',
    '/\ud800': '/%EF%BF%BD',
    '/a%20b?c=%C3%B6&d=a+b': '/a%20b?c=%C3%B6&d=a+b',
  };
  for (const [rd, end] of Object.entries(ends)) {
    const client = anotherBrowser(t);
    const { callback } = await reachCallback(client, gateway.url, {
      path: `/oauth2/start?rd=${encodeURIComponent(rd.toWellFormed())}`,
    });
    const ended = await client.navigate(callback.href);
    t.equal(ended.headers.location, gateway.url + end, end);
    const out = await anotherBrowser(t).navigate(
      `${gateway.url}/oauth2/sign_out?rd=${encodeURIComponent(rd.toWellFormed())}`,
    );
    t.equal(out.headers.location, gateway.url + end, `${end}, signing out`);
  }
});

test('a login never ends at a path that can be read in two ways, and keeps one that is only odd', async (t) => {
  const { gateway, client } = await arrangeLogin(t, {
    routes: (url) => [{ path: '/admin', upstream: url, allow: [{ groups: ['admins'] }] }],
  });
  const endOf = async (rd: string) => {
    const answer = await client.navigate(`${gateway.url}/oauth2/sign_out?rd=${encodeURIComponent(rd)}`);
    return new URL(answer.headers.location ?? '', answer.url).href.slice(gateway.url.length);
  };
  for (const rd of [
    '/x/..%2fadmin',
    '/admin%00',
    '/Admin',
    '/x/%2e%2e/admin',
    '/admin;x',
    '/x/../oauth2/start',
  ]) {
    t.equal(await endOf(rd), '/', rd);
  }
  for (const rd of ['/a%2Fb?x=/../y', '/caf%C3%A9', '/nothing/here', '/oauth2/userinfo']) {
    t.equal(await endOf(rd), rd);
  }
  t.equal(await endOf(`${gateway.url}/admin%2fx`), '/', 'as a whole address too');
});
