import { randomBytes } from 'node:crypto';
import { type Test, test } from 'tap';
import { arrangeUpstream } from '../support/arrange.ts';
import type { HttpAnswer } from '../support/client.ts';
import { startTestGateway } from '../support/gateway.ts';
import { type Person, type ProviderOptions, startProvider } from '../support/provider.ts';
import { type Echo, valuesOf } from '../support/upstream.ts';
import { type SecureBrowser, secureBrowser } from './secure-browser.ts';

const origin = 'https://app.example.com';

/** Groups whose names hold so many random characters in all. */
const manyGroups = (characters: number) =>
  Array.from({ length: Math.ceil(characters / 50) }, () => randomBytes(25).toString('hex'));

const people: Record<string, Person> = {
  ada: { email: 'ada@example.com', groups: ['staff'] },
  large: { email: 'large@example.com', groups: manyGroups(4000) },
  larger: { email: 'larger@example.com', groups: manyGroups(4000) },
  huge: { email: 'huge@example.com', groups: manyGroups(40_000) },
};

async function arrange(t: Test, config: Record<string, unknown> = {}, options: ProviderOptions = {}) {
  const provider = await startProvider({ people, ...options });
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  const gateway = await startTestGateway({ provider, upstream, config: { publicUrl: origin, ...config } });
  t.teardown(() => gateway.close());
  const browser = () => {
    const opened = secureBrowser(gateway, origin);
    t.teardown(() => opened.close());
    return opened;
  };
  return { provider, upstream, gateway, browser };
}

/** The cookies of the session, in order: the first has no number. */
const sessionOf = ({ cookies }: SecureBrowser) =>
  cookies.all().filter(({ name }) => /^__Host-sallyport(\.\d)?$/.test(name));

/** Who the application sees with these cookies: a name, or the status of a refusal. */
async function whoIs(browser: SecureBrowser, cookie: string): Promise<string> {
  const answer = await browser.request('/', { headers: { cookie } });
  if (answer.status !== 200) return String(answer.status);
  return valuesOf((answer.json() as Echo).rawHeaders, 'x-forwarded-user').join();
}

const attributesOf = (line: string) =>
  line
    .split(';')
    .slice(1)
    .map((attribute) => attribute.trim().toLowerCase())
    .sort();

test('F1 on https every cookie is __Host-, Secure, HttpOnly, SameSite=Lax and for the whole host', async (t) => {
  const { browser } = await arrange(t);
  const person = browser();
  const lines = (await person.logIn('large')).flatMap(({ setCookies }) => setCookies);
  t.ok(lines.length >= 4, 'login, session in chunks, rounds');
  for (const line of lines) {
    t.match(line, /^__Host-sallyport/, line.slice(0, 30));
    const attributes = attributesOf(line).filter((attribute) => !attribute.startsWith('max-age'));
    t.same(attributes, ['httponly', 'path=/', 'samesite=lax', 'secure'], line.slice(0, 30));
  }
});

test('F1 a session that is shared with a domain is __Secure-, and on http there is no prefix', async (t) => {
  const { browser } = await arrange(t, { session: { cookie: { domain: 'example.com' } } });
  const [, ended] = await browser().logIn('ada');
  const [session = ''] = ended?.setCookies ?? [];
  t.match(session, /^__Secure-sallyport=/);
  t.same(attributesOf(session), ['domain=example.com', 'httponly', 'path=/', 'samesite=lax', 'secure']);
});

test('F1 the session ends with the browser unless session.persistent says otherwise', async (t) => {
  for (const persistent of [false, true]) {
    const { browser } = await arrange(t, { session: { persistent, maxLifetime: '2h' } });
    const [, ended] = await browser().logIn('ada');
    const session = ended?.setCookies.find((line) => line.startsWith('__Host-sallyport=')) ?? '';
    t.equal(/max-age|expires/i.test(session), persistent);
    if (persistent) t.match(session, /Max-Age=7[12]\d\d/);
  }
});

test('F2 every Set-Cookie has at most 4096 bytes, all together session.maxCookieBytes', async (t) => {
  const { browser } = await arrange(t);
  const person = browser();
  const lines = (await person.logIn('large')).flatMap(({ setCookies }) => setCookies);
  for (const line of lines)
    t.ok(Buffer.byteLength(line) <= 4096, `${line.slice(0, 24)}: ${line.length} bytes`);
  const session = lines.filter((line) => /^__Host-sallyport(\.\d)?=/.test(line));
  t.ok(session.length > 1, `${session.length} chunks`);
  t.ok(session.join('').length <= 16 * 1024);
  t.equal(await whoIs(person, person.cookies.headerFor(origin) ?? ''), 'large');
});

test('F2 a session that is too large is refused whole, with the reason in the log', async (t) => {
  const { browser, gateway } = await arrange(t);
  const person = browser();
  const [, ended] = await person.logIn('huge');
  t.equal(ended?.status, 400);
  t.equal(ended?.headers['x-sallyport-error'], 'session_too_large');
  t.same(sessionOf(person), [], 'not a part of it was set');
  const line = await gateway.log.line(({ msg }) => msg.includes('maxCookieBytes'));
  t.equal(line.level, 'warn');
});

test('F3 of two cookies with one name the one that opens counts, in any order', async (t) => {
  const { browser } = await arrange(t);
  const ada = browser();
  await ada.logIn('ada');
  const large = browser();
  await large.logIn('large');
  const other = await arrange(t);
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

test('F4 no cookie is set on a 401 to a call that is no navigation', async (t) => {
  const { browser } = await arrange(t);
  const calls: Record<string, string>[] = [
    {},
    { accept: 'application/json' },
    { accept: '*/*', 'sec-fetch-mode': 'cors' },
    { accept: 'text/html', 'sec-fetch-mode': 'cors' },
    { accept: 'text/html', 'x-requested-with': 'XMLHttpRequest' },
    { accept: 'image/*', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' },
    { accept: 'text/html', 'sec-fetch-mode': 'navigate', 'sec-purpose': 'prefetch' },
  ];
  for (const headers of calls) {
    for (const cookie of [undefined, '__Host-sallyport=1garbage; __Host-sallyport-rounds=x; other=1']) {
      for (const method of ['GET', 'POST', 'HEAD', 'OPTIONS', 'DELETE']) {
        const answer = await browser().request('/', {
          method,
          headers: { ...headers, ...(cookie !== undefined && { cookie }) },
        });
        t.equal(answer.status, 401, `${method} ${JSON.stringify(headers)}`);
        t.same(answer.setCookies, [], 'no cookie');
        t.match(answer.headers['www-authenticate'], /^Bearer/);
      }
    }
  }
});

test('F5 F6 everything that the gateway itself says to a person is not stored, sniffed, framed or scripted', async (t) => {
  const { browser } = await arrange(t);
  const stranger = browser();
  const person = browser();
  const answers: [string, HttpAnswer][] = (await person.logIn('ada')).map((answer, at) => [
    `login ${at}`,
    answer,
  ]);
  for (const path of [
    '/oauth2/start',
    '/oauth2/sign_in',
    '/oauth2/callback',
    '/oauth2/callback?state=x&error=y',
    '/oauth2/userinfo',
    '/oauth2/none',
    '/oauth2/sign_out',
    '/a/%2e%2e/%2e%2e//x',
  ]) {
    answers.push([path, await stranger.navigate(path)]);
  }
  answers.push(['userinfo', await person.navigate('/oauth2/userinfo')]);
  const crossSite = { 'sec-fetch-site': 'cross-site' };
  answers.push(['confirmation', await person.navigate('/oauth2/sign_out', crossSite)]);
  answers.push(['other host', await person.navigate('/', { host: 'evil.example' })]);
  answers.push(['sign-out', await person.navigate('/oauth2/sign_out')]);
  answers.push(['POST', await stranger.request('/', { method: 'POST', headers: { accept: 'text/html' } })]);
  for (const [name, { status, headers, text }] of answers) {
    const label = `${name} (${status})`;
    t.ok(status < 500, label);
    t.equal(headers['cache-control'], 'no-store', label);
    t.equal(headers['referrer-policy'], 'no-referrer', label);
    if (!headers['content-type']?.startsWith('text/html')) continue;
    const policy = String(headers['content-security-policy']);
    t.match(policy, /default-src 'none'/, label);
    t.match(policy, /frame-ancestors 'none'/, label);
    t.match(policy, /base-uri 'none'/, label);
    t.notMatch(policy, /unsafe|script-src|\*/, label);
    t.equal(headers['x-content-type-options'], 'nosniff', label);
    t.notMatch(text, /<script|\son\w+=|javascript:|style="/i, label);
  }
});

test('F5 an answer of the application to a person is private unless it says otherwise', async (t) => {
  const { browser, upstream } = await arrange(t);
  const person = browser();
  await person.logIn('ada');
  t.equal((await person.request('/')).headers['cache-control'], 'private');
  upstream.server.removeAllListeners('request');
  upstream.server.on('request', (_request, response) => {
    response.setHeader('Cache-Control', 'public, max-age=60');
    response.end();
  });
  t.equal((await person.request('/')).headers['cache-control'], 'public, max-age=60');
});

test('F8 an application cannot set the cookies of the gateway on https either', async (t) => {
  const { browser, upstream } = await arrange(t);
  const person = browser();
  await person.logIn('ada');
  upstream.server.removeAllListeners('request');
  upstream.server.on('request', (_request, response) => {
    response.setHeader('Set-Cookie', [
      '__Host-sallyport=planted; Path=/; Secure',
      '__host-sallyport=planted; Path=/; Secure',
      '__Host-sallyport.3=planted; Path=/; Secure',
      '__Host-sallyport-login-0123456789=planted; Path=/; Secure',
      '__Host-sallyport-rounds=planted; Path=/; Secure',
      'app=1; Path=/',
    ]);
    response.end();
  });
  t.same((await person.request('/')).setCookies, ['app=1; Path=/']);
});

test('a session cookie with any bit flipped, cut or lengthened opens nothing', async (t) => {
  const { browser } = await arrange(t);
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
  const scene = await arrange(t);
  const person = scene.browser();
  const stranger = scene.browser();
  const other = await arrange(t);
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
  const { browser } = await arrange(t);
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
  const { browser, gateway } = await arrange(t);
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
  const { browser } = await arrange(t);
  const person = browser();
  await person.logIn('ada');
  const huge = await person.request('/', { headers: { cookie: `a=${'x'.repeat(100_000)}` } });
  t.equal(huge.status, 431);
  const many = Array.from({ length: 2000 }, (_, at) => `c${at}=1`).join('; ');
  t.equal(await whoIs(person, many), '401');
  t.equal(await whoIs(person, person.cookies.headerFor(origin) ?? ''), 'ada');
});
