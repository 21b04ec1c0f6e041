import { randomBytes } from 'node:crypto';
import { test } from 'tap';
import type { SecureBrowser } from './secure-browser.ts';
import { arrangeSecure, origin, sessionOf, whoIs } from './secure-scene.ts';

test('F3 of two cookies with one name the one that opens counts, in any order', async (t) => {
  const { browser } = await arrangeSecure(t);
  const ada = browser();
  await ada.logIn('ada');
  const large = browser();
  await large.logIn('large');
  const other = await arrangeSecure(t);
  const foreign = other.browser();
  await foreign.logIn('ada');
  const pairs = (person: SecureBrowser) => sessionOf(person).map(({ name, value }) => `${name}=${value}`);
  const [real = ''] = pairs(ada);
  const [alien = ''] = pairs(foreign);
  const name = '__Host-sallyport';
  for (const planted of [`${name}=`, `${name}=garbage`, `${name}=1AAAA`, alien, `${name}=8AAAA`, name]) {
    t.equal(await whoIs(ada, `${planted}; ${real}`), 'ada', `${planted.slice(0, 26)} in front`);
    t.equal(await whoIs(ada, `${real}; ${planted}`), 'ada', `${planted.slice(0, 26)} behind`);
  }
  t.equal(await whoIs(large, [`${name}.1=planted`, ...pairs(large)].join('; ')), 'large', 'a planted chunk');
  t.equal(await whoIs(large, [...pairs(large), `${name}.1=planted`].join('; ')), 'large');
});

test('a session cookie with any bit flipped, cut or lengthened opens nothing', async (t) => {
  const { browser } = await arrangeSecure(t);
  const person = browser();
  await person.logIn('ada');
  const [cookie] = sessionOf(person);
  const { name = '', value = '' } = cookie ?? {};
  const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  t.equal(await whoIs(person, `${name}=${value}`), 'ada', 'as it is, it opens');
  const altered = new Set<string>();
  const step = Math.max(1, Math.floor(value.length / 60));
  for (let at = 0; at < value.length; at += step) {
    const digit = digits.indexOf(value[at] ?? '');
    for (const bit of [1, 32]) {
      altered.add(value.slice(0, at) + digits[digit ^ bit] + value.slice(at + 1));
    }
    altered.add(value.slice(0, at));
  }
  for (const more of ['A', '=', '==', '.', '%00', '!', value]) altered.add(value + more);
  for (const count of ['0', '2', '8', '9', 'x', '']) altered.add(count + value.slice(1));
  altered
    .add(value.toUpperCase())
    .add(encodeURIComponent(`"${value}"`))
    .delete(value);
  for (const wrong of altered)
    t.equal(await whoIs(person, `${name}=${wrong}`), '401', `${wrong.length} characters`);
});

test('no seal opens anywhere but where it was made for', async (t) => {
  const scene = await arrangeSecure(t);
  const person = scene.browser();
  const stranger = scene.browser();
  const other = await arrangeSecure(t);
  const foreign = other.browser();
  await foreign.logIn('ada');
  await stranger.navigate('/oauth2/start');
  const [begun] = await person.logIn('ada');
  const login = /=([^;]+)/.exec(begun?.setCookies[0] ?? '')?.[1] ?? '';
  const rounds = person.cookies.get('__Host-sallyport-rounds')?.value ?? '';
  const [session] = sessionOf(person);
  const [alien] = sessionOf(foreign);
  t.ok(login && rounds && session && alien);
  const name = '__Host-sallyport';
  for (const [what, value] of Object.entries({
    'a login as a session': `1${login}`,
    'a login as it is': login,
    'a count of rounds as a session': `1${rounds}`,
    'the session of a gateway with another secret': alien?.value,
    'a session without its count': session?.value.slice(1),
  })) {
    t.equal(await whoIs(person, `${name}=${value}`), '401', what);
  }
  t.equal(await whoIs(person, `sallyport=${session?.value}`), '401', 'under the name for http');
  t.equal(await whoIs(person, `__Host-sallyport.0=${session?.value}`), '401', 'under the name of a chunk');
  const asLogin = await person.request('/oauth2/callback?code=x&state=y', {
    headers: { cookie: `__Host-sallyport-login-0123456789=${session?.value.slice(1)}` },
  });
  t.equal(asLogin.status, 400, 'a session as a login');
});

test('chunks of two sessions never make a session', async (t) => {
  const { browser } = await arrangeSecure(t);
  const [one, two, three] = [browser(), browser(), browser()];
  await one.logIn('large');
  await two.logIn('larger');
  await three.logIn('large');
  const values = (person: SecureBrowser) => sessionOf(person).map(({ value }) => value);
  const [a, b, c] = [values(one), values(two), values(three)];
  t.ok(a.length > 1 && b.length > 1);
  const cookieOf = (chunks: (string | undefined)[]) =>
    chunks
      .map((value, at) => (value === undefined ? '' : `__Host-sallyport${at === 0 ? '' : `.${at}`}=${value}`))
      .filter((pair) => pair !== '')
      .join('; ');
  t.equal(await whoIs(one, cookieOf(a)), 'large', 'its own chunks do');
  const mixes: Record<string, (string | undefined)[]> = {
    'the first of one, the rest of another': [a[0], ...b.slice(1)],
    'the other way round': [b[0], ...a.slice(1)],
    'two sessions of one person': [a[0], ...c.slice(1)],
    'the last of another': [...a.slice(0, -1), b.at(-1)],
    'one missing in front': [undefined, ...a.slice(1)],
    'one missing behind': a.slice(0, -1),
    'in another order': [...a].reverse(),
    'the same twice': [a[0], ...a.slice(0, -1)],
  };
  for (const [name, chunks] of Object.entries(mixes))
    t.equal(await whoIs(one, cookieOf(chunks)), '401', name);
});

test('a thousand random cookies are a thousand times no session, and never an error', async (t) => {
  const { browser, gateway } = await arrangeSecure(t);
  const person = browser();
  const random = (length: number) => randomBytes(length);
  const makers: (() => string)[] = [
    () => `__Host-sallyport=1${random(200).toString('base64url')}`,
    () =>
      `__Host-sallyport=${random(60)
        .toString('latin1')
        .replace(/[\r\n\0]/g, '')}`,
    () => `__Host-sallyport=1${Buffer.concat([Buffer.of(1), random(300)]).toString('base64url')}`,
    () => `__Host-sallyport=1${Buffer.concat([Buffer.of(2), random(3)]).toString('base64url')}`,
    () => `__Host-sallyport=8${random(9).toString('hex')}; __Host-sallyport.1=x; __Host-sallyport.7=y`,
    () => Array.from({ length: 60 }, () => `__Host-sallyport=${random(9).toString('base64')}`).join('; '),
    () =>
      Array.from(
        { length: 60 },
        () => `__Host-sallyport.1=x; __Host-sallyport=8${random(3).toString('hex')}`,
      ).join(';'),
    () => `__Host-sallyport-login-${random(6).toString('hex')}=${random(80).toString('base64url')}`,
    () => `__Host-sallyport-rounds=${random(80).toString('base64url')}`,
    () =>
      random(100)
        .toString('latin1')
        .replace(/[\r\n\0]/g, ';'),
  ];
  const statuses = new Map<number, number>();
  for (let round = 0; round < 1000; round++) {
    const cookie = makers[round % makers.length]?.() ?? '';
    const path =
      ['/', '/oauth2/userinfo', '/oauth2/callback?code=a&state=b', '/oauth2/start'][round % 4] ?? '/';
    const answer = await person.request(path, { headers: { cookie } }).catch(() => undefined);
    const status = answer?.status ?? 400;
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }
  t.same(
    [...statuses.keys()].filter((status) => ![302, 400, 401].includes(status)),
    [],
    'nothing but refusals',
  );
  t.ok((statuses.get(401) ?? 0) >= 400, 'most of them 401');
  t.notOk(
    gateway.log.lines.some(({ level }) => level === 'error'),
    'no error in the log',
  );
});

test('cookies beyond every size are refused, and the next request is served', async (t) => {
  const { browser } = await arrangeSecure(t);
  const person = browser();
  await person.logIn('ada');
  const huge = await person.request('/', { headers: { cookie: `a=${'x'.repeat(100_000)}` } });
  t.equal(huge.status, 431);
  const many = Array.from({ length: 2000 }, (_, at) => `c${at}=1`).join('; ');
  t.equal(await whoIs(person, many), '401');
  t.equal(await whoIs(person, person.cookies.headerFor(origin) ?? ''), 'ada');
});
