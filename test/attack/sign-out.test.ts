import { type Test, test } from 'tap';
import { arrangeLogin, isSignedIn } from '../login/steps.ts';
import { signIn } from '../logout/scene.ts';
import type { Client } from '../support/client.ts';
import { logIn } from '../support/log-in.ts';

/** Somebody is signed in, and somebody else would like to end that. */
async function arrange(t: Test, config: Record<string, unknown> = {}) {
  const scene = await arrangeLogin(t, { config });
  await logIn(scene.client, scene.gateway.url, 'ada');
  return { ...scene, signOut: `${scene.gateway.url}/oauth2/sign_out` };
}

const accept = 'text/html,application/xhtml+xml,*/*;q=0.8';
const person = {
  accept,
  'sec-fetch-site': 'none',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
};

const page = 'a page with a button';
const problem = 'a problem';

/** A GET that must end nothing, and what it is answered with. */
const harmless: [name: string, headers: Record<string, string>, answer: typeof page | typeof problem][] = [
  ['a link of another site', { ...person, 'sec-fetch-site': 'cross-site' }, page],
  ['a link of another host of the domain', { ...person, 'sec-fetch-site': 'same-site' }, page],
  ['a prefetch', { ...person, 'sec-purpose': 'prefetch' }, page],
  ['a prerender', { ...person, 'sec-purpose': 'prefetch;prerender' }, page],
  ['a preview of a private kind', { ...person, 'sec-purpose': 'something-new' }, page],
  ['a prefetch of an older browser', { ...person, purpose: 'prefetch' }, page],
  ['a preview of Safari', { ...person, 'x-purpose': 'preview' }, page],
  ['a prefetch of an old Firefox', { ...person, 'x-moz': 'prefetch' }, page],
  ['a frame', { ...person, 'sec-fetch-site': 'same-origin', 'sec-fetch-dest': 'iframe' }, page],
  ['an object', { ...person, 'sec-fetch-site': 'same-origin', 'sec-fetch-dest': 'object' }, page],
  ['a browser without Fetch Metadata', { accept }, page],
  ['half of Fetch Metadata', { accept, 'sec-fetch-site': 'same-origin' }, page],
  ['two values', { ...person, 'sec-fetch-site': 'same-origin, cross-site' }, page],
  [
    'an image',
    {
      accept: 'image/*',
      'sec-fetch-site': 'same-site',
      'sec-fetch-mode': 'no-cors',
      'sec-fetch-dest': 'image',
    },
    problem,
  ],
  [
    'a script',
    {
      accept: '*/*',
      'sec-fetch-site': 'same-origin',
      'sec-fetch-mode': 'no-cors',
      'sec-fetch-dest': 'script',
    },
    problem,
  ],
  [
    'a fetch',
    { accept: '*/*', 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' },
    problem,
  ],
  [
    'a fetch that says it wants a page',
    { accept, 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'same-origin', 'sec-fetch-dest': 'empty' },
    problem,
  ],
  ['a program', { accept: '*/*' }, problem],
];

const hasButton = (text: string) => /<form method="post" action="\/oauth2\/sign_out[^"]*"><button/.test(text);

test('D6 no GET but that of a person who went there ends a session', async (t) => {
  const { client, gateway, signOut } = await arrange(t);
  for (const [name, headers, expected] of harmless) {
    const answer = await client.request(`${signOut}?rd=/bye&everywhere=1`, { headers });
    t.equal(answer.status, expected === page ? 200 : 405, name);
    t.same(answer.setCookies, [], name);
    t.equal(hasButton(answer.text), expected === page, name);
    if (expected === problem) t.equal(answer.headers.allow, 'POST', name);
  }
  t.ok(await isSignedIn(client, gateway.url));
  await client.request(signOut, { method: 'HEAD', headers: person });
  t.ok(await isSignedIn(client, gateway.url), 'nor does a HEAD of a person');
});

test('D6 a person who follows a link of the site or types the address is signed out', async (t) => {
  for (const site of ['none', 'same-origin']) {
    const { client, gateway, signOut } = await arrange(t);
    t.equal((await client.request(signOut, { headers: { ...person, 'sec-fetch-site': site } })).status, 302);
    t.notOk(await isSignedIn(client, gateway.url), site);
  }
});

async function post(client: Client, url: string, headers: Record<string, string>) {
  return client.request(url, { method: 'POST', headers: { accept, ...headers } });
}

test('D6 a POST ends a session where its origin is one of ours', async (t) => {
  const other = 'https://wiki.example.com';
  const { client, gateway, signOut } = await arrange(t);
  for (const headers of [
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: 'null', 'sec-fetch-site': 'cross-site' },
    { origin: gateway.url, 'sec-fetch-site': 'cross-site' },
    { origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' },
    { origin: other, 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'cross-site' },
    { referer: 'https://evil.example/' },
    { referer: 'no address' },
    { origin: `${gateway.url}.evil.example` },
  ]) {
    const refused = await post(client, signOut, headers as Record<string, string>);
    t.equal(refused.status, 403, JSON.stringify(headers));
    t.equal(refused.headers['x-sallyport-error'], 'cross_site');
  }
  t.ok(await isSignedIn(client, gateway.url));
  for (const headers of [
    { origin: gateway.url },
    { origin: gateway.url, 'sec-fetch-site': 'same-origin' },
    { origin: 'null', 'sec-fetch-site': 'same-origin' },
    { referer: `${gateway.url}/page` },
    // A program: browsers name the origin of every POST.
    {},
  ]) {
    const visitor = await signIn(t, gateway.url, 'grace');
    const done = await post(visitor.client, signOut, headers as Record<string, string>);
    t.equal(done.status, 302, JSON.stringify(headers));
    t.notOk(await isSignedIn(visitor.client, gateway.url));
  }
});

test('D6 the button of the page does what the link could not, with its parameters', async (t) => {
  const { client, gateway, signOut } = await arrange(t);
  const asked = await client.navigate(`${signOut}?rd=/bye&everywhere=1&x=<b>`, {
    headers: { 'sec-fetch-site': 'same-site' },
  });
  t.match(asked.text, 'Another site asks to sign you out here.');
  const action = /<form method="post" action="([^"]+)"/.exec(asked.text)?.[1]?.replaceAll('&amp;', '&');
  t.equal(action, '/oauth2/sign_out?rd=%2Fbye&everywhere=1');
  const done = await post(client, gateway.url + action, { origin: gateway.url });
  const { searchParams } = new URL(done.headers.location ?? '');
  t.equal(searchParams.get('post_logout_redirect_uri'), `${gateway.url}/bye`);
  t.notOk(await isSignedIn(client, gateway.url));
});
