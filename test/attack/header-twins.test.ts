import { test } from 'tap';
import { arrangeLogin, type LoginSceneOptions } from '../login/steps.ts';
import { logIn } from '../support/log-in.ts';
import { openRaw, readAnswers } from '../support/raw.ts';
import { type Echo, valuesOf } from '../support/upstream.ts';

/** What some application, server or framework believes of the front before it. */
const believed = [
  'X-Original-URL',
  'X-Original-URI',
  'X-Original-Host',
  'X-Rewrite-URL',
  'X-Client-IP',
  'X-Real-IP',
  'X-Cluster-Client-IP',
  'True-Client-IP',
  'Client-IP',
  'CF-Connecting-IP',
  'CF-Connecting-IPv6',
  'Fastly-Client-IP',
  'X-Azure-ClientIP',
  'X-Azure-SocketIP',
  'X-Originating-IP',
  'X-Remote-IP',
  'X-Remote-Addr',
  'Remote-Addr',
  'X-Original-Forwarded-For',
  'X-Forwarded',
  'Forwarded-For',
  'X-Vercel-Forwarded-For',
  'Forwarded',
  'X-Host',
  'X-HTTP-Host-Override',
  'X-Script-Name',
  'Proxy',
  'Remote-User',
  'Remote-Groups',
  'X-Remote-User',
  'X-WebAuth-User',
  'X-Auth-Request-User',
  'X-Auth-Request-Access-Token',
  'X-Authentik-Username',
  'X-Pomerium-Jwt-Assertion',
  'X-Goog-Authenticated-User-Email',
  'X-MS-Client-Principal-Name',
  'X-Amzn-Oidc-Identity',
  'Cf-Access-Authenticated-User-Email',
  'OIDC_CLAIM_sub',
  'Ssl-Client-Verify',
  'SSL_CLIENT_S_DN',
  'X-SSL-Client-Cert',
  'X-Client-Cert',
  'Client-Cert',
  'X-ARR-ClientCert',
  'X-Forwarded-Client-Cert',
  'X-Forwarded-Access-Token',
  'X-Envoy-External-Address',
  'X-Envoy-Original-Path',
  'X-Sendfile-Type',
];

/** Names of framing and of one connection; only their twins can be sent without being the thing itself. */
const framing = ['Transfer-Encoding', 'Content-Length', 'Content-Type', 'Keep-Alive', 'Proxy-Authorization'];

/** The forwarding headers that trusted fronts set; a twin is never theirs. */
const forwarding = ['For', 'Host', 'Proto', 'Port', 'Prefix', 'Server'].map((what) => `X-Forwarded-${what}`);

const twins: ((name: string) => string)[] = [
  (name) => name.replaceAll('-', '_'),
  (name) => name.replace('-', '_'),
  (name) => name.replaceAll('-', '_').toUpperCase(),
  (name) => name.replaceAll('-', '.'),
  (name) => name.replaceAll('-', '~'),
];

const routes: LoginSceneOptions['routes'] = (upstream) => [
  { path: '/open', upstream, allow: 'public' },
  { path: '/own', upstream, headers: { 'X-Staff-Number': '{claims.sub}' } },
];

/** A header of each spelling, with a value that must not arrive. */
const forged = (names: readonly string[], spellings: readonly ((name: string) => string)[]) =>
  names.flatMap((name) =>
    [...new Set(spellings.map((spell) => spell(name)))].flatMap((each) => [each, 'f0rged']),
  );

const asIs = (name: string) => name;

for (const trustedProxies of [[], ['127.0.0.1']]) {
  const who = trustedProxies.length > 0 ? 'a trusted peer' : 'a client';
  test(`what applications believe of a front never comes from ${who}, in any spelling`, async (t) => {
    const { gateway, client } = await arrangeLogin(t, { routes, config: { trustedProxies } });
    await logIn(client, gateway.url, 'ada');
    const headers = [
      ...forged(believed, [asIs, (name) => name.toLowerCase(), ...twins]),
      ...forged(framing, twins),
      ...forged(forwarding, twins),
      ...forged(['X-Forwarded-User', 'X-Staff-Number', 'X-Request-Id'], twins),
      ...['X-Requested-With', 'fetch', 'X-Api-Key', 'kept', 'api_key', 'kept', 'X-Original-Filename', 'kept'],
    ];
    for (const path of ['/', '/open', '/own']) {
      const answer = await client.request(gateway.url + path, { headers });
      t.equal(answer.status, 200, path);
      const { rawHeaders } = answer.json() as Echo;
      const arrived = rawHeaders.filter((_, at) => rawHeaders[at + 1] === 'f0rged' && at % 2 === 0);
      t.same(arrived, [], `${path}: none of ${headers.length / 2}`);
      t.same(valuesOf(rawHeaders, 'x-forwarded-user'), ['ada']);
      for (const name of ['x-api-key', 'api_key', 'x-original-filename']) {
        t.same(valuesOf(rawHeaders, name), ['kept'], 'what is the client’s own goes on');
      }
    }
  });
}

test('a twin of a framing header frames nothing and goes nowhere', async (t) => {
  const { gateway, upstream } = await arrangeLogin(t, { routes, config: { trustedProxies: ['127.0.0.1'] } });
  const { host } = new URL(gateway.url);
  const smuggled = 'GET /own HTTP/1.1\r\nHost: x\r\n\r\n';
  for (const line of [
    'Transfer_Encoding: chunked',
    'TRANSFER.ENCODING: chunked',
    'Content_Length: 3',
    'content~length: 3',
  ]) {
    const connection = await openRaw(gateway.url);
    connection.write(
      `POST /open HTTP/1.1\r\nHost: ${host}\r\n${line}\r\nContent-Length: ${smuggled.length}\r\nConnection: close\r\n\r\n${smuggled}`,
    );
    await connection.closed();
    const [answer, ...more] = readAnswers(connection.received());
    t.equal(answer?.status, 200, line);
    t.same(more, []);
    const echo = JSON.parse(answer?.body ?? '{}') as Echo;
    t.equal(echo.body.length, smuggled.length, 'the body is the body');
    t.notOk(echo.rawHeaders.includes(line.split(':')[0] ?? ''));
  }
  t.ok(upstream.requests.every(({ url }) => url === '/open'));
});

test('a front that is known to set a header may, in exactly that spelling', async (t) => {
  const headers = ['Ssl-Client-Verify', 'X-Real-IP', 'Remote-User'];
  const { gateway, client } = await arrangeLogin(t, {
    routes,
    config: { trustedProxies: [{ network: '127.0.0.1', headers }, '10.0.0.0/8'] },
  });
  const sent = [
    ...['SSL-Client-Verify', 'SUCCESS', 'Ssl_Client_Verify', 'f0rged', 'x-real-ip', '203.0.113.7'],
    ...['X_Real_IP', 'f0rged', 'remote-user', 'front', 'REMOTE_USER', 'f0rged', 'Ssl-Client-S-Dn', 'f0rged'],
  ];
  const { rawHeaders } = (await client.request(`${gateway.url}/open`, { headers: sent })).json() as Echo;
  t.notOk(rawHeaders.includes('f0rged'));
  t.same(valuesOf(rawHeaders, 'ssl-client-verify'), ['SUCCESS']);
  t.same(valuesOf(rawHeaders, 'x-real-ip'), ['203.0.113.7']);
  t.same(valuesOf(rawHeaders, 'remote-user'), ['front']);
  const other = await arrangeLogin(t, {
    routes,
    config: { trustedProxies: ['127.0.0.1', { network: '10.0.0.0/8', headers }] },
  });
  const unlisted = await other.client.request(`${other.gateway.url}/open`, { headers: sent });
  t.notMatch((unlisted.json() as Echo).rawHeaders.join('\n'), /SUCCESS|f0rged|front/, 'of that front alone');
});

test('what a trusted front says goes on as one list, and as it was decided on', async (t) => {
  const { gateway, client } = await arrangeLogin(t, {
    routes: (upstream) => [{ path: '/open', upstream, allow: 'public', stripPrefix: true }],
    config: { trustedProxies: ['127.0.0.1'] },
  });
  const { host } = new URL(gateway.url);
  const headers = [
    ...['X-Forwarded-For', '198.51.100.1', 'X-Forwarded-For', '203.0.113.7:1'],
    ...[
      'X-Forwarded-Host',
      `${host}, other.example`,
      'X-Forwarded-Proto',
      'https',
      'X-Forwarded-Proto',
      'http',
    ],
    ...['X-Forwarded-Prefix', '/outer/', 'X-Forwarded-Port', '8443'],
  ];
  const { rawHeaders } = (await client.request(`${gateway.url}/open/x`, { headers })).json() as Echo;
  t.same(valuesOf(rawHeaders, 'x-forwarded-for'), ['198.51.100.1, 203.0.113.7:1, 127.0.0.1']);
  t.same(valuesOf(rawHeaders, 'x-forwarded-host'), [host]);
  t.same(valuesOf(rawHeaders, 'x-forwarded-proto'), ['https, http']);
  t.same(valuesOf(rawHeaders, 'x-forwarded-prefix'), ['/outer/open']);
  t.same(valuesOf(rawHeaders, 'x-forwarded-port'), ['8443']);
});
