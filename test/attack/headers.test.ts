import { test } from 'tap';
import { arrangeLogin, type LoginSceneOptions, reachCallback } from '../login/steps.ts';
import { createClient } from '../support/client.ts';
import { logIn } from '../support/log-in.ts';
import { defaultPeople } from '../support/provider.ts';
import { openRaw, readAnswers, sendRaw } from '../support/raw.ts';
import { type Echo, namesOf, type SeenRequest, valuesOf } from '../support/upstream.ts';
import { acceptHandshakes, handshake } from './handshake.ts';

/** One route of each kind; a header of its own on one of them is the gateway's on all of them. */
const everyRoute: LoginSceneOptions = {
  routes: (upstream) => [
    { path: '/public', upstream, allow: 'public' },
    { path: '/pass', upstream, unauthenticated: 'pass' },
    { path: '/own', upstream, headers: { 'X-Staff-Number': '{claims.sub}', 'X-Removed': null } },
  ],
};

const identityNames = [
  'Authorization',
  'X-Forwarded-User',
  'X-Forwarded-Email',
  'X-Forwarded-Preferred-Username',
  'X-Forwarded-Groups',
  'X-Staff-Number',
  'X-Removed',
];

/** A header's name as somebody would write it who hopes that one reader takes it for the real one. */
const spellings: ((name: string) => string)[] = [
  (name) => name,
  (name) => name.toLowerCase(),
  (name) => name.toUpperCase(),
  (name) => name.replaceAll('-', '_'),
  (name) => name.replace('-', '_'),
  (name) => name.replaceAll('-', '.'),
  (name) => name.replaceAll('-', '~').toUpperCase(),
  (name) => name.replaceAll('-', '!'),
  (name) => name.replaceAll('-', "'"),
];

const fold = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, '-');

/** The values under every spelling of a name. */
function valuesOfAnySpelling({ rawHeaders }: Pick<SeenRequest, 'rawHeaders'>, name: string): string[] {
  return rawHeaders.filter((_, at) => at % 2 === 1 && fold(rawHeaders[at - 1] ?? '') === fold(name));
}

const forgeries = identityNames.flatMap((name) =>
  spellings.flatMap((spell) => [spell(name), `forged by ${name}`]),
);

test('1 2 identity headers of somebody who is not signed in never arrive, in any spelling, on any route', async (t) => {
  const { gateway, upstream, client } = await arrangeLogin(t, everyRoute);
  for (const path of ['/public', '/public/x', '/pass']) {
    await t.test(path, async (t) => {
      const answer = await client.request(gateway.url + path, { headers: forgeries });
      t.equal(answer.status, 200, path);
      const { rawHeaders } = answer.json() as Echo;
      for (const name of identityNames)
        t.same(valuesOfAnySpelling({ rawHeaders }, name), [], `${path}: ${name}`);
      t.notMatch(rawHeaders.join('\n'), 'forged', path);
    });
  }
  for (const path of ['/', '/own', '/oauth2/userinfo', '/oauth2/none']) {
    await t.test(path, async (t) => {
      const before = upstream.requests.length;
      const answer = await client.request(gateway.url + path, { headers: forgeries });
      t.ok(answer.status === 401 || answer.status === 404, `${path}: ${answer.status}`);
      t.equal(upstream.requests.length, before, `${path} reaches nothing`);
    });
  }
});

test('2 identity headers of somebody who is signed in are those of the session', async (t) => {
  const { gateway, client } = await arrangeLogin(t, everyRoute);
  await logIn(client, gateway.url, 'ada');
  for (const path of ['/', '/public', '/pass', '/own']) {
    await t.test(path, async (t) => {
      const answer = await client.request(gateway.url + path, { headers: forgeries });
      const { rawHeaders } = answer.json() as Echo;
      t.notMatch(rawHeaders.join('\n'), 'forged', path);
      t.same(valuesOfAnySpelling({ rawHeaders }, 'X-Forwarded-User'), ['ada'], path);
      t.same(valuesOfAnySpelling({ rawHeaders }, 'X-Forwarded-Groups'), ['staff,admins'], path);
      t.match(valuesOfAnySpelling({ rawHeaders }, 'Authorization'), [/^Bearer \S+$/], path);
      t.same(valuesOfAnySpelling({ rawHeaders }, 'X-Staff-Number'), path === '/own' ? ['ada'] : [], path);
    });
  }
});

test('2 a claim that a person does not have leaves no room for a forged header', async (t) => {
  const { gateway, client } = await arrangeLogin(t, everyRoute);
  await logIn(client, gateway.url, 'zoe');
  const { rawHeaders } = (await client.request(gateway.url, { headers: forgeries })).json() as Echo;
  t.same(valuesOfAnySpelling({ rawHeaders }, 'X-Forwarded-Groups'), [], 'zoe is in no group');
});

test('2 naming the identity headers or the cookie in Connection changes nothing', async (t) => {
  const { gateway, client } = await arrangeLogin(t, everyRoute);
  await logIn(client, gateway.url, 'ada');
  const connection = [...identityNames, 'Cookie', 'Host', 'X-Forwarded-For', 'X-Request-Id'].join(', ');
  const answer = await client.request(`${gateway.url}/own`, { headers: { connection } });
  t.equal(answer.status, 200, 'still signed in');
  const { rawHeaders } = answer.json() as Echo;
  t.same(valuesOf(rawHeaders, 'x-forwarded-user'), ['ada']);
  t.same(valuesOf(rawHeaders, 'x-staff-number'), ['ada']);
  t.match(valuesOf(rawHeaders, 'authorization'), [/^Bearer /]);
  t.equal(valuesOf(rawHeaders, 'x-forwarded-for').length, 1);
  t.equal(valuesOf(rawHeaders, 'x-request-id').length, 1);
  t.notMatch(rawHeaders.join('\n'), /sallyport/, 'and the session stays here');
});

const forwarding = [
  ...['X-Forwarded-For', '203.0.113.9'],
  ...['X-Forwarded-Host', 'forged.example'],
  ...['X-Forwarded-Proto', 'https'],
  ...['X-Forwarded-Port', '4444'],
  ...['X-Forwarded-Prefix', '/forged'],
  ...['X-Forwarded-Server', 'forged.example'],
  ...['X-Forwarded-Access-Token', 'forged'],
  ...['X_Forwarded_For', '203.0.113.9'],
  ...['X.Forwarded.Host', 'forged.example'],
  ...['Forwarded', 'for=203.0.113.9;host=forged.example'],
  ...['X-Real-IP', '203.0.113.9'],
  ...['X_Real_Ip', '203.0.113.9'],
  ...['X-Client-IP', '203.0.113.9'],
  ...['X-Original-URL', '/forged'],
  ...['X_Original_Url', '/forged'],
  ...['X-Original-URI', '/forged'],
  ...['X-Rewrite-URL', '/forged'],
  ...['X-Original-Host', 'forged.example'],
  ...['X-Request-Id', 'forged'],
];

test('2 what a client says of its way here is replaced on every route', async (t) => {
  const { gateway, client } = await arrangeLogin(t, everyRoute);
  await logIn(client, gateway.url, 'ada');
  for (const path of ['/', '/public', '/pass', '/own']) {
    await t.test(path, async (t) => {
      const answer = await client.request(gateway.url + path, { headers: forwarding });
      const { rawHeaders } = answer.json() as Echo;
      t.notMatch(rawHeaders.join('\n'), /forged|203\.0\.113\.9|4444/, path);
      t.same(valuesOfAnySpelling({ rawHeaders }, 'X-Forwarded-For'), ['127.0.0.1'], path);
      t.same(valuesOfAnySpelling({ rawHeaders }, 'X-Forwarded-Proto'), ['http'], path);
      t.same(valuesOfAnySpelling({ rawHeaders }, 'X-Forwarded-Host'), [new URL(gateway.url).host], path);
    });
  }
});

test('2 a trusted proxy may say where a request came from, and never who sent it', async (t) => {
  const { gateway, client } = await arrangeLogin(t, {
    ...everyRoute,
    config: { trustedProxies: ['127.0.0.1/32'] },
  });
  await logIn(client, gateway.url, 'ada');
  for (const path of ['/', '/public', '/pass', '/own']) {
    await t.test(path, async (t) => {
      const answer = await client.request(gateway.url + path, {
        headers: [...forgeries, 'X-Forwarded-For', '203.0.113.9', 'X_Forwarded_For', '198.51.100.1'],
      });
      const { rawHeaders } = answer.json() as Echo;
      t.notMatch(rawHeaders.join('\n'), 'forged', path);
      t.same(valuesOf(rawHeaders, 'x-forwarded-user'), ['ada'], path);
      t.same(valuesOfAnySpelling({ rawHeaders }, 'X-Forwarded-For'), ['203.0.113.9, 127.0.0.1'], path);
    });
  }
});

test('3 no cookie of the gateway goes upstream, wherever it stands and however it is spelt', async (t) => {
  const { gateway, client, upstream } = await arrangeLogin(t, everyRoute);
  await logIn(client, gateway.url, 'ada');
  await client.navigate(`${gateway.url}/oauth2/start`);
  const own = client.cookies.all().filter(({ name }) => name.startsWith('sallyport'));
  t.ok(own.length >= 3, 'session, login and rounds');
  client.cookies.clear();
  const session = own.map(({ name, value }) => `${name}=${value}`).join('; ');
  const foreign = 'theme=dark';
  const headers = [
    ['Cookie', `${session}; ${foreign}`],
    ['Cookie', `${foreign};${session.replaceAll('; ', ';')}`],
    ['Cookie', `${foreign};  ${session.replaceAll('=', ' = ')}`],
    ['Cookie', foreign, 'cookie', session],
    ['Cookie', session, 'cookie', foreign, 'COOKIE', session],
    ['Cookie', `${session.replaceAll('sallyport', 'SallyPort')}; ${foreign}`],
    ['Cookie', `a=1, ${session.replaceAll('; ', ', ')}; ${foreign}`],
    ['Cookie', `${foreign}; "${session.replaceAll('; ', '"; "')}"`],
    ['Cookie', `${foreign};\u00a0${session.replaceAll('; ', ';\u00a0')}`],
    ['Cookie', `${foreign};\t${session.replaceAll('; ', '\t;\t').replaceAll('=', '\t=\t')}`],
    ['Cookie', `${foreign}; a=b ${session.replaceAll('; ', '; c=d ')}`],
    ['Cookie', `sallyport.1=chunk; sallyport.7=chunk; sallyport-login-x=chunk; ${foreign}; sallyport`],
  ];
  for (const header of headers) {
    for (const path of ['/public', '/pass']) {
      const answer = await client.request(gateway.url + path, { headers: header });
      t.equal(answer.status, 200);
      const { rawHeaders } = answer.json() as Echo;
      const sent = valuesOf(rawHeaders, 'cookie').join('; ');
      t.match(sent, foreign, 'the cookies of the application arrive');
      t.notMatch(sent, /sallyport|chunk/i, header.join(' ').slice(0, 40));
    }
  }
  const everything = upstream.requests.map(({ rawHeaders }) => rawHeaders.join('\n')).join('\n');
  for (const { name, value } of own) t.notOk(everything.includes(value.slice(0, 40)), name);
});

test('3 nor does it on a WebSocket handshake', async (t) => {
  const { gateway, client, upstream } = await arrangeLogin(t, everyRoute);
  await logIn(client, gateway.url, 'ada');
  const accepted = acceptHandshakes(upstream);
  const { host } = new URL(gateway.url);
  const own = client.cookies.all().filter(({ name }) => name.startsWith('sallyport'));
  const cookie = `Cookie: theme=dark; ${own.map(({ name, value }) => `${name}=${value}`).join('; ')}`;
  const forged = forgeries.flatMap((name, at) => (at % 2 === 0 ? [`${name}: ${forgeries[at + 1]}`] : []));
  for (const path of ['/socket', '/public/socket', '/pass/socket', '/own/socket']) {
    await t.test(path, async (t) => {
      const connection = await openRaw(gateway.url);
      connection.write(handshake(host, path, [cookie, ...forged, 'X-Forwarded-For: 203.0.113.9']));
      t.match(await connection.until('\r\n\r\n'), 'HTTP/1.1 101', path);
      connection.destroy();
      const rawHeaders = accepted.at(-1) ?? [];
      t.same(valuesOf(rawHeaders, 'cookie'), ['theme=dark'], path);
      t.notMatch(rawHeaders.join('\n'), /sallyport|forged|203\.0\.113/, path);
      t.same(valuesOfAnySpelling({ rawHeaders }, 'X-Forwarded-User'), ['ada'], path);
    });
  }
});

test('F8 an application cannot set a cookie under the names of the gateway', async (t) => {
  const { gateway, client, upstream } = await arrangeLogin(t);
  await logIn(client, gateway.url, 'ada');
  upstream.server.removeAllListeners('request');
  upstream.server.on('request', (_request, response) => {
    response.setHeader('Set-Cookie', [
      'sallyport=planted; Path=/',
      'SallyPort=planted; Path=/',
      ' sallyport =planted; Path=/',
      'sallyport.1=planted; Path=/',
      'sallyport-login-abcdefghij=planted; Path=/',
      'sallyport-rounds=planted; Path=/',
      'sallyport=; Max-Age=0; Path=/',
      'sallyport; Path=/',
      '=sallyport=planted; Path=/',
      ' = sallyport=planted; Path=/',
      'app=its own; Path=/',
      'sallyporter=its own; Path=/',
    ]);
    response.setHeader('X-Sallyport-Error', 'planted');
    response.end('done');
  });
  const answer = await client.get(gateway.url);
  t.same(answer.setCookies, ['app=its own; Path=/', 'sallyporter=its own; Path=/']);
  t.equal(answer.headers['x-sallyport-error'], undefined, 'and its errors are not ours');
});

test('G4 a host that is not ours is refused, and no redirect is built from it', async (t) => {
  const { gateway, upstream } = await arrangeLogin(t, everyRoute);
  const { host, port } = new URL(gateway.url);
  const hosts: [string, RegExp][] = [
    ['evil.example', /^HTTP\/1\.1 421 /],
    ['evil.example:443', /^HTTP\/1\.1 421 /],
    [`${host}.evil.example`, /^HTTP\/1\.1 4(00|21) /],
    [`127.0.0.1.evil.example:${port}`, /^HTTP\/1\.1 421 /],
    [`${host}@evil.example`, /^HTTP\/1\.1 400 /],
    [`evil.example@${host}`, /^HTTP\/1\.1 400 /],
    [`evil.example/${host}`, /^HTTP\/1\.1 400 /],
    [`${host}/evil.example`, /^HTTP\/1\.1 400 /],
    [`${host}, evil.example`, /^HTTP\/1\.1 400 /],
    [`${host}#evil.example`, /^HTTP\/1\.1 400 /],
    ['', /^HTTP\/1\.1 400 /],
    ['localhost', /^HTTP\/1\.1 421 /],
  ];
  for (const [name, expected] of hosts) {
    for (const path of ['/', '/public', '/oauth2/start', '/oauth2/sign_in', '/oauth2/sign_out']) {
      const text = await sendRaw(
        gateway.url,
        `GET ${path} HTTP/1.1\r\nHost: ${name}\r\nAccept: text/html\r\nConnection: close\r\n\r\n`,
      );
      t.match(text, expected, `${name} ${path}`);
      t.notMatch(text, /^location:/im, `${name} ${path}`);
    }
  }
  t.equal(upstream.requests.length, 0, 'nothing was forwarded');
});

test('1 two hosts, none, or a target of another host are refused', async (t) => {
  const { gateway, upstream } = await arrangeLogin(t, everyRoute);
  const { host } = new URL(gateway.url);
  const requests = [
    `GET /public HTTP/1.1\r\nHost: ${host}\r\nHost: evil.example\r\n\r\n`,
    `GET /public HTTP/1.1\r\nHost: ${host}\r\nhost: ${host}\r\n\r\n`,
    `GET /public HTTP/1.1\r\nAccept: */*\r\n\r\n`,
    `GET http://evil.example/public HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
    `GET http://${host}/public HTTP/1.1\r\nHost: evil.example\r\n\r\n`,
    `GET http://user@${host}/public HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
    `GET http://${host}:80@evil.example/public HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
    `GET ftp://${host}/public HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
    `GET http:///public HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
    `GET public HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
    `GET *public HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
    `GET /public#/own HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
  ];
  for (const bytes of requests) {
    const [answer] = readAnswers(await sendRaw(gateway.url, bytes));
    t.ok(answer?.status === 400 || answer?.status === 421, `${answer?.status}: ${bytes.split('\r\n', 2)}`);
  }
  t.equal(upstream.requests.length, 0, 'nothing was forwarded');
  const [absolute] = readAnswers(
    await sendRaw(gateway.url, `GET http://${host}/own HTTP/1.1\r\nHost: ${host}\r\n\r\n`),
  );
  t.equal(absolute?.status, 401, 'the absolute form is decided like any other');
});

/** Claims that nobody expects in a header. */
const odd = {
  ...defaultPeople,
  eve: {
    preferred_username: 'eve\r\nX-Admin: yes\r\n\r\nGET /evil HTTP/1.1',
    email: 'eve@example.com\nX-Forwarded-User: admin',
    groups: ['one\r\nX-Admin: yes', 'zwei ☃', '\0', '\ud800'],
  },
  zoe: { preferred_username: 'zoë Ångström 100%', email: 'ø@example.com', groups: ['größe', '管理者'] },
  odo: { preferred_username: { nested: 'a\r\nb: c' }, email: ['a\r\nb: c', 7, null], groups: 'a\u2028b\x7f' },
  nan: { preferred_username: '   ', email: '', groups: [] },
};

test('2 line breaks in a claim make no header and no request', async (t) => {
  const { gateway, client, upstream } = await arrangeLogin(t, { provider: { people: odd } });
  for (const person of ['eve', 'odo', 'nan']) {
    client.cookies.clear();
    const before = upstream.requests.length;
    await logIn(client, gateway.url, person);
    const answer = await client.get(gateway.url);
    t.equal(answer.status, 200, person);
    const { rawHeaders } = answer.json() as Echo;
    const names = namesOf(rawHeaders);
    t.notOk(names.includes('x-admin') || names.includes('b'), `${person}: no header of the claim's own`);
    t.same(valuesOf(rawHeaders, 'x-forwarded-user'), [person]);
    for (const value of rawHeaders) t.match(value, /^[\x20-\x7e]*$/, 'visible ASCII only');
    t.ok(upstream.requests.length - before <= 2, 'and no request of its own');
  }
});

test('2 a claim outside ASCII arrives percent-encoded and can be decoded', async (t) => {
  const { gateway, client } = await arrangeLogin(t, { provider: { people: odd } });
  await logIn(client, gateway.url, 'zoe');
  const { rawHeaders } = (await client.get(gateway.url)).json() as Echo;
  const decoded = (name: string) => valuesOf(rawHeaders, name).map(decodeURIComponent);
  t.same(decoded('x-forwarded-preferred-username'), ['zoë Ångström 100%']);
  t.same(decoded('x-forwarded-email'), ['ø@example.com']);
  t.same(decoded('x-forwarded-groups'), ['größe,管理者']);
});

test('1 what a browser may not do before it is signed in reaches no application', async (t) => {
  const { gateway, upstream } = await arrangeLogin(t, everyRoute);
  const client = createClient();
  t.teardown(() => client.close());
  for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'QUERY']) {
    for (const path of [
      '/',
      '/own',
      '/own/x',
      '/publicity',
      '/passage',
      '/%70ublic/../own',
      '/public/../own',
    ]) {
      const body = method === 'POST' ? 'name=value' : undefined;
      const answer = await client.request(gateway.url + path, {
        method,
        ...(body !== undefined && { body }),
      });
      t.ok(answer.status === 401 || answer.status === 400, `${method} ${path}: ${answer.status}`);
    }
  }
  await reachCallback(client, gateway.url);
  t.equal(upstream.requests.length, 0, 'nothing arrived, not even during a login');
});
