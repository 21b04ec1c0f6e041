import { type Test, test } from 'tap';
import { arrangeSignedIn, arrangeUpstream } from '../support/arrange.ts';
import { valuesOf } from '../support/upstream.ts';

/** Everything that a cache reads, as it arrives. */
const read = [
  'cache-control',
  'expires',
  'pragma',
  'cdn-cache-control',
  'surrogate-control',
  'x-accel-expires',
  'edge-control',
  'x-litespeed-cache-control',
];

type Lines = [name: string, value: string][];

/**
 * An application that answers with the headers that its address names, to somebody who is signed in.
 * @param given routes by path; the one for everything is there anyway
 */
async function arrange(t: Test, given: Readonly<Record<string, Record<string, unknown>>>) {
  const upstream = await arrangeUpstream(t, (request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'http://application');
    const lines = JSON.parse(searchParams.get('lines') ?? '[]') as Lines;
    response.writeHead(Number(searchParams.get('status') ?? 200), lines.flat()).end();
  });
  const routes = Object.entries({ '/': {}, ...given }).map(([path, route]) => ({
    path,
    upstream: upstream.url,
    ...route,
  }));
  const scene = await arrangeSignedIn(t, { config: { routes } });
  const said = async (lines: Lines, { path = '/', status = 200 } = {}) => {
    const query = `status=${status}&lines=${encodeURIComponent(JSON.stringify(lines))}`;
    const { rawHeaders } = await scene.client.get(`${scene.gateway.url}${path}?${query}`);
    return read.flatMap((name) => valuesOf(rawHeaders, name).map((value) => `${name}: ${value}`));
  };
  return { ...scene, said };
}

const cacheControl = (...values: string[]): Lines => values.map((value) => ['Cache-Control', value]);

const later = new Date(Date.now() + 3_600_000).toUTCString();
const before = new Date(0).toUTCString();

/** What an application says, and what arrives at somebody for whom alone it is. */
const rows: [Lines, string[]][] = [
  [[], ['cache-control: private']],
  [cacheControl('private'), ['cache-control: private']],
  [cacheControl('Private,max-age=60'), ['cache-control: Private,max-age=60']],
  [cacheControl('no-store'), ['cache-control: no-store']],
  [
    cacheControl('no-store, no-cache, must-revalidate'),
    ['cache-control: no-store, no-cache, must-revalidate'],
  ],
  [cacheControl('public, max-age=60'), ['cache-control: private, max-age=60']],
  [cacheControl('max-age=60'), ['cache-control: private, max-age=60']],
  [cacheControl('max-age="60"'), ['cache-control: private, max-age=60']],
  [cacheControl('max-age=many'), ['cache-control: private, max-age=0']],
  [cacheControl('max-age=60, max-age=5'), ['cache-control: private, max-age=5']],
  [cacheControl('PUBLIC', 'S-MaxAge=9', 'immutable'), ['cache-control: private, immutable']],
  [cacheControl('private="x-name", max-age=60'), ['cache-control: private, max-age=60']],
  [cacheControl('public, no-cache="set-cookie, x-name"'), ['cache-control: private']],
  [cacheControl('private = "x"'), ['cache-control: private']],
  [cacheControl('public, private'), ['cache-control: private']],
  [cacheControl('no-cache'), ['cache-control: private, no-cache']],
  [cacheControl('must-understand, no-store'), ['cache-control: private, no-store']],
  [cacheControl('x-private, x="private", max-age=60'), ['cache-control: private, max-age=60']],
  [cacheControl('x="a, private'), ['cache-control: private']],
  [cacheControl('max-age=60; private'), ['cache-control: private']],
  [cacheControl('public; no-store'), ['cache-control: private, no-store']],
  [cacheControl(''), ['cache-control: private']],
  [[['Expires', before]], ['cache-control: private', `expires: ${before}`]],
  [[['Expires', '0']], ['cache-control: private', 'expires: 0']],
  [[['Expires', '3000']], ['cache-control: private', 'expires: 3000']],
  [[['Expires', later], ...cacheControl('max-age=60')], ['cache-control: private, max-age=60']],
  [
    [['Pragma', 'no-cache'], ...cacheControl('private')],
    ['cache-control: private', 'pragma: no-cache'],
  ],
  [[['Pragma', 'public']], ['cache-control: private']],
  [
    [
      ['CDN-Cache-Control', 'max-age=60'],
      ['Surrogate-Control', 'max-age=60'],
      ['X-Accel-Expires', '60'],
      ['Edge-Control', 'max-age=60'],
      ['X-LiteSpeed-Cache-Control', 'public, max-age=60'],
      ...cacheControl('private, max-age=60'),
    ],
    ['cache-control: private, max-age=60'],
  ],
  // What the connection takes away does not count as said.
  [[...cacheControl('private'), ['Connection', 'Cache-Control']], ['cache-control: private']],
];

test('an answer of a route that is not public is for the browser of its person alone', async (t) => {
  const { said } = await arrange(t, {});
  for (const [lines, expected] of rows) t.strictSame(await said(lines), expected, JSON.stringify(lines));
  for (const status of [206, 301, 404, 410, 500]) {
    t.strictSame(await said(cacheControl('public'), { status }), ['cache-control: private'], `${status}`);
  }
  const [line = ''] = await said([['Expires', later]]);
  const seconds = Number(/^cache-control: private, max-age=(\d+)$/.exec(line)?.[1]);
  t.ok(seconds > 3500 && seconds <= 3600, `Expires becomes what only browsers heed: ${line}`);
});

test('the headers of the route itself do not open it to shared caches', async (t) => {
  const responseHeaders = {
    'cache-control': 'public, max-age=60',
    'Surrogate-Control': 'max-age=60',
    'X-Accel-Expires': '60',
    Expires: later,
  };
  const { said } = await arrange(t, {
    '/all': { responseHeaders },
    '/absent': { responseHeaders: { 'Cache-Control': 'public, x={claims.absent}' } },
    '/removed': { responseHeaders: { 'Cache-Control': null } },
  });
  const kept = ['cache-control: private, max-age=60'];
  t.strictSame(await said(cacheControl('private'), { path: '/all' }), kept);
  const nothing = ['cache-control: private'];
  t.strictSame(await said([], { path: '/absent' }), nothing, 'nor one whose value is absent');
  t.strictSame(
    await said(cacheControl('no-store'), { path: '/removed' }),
    nothing,
    'nor one that is removed',
  );
});

const shared = cacheControl('public, max-age=60');
const asSaid = ['cache-control: public, max-age=60'];
const kept = ['cache-control: private, max-age=60'];
const withoutIdentity = Object.fromEntries(
  ['Authorization', 'User', 'Email', 'Preferred-Username', 'Groups'].map((name) => [
    name === 'Authorization' ? name : `X-Forwarded-${name}`,
    null,
  ]),
);

/** A route, and what arrives of `public, max-age=60` at a person and at a stranger. */
const routes: [string, Record<string, unknown>, person: string[], stranger: string[] | undefined][] = [
  ['signed in', {}, kept, undefined],
  ['by network', { allow: [{ networks: ['127.0.0.0/8'] }] }, kept, kept],
  ['by network, pass', { allow: [{ networks: ['127.0.0.0/8'] }], unauthenticated: 'pass' }, kept, kept],
  ['pass', { unauthenticated: 'pass' }, kept, asSaid],
  ['public', { allow: 'public' }, kept, asSaid],
  ['public, nothing told', { allow: 'public', headers: withoutIdentity }, asSaid, asSaid],
  [
    'public, told in the answer',
    { allow: 'public', headers: withoutIdentity, responseHeaders: { 'X-Name': '{name}' } },
    kept,
    asSaid,
  ],
  [
    'public, told by an assertion',
    { allow: 'public', headers: withoutIdentity, assertion: { audience: 'app' } },
    kept,
    asSaid,
  ],
  ['shared', { sharedCache: true }, asSaid, undefined],
  ['public and shared', { allow: 'public', sharedCache: true }, asSaid, asSaid],
  ['never kept', { noStore: true }, ['cache-control: no-store'], undefined],
  [
    'public, never kept',
    { allow: 'public', noStore: true, responseHeaders: { 'CDN-Cache-Control': 'public' } },
    ['cache-control: no-store'],
    ['cache-control: no-store'],
  ],
];

test('whose an answer is follows from who may have it, and from what the application was told', async (t) => {
  const paths = Object.fromEntries(routes.map(([, route], at) => [`/route-${at}`, route]));
  const { said, client, gateway } = await arrange(t, paths);
  for (const [at, [name, , person]] of routes.entries()) {
    t.strictSame(await said(shared, { path: `/route-${at}` }), person, `${name}: the person`);
  }
  client.cookies.clear();
  for (const [at, [name, , , stranger]] of routes.entries()) {
    const path = `/route-${at}`;
    if (stranger === undefined) {
      const { status, headers } = await client.get(gateway.url + path);
      t.strictSame([status, headers['cache-control']], [401, 'no-store'], `${name}: a stranger`);
    } else {
      t.strictSame(await said(shared, { path }), stranger, `${name}: a stranger`);
    }
  }
});

test('a refused WebSocket handshake is an answer like any other', async (t) => {
  const { gateway, client } = await arrange(t, {});
  const lines = JSON.stringify([
    ['Cache-Control', 'public'],
    ['CDN-Cache-Control', 'public'],
  ]);
  const { status, rawHeaders } = await client.get(
    `${gateway.url}/?status=404&lines=${encodeURIComponent(lines)}`,
    {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    },
  );
  t.equal(status, 404);
  t.strictSame(valuesOf(rawHeaders, 'cache-control'), ['private']);
  t.strictSame(valuesOf(rawHeaders, 'cdn-cache-control'), []);
});
