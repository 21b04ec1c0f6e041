import { test } from 'tap';
import type { HttpAnswer } from '../support/client.ts';
import { arrangeSecure, origin, sessionOf, whoIs } from './secure-scene.ts';

const attributesOf = (line: string) =>
  line
    .split(';')
    .slice(1)
    .map((attribute) => attribute.trim().toLowerCase())
    .sort();

test('F1 on https every cookie is __Host-, Secure, HttpOnly, SameSite=Lax and for the whole host', async (t) => {
  const { browser } = await arrangeSecure(t);
  const person = browser();
  const lines = (await person.logIn('large')).flatMap(({ setCookies }) => setCookies);
  t.ok(lines.length >= 4, 'login, session in chunks, rounds');
  for (const line of lines) {
    t.match(line, /^__Host-sallyport/, line.slice(0, 30));
    const attributes = attributesOf(line).filter((attribute) => !attribute.startsWith('max-age'));
    t.same(attributes, ['httponly', 'path=/', 'samesite=lax', 'secure'], line.slice(0, 30));
  }
});

test('F1 for frames every cookie is SameSite=None, those that are taken away too, and partitioned where asked', async (t) => {
  for (const partitioned of [false, true]) {
    await t.test(`partitioned: ${partitioned}`, async (t) => {
      const { browser } = await arrangeSecure(t, { session: { cookie: { sameSite: 'none', partitioned } } });
      const person = browser();
      const answers = await person.logIn('large');
      answers.push(await person.navigate('/oauth2/sign_out'));
      const lines = answers.flatMap(({ setCookies }) => setCookies);
      t.ok(
        lines.filter((line) => line.includes('Max-Age=0')).length >= 3,
        'login and session are taken away',
      );
      for (const line of lines) {
        const attributes = attributesOf(line).filter((attribute) => !attribute.startsWith('max-age'));
        const expected = [
          'httponly',
          ...(partitioned ? ['partitioned'] : []),
          'path=/',
          'samesite=none',
          'secure',
        ];
        t.same(attributes, expected, line.slice(0, 30));
        t.ok(Buffer.byteLength(line) <= 4096);
      }
    });
  }
});

test('F1 a session that is shared with a domain is __Secure-, and on http there is no prefix', async (t) => {
  const { browser } = await arrangeSecure(t, { session: { cookie: { domain: 'example.com' } } });
  const [, ended] = await browser().logIn('ada');
  const [session = ''] = ended?.setCookies ?? [];
  t.match(session, /^__Secure-sallyport=/);
  t.same(attributesOf(session), ['domain=example.com', 'httponly', 'path=/', 'samesite=lax', 'secure']);
});

test('F1 the session ends with the browser unless session.persistent says otherwise', async (t) => {
  for (const persistent of [false, true]) {
    await t.test(`persistent: ${persistent}`, async (t) => {
      const { browser } = await arrangeSecure(t, { session: { persistent, maxLifetime: '2h' } });
      const [, ended] = await browser().logIn('ada');
      const session = ended?.setCookies.find((line) => line.startsWith('__Host-sallyport=')) ?? '';
      t.equal(/max-age|expires/i.test(session), persistent);
      if (persistent) t.match(session, /Max-Age=7[12]\d\d/);
    });
  }
});

test('F2 every Set-Cookie has at most 4096 bytes, all together session.maxCookieBytes', async (t) => {
  const { browser } = await arrangeSecure(t);
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
  const { browser, gateway } = await arrangeSecure(t);
  const person = browser();
  const [, ended] = await person.logIn('huge');
  t.equal(ended?.status, 400);
  t.equal(ended?.headers['x-sallyport-error'], 'session_too_large');
  t.same(sessionOf(person), [], 'not a part of it was set');
  const line = await gateway.log.line(({ msg }) => msg.includes('maxCookieBytes'));
  t.equal(line.level, 'warn');
});

test('F4 no cookie is set on a 401 to a call that is no navigation', async (t) => {
  const { browser } = await arrangeSecure(t);
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
    await t.test(JSON.stringify(headers), async (t) => {
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
    });
  }
});

test('F5 F6 everything that the gateway itself says to a person is not stored, sniffed, framed or scripted', async (t) => {
  const { browser } = await arrangeSecure(t);
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

test('F5 an answer of the application to a person is private, whatever it says', async (t) => {
  const { browser, upstream } = await arrangeSecure(t);
  const person = browser();
  await person.logIn('ada');
  t.equal((await person.request('/')).headers['cache-control'], 'private');
  upstream.server.removeAllListeners('request');
  upstream.server.on('request', (_request, response) => {
    response.setHeader('Cache-Control', 'public, max-age=60');
    response.end();
  });
  t.equal((await person.request('/')).headers['cache-control'], 'private, max-age=60');
});

test('F8 an application cannot set the cookies of the gateway on https either', async (t) => {
  const { browser, upstream } = await arrangeSecure(t);
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
