import { request } from 'node:http';
import { type Test, test } from 'tap';
import type { Status } from '../../src/admin/status/facts.ts';
import { healthOf } from '../../src/estate/health.ts';
import { createClient } from '../support/client.ts';
import { arrangeAdmin, quietStatus, token, withToken } from './scene.ts';
import { busyStatus } from './status-example.ts';

const basic = (password: string, user = 'operator') => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
});

/** What only operators see of the example: people, paths and addresses of all kinds. */
const private_ = [
  ...['ada', '/admin/users', '/api/orders', 'app.example.com', '203.0.113.7', '198.51.100.23', '2001:db8'],
  ...['10.1.4.', '8080', '/run/static.sock', '/etc/sallyport', 'ECONNREFUSED', 'Example Redis CA'],
  ...['none holds', 'token_invalid', '/old'],
];

async function arrange(t: Test, status: Status = busyStatus, parts: Parameters<typeof arrangeAdmin>[1] = {}) {
  const scene = await arrangeAdmin(t, { controls: { status: async () => status }, ...parts });
  const client = createClient();
  t.teardown(() => client.close());
  const get = (path: string, headers: Record<string, string> = {}) =>
    client.request(scene.admin.url + path, { headers });
  return { ...scene, client, get };
}

/** Whether somebody sees all of it, a part, or what kept them from it. */
function sightOf({ status, text }: { status: number; text: string }): string {
  if (status !== 200) return String(status);
  const seen = private_.filter((word) => text.includes(word));
  if (seen.length === 0) return 'part';
  return seen.length === private_.length ? 'all' : `some: ${seen.join(', ')}`;
}

test('what everybody sees of it, and what operators do', async (t) => {
  const { get } = await arrange(t);
  const part = await get('/');
  t.equal(sightOf(part), 'part');
  t.match(part.headers['content-type'], 'text/html; charset=utf-8');
  for (const words of ['Route 2', 'Target 2', 'provider unreachable: staff', 'store unreachable', '2 of 2'])
    t.match(part.text, words);
  t.match(part.text, '<a href="/?all">');
  const all = await get('/', withToken);
  t.equal(sightOf(all), 'all');
  for (const words of ['31 times', 'ends soon', '6 days left', 'out</span>', '9f31c07ab2de'])
    t.match(all.text, words);
});

test('a browser shows the token as a password, by whatever user name, and here alone', async (t) => {
  const { get, client, admin } = await arrange(t);
  const asked = await get('/?all');
  t.equal(asked.status, 401);
  t.match(asked.headers['www-authenticate'], /^Basic realm=/);
  for (const user of ['operator', '', 'ada@example.com'])
    for (const path of ['/', '/?all']) t.equal(sightOf(await get(path, basic(token, user))), 'all');
  for (const [method, path] of [
    ['GET', '/config'],
    ['POST', '/reload'],
    ['DELETE', '/sessions/session-1'],
  ] as const)
    t.equal((await client.request(admin.url + path, { method, headers: basic(token) })).status, 401, path);
});

test('a wrong token shows nothing, counts as a guess, and a browser is asked again', async (t) => {
  const { get, events } = await arrange(t);
  const wrong = [
    basic('wrong-wrong-wrong-wrong'),
    basic(`${token}x`),
    basic(''),
    basic('operator', token),
    { authorization: `Basic ${token}` },
    { authorization: 'Basic' },
    { authorization: 'Bearer wrong-wrong-wrong' },
    { authorization: 'Negotiate abc' },
  ];
  for (const headers of wrong) t.equal((await get('/', headers)).status, 401, headers.authorization);
  const again = await get('/', { ...basic('wrong-wrong-wrong'), accept: 'text/html' });
  t.match(again.headers['www-authenticate'], /^Basic realm=/);
  t.match(again.text, '<a href="/">');
  t.notMatch(again.text, busyStatus.configHash);
  let last = again;
  for (let at = 0; at < 20; at++) last = await get('/', basic('wrong-wrong-wrong'));
  t.equal(last.status, 429);
  t.match(last.headers['retry-after'], /^\d+$/);
  t.equal((await get('/', basic(token))).status, 429, 'or else guessing would go on');
  t.equal(sightOf(await get('/')), 'part', 'without one it can be looked at all the same');
  t.ok(events.some((event) => event.kind === 'admin-call' && event.path === '/' && event.status === 401));
});

test('without admin.token there is a part for everybody, and no way to all of it', async (t) => {
  const { get } = await arrange(t, busyStatus, { token: undefined });
  t.equal(sightOf(await get('/')), 'part');
  t.equal(sightOf(await get('/', withToken)), 'part');
  t.equal(sightOf(await get('/', basic(''))), 'part');
  t.equal((await get('/?all')).status, 403);
  t.match((await get('/')).text, 'Set admin.token');
});

test('no name that was led here reaches it, and no other site has more than a part', async (t) => {
  const { get, admin } = await arrange(t);
  const { port } = new URL(admin.url);
  const asked = (headers: Record<string, string | string[]>) =>
    new Promise<{ status: number; text: string }>((resolve, reject) => {
      const sent = request(`${admin.url}/`, { headers }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
      });
      sent.on('error', reject);
      sent.end();
    });
  for (const host of [
    `evil.example:${port}`,
    'evil.example',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
  ])
    for (const headers of [{}, withToken, basic(token)])
      t.equal((await asked({ host, ...headers })).status, 421, host);
  t.equal(sightOf(await asked({ host: `localhost:${port}`, ...withToken })), 'all');
  for (const site of ['cross-site', 'same-site'])
    for (const headers of [{}, withToken, basic(token), basic('wrong-wrong-wrong')])
      t.equal(sightOf(await get('/?all', { 'sec-fetch-site': site, ...headers })), 'part', site);
  for (const origin of ['http://evil.example', 'null', admin.url])
    t.equal(sightOf(await get('/', { origin, ...withToken })), 'part', origin);
  t.equal(sightOf(await get('/', { 'sec-fetch-site': 'same-origin', ...basic(token) })), 'all');
});

test('what a browser is told of the page', async (t) => {
  const { get, client, admin } = await arrange(t);
  for (const { headers } of [await get('/'), await get('/', withToken)]) {
    t.equal(headers['cache-control'], 'no-store');
    t.equal(headers['access-control-allow-origin'], undefined);
    t.equal(headers['x-content-type-options'], 'nosniff');
    t.equal(headers['cross-origin-resource-policy'], 'same-origin');
    t.equal(headers['cross-origin-opener-policy'], 'same-origin');
    t.equal(headers['referrer-policy'], 'no-referrer');
    const policy = String(headers['content-security-policy']);
    t.match(policy, /default-src 'none'.*script-src 'sha256-[^']+'; .*frame-ancestors 'none'/);
    t.notMatch(policy, /unsafe|\*|https?:/);
  }
  const head = await client.request(`${admin.url}/`, { method: 'HEAD', headers: withToken });
  t.equal(head.status, 200);
  t.equal(head.text, '');
  t.equal((await client.request(`${admin.url}/`, { method: 'POST', headers: withToken })).status, 405);
});

test('what clients, people and providers choose stands in it as text', async (t) => {
  const script = '<script>alert(1)</script>';
  const quote = `"' onmouseover=alert(1) x='`;
  const [refusal] = busyStatus.figures.refusals;
  const hostile: Status = {
    ...busyStatus,
    health: healthOf([script], [{ reason: 'provider_failing', name: script, detail: quote }]),
    publicUrl: [script],
    figures: {
      ...busyStatus.figures,
      refusals: [
        { ...refusal, path: `/${script}`, user: `${script}${quote}`, host: script, client: script } as never,
        { ...refusal, reason: quote, route: script, method: script, path: '{user}&lt;' } as never,
      ],
    },
  };
  const { get } = await arrange(t, hostile);
  for (const headers of [{}, withToken]) {
    const { text } = await get('/', headers);
    t.equal(text.split('<script').length, 2, 'the page has its own script and no other');
    t.notMatch(text, quote);
    t.notMatch(text, /alert\(1\)<\/script/);
  }
  const { text } = await get('/', withToken);
  t.match(text, '&lt;script&gt;alert(1)&lt;/script&gt;');
  t.match(text, '{user}&amp;lt;', 'what looks like a placeholder or an entity is neither');
});

test('a page that refreshes itself is one line of the log an hour, not one each time', async (t) => {
  const { get, events, clock } = await arrange(t);
  const told = () => events.filter((event) => event.kind === 'admin-call');
  for (let at = 0; at < 20; at++) await get('/', withToken);
  t.match(told(), [{ client: '127.0.0.1', method: 'GET', path: '/', status: 200 }]);
  t.equal(told().length, 1);
  for (let at = 0; at < 5; at++) await get('/');
  t.equal(told().length, 1, 'who sees a part is told of as little as who asks for the health');
  clock.wind(60 * 60_000);
  await get('/', withToken);
  t.equal(told().length, 2);
});

test('a quiet gateway, and one that is not ready', async (t) => {
  const quiet = await arrange(t, quietStatus);
  const { text } = await quiet.get('/');
  t.match(text, 'Nothing is known to be wrong.');
  t.match(text, 'No request came.');
  const health = healthOf(['the gateway is draining']);
  const draining = await arrange(t, { ...quietStatus, health });
  const answer = await draining.get('/');
  t.equal(answer.status, 200, 'the page itself works');
  t.match(answer.text, 'Not ready');
  t.match(answer.text, 'the gateway is draining');
});

test('more routes than somebody looks at are cut, and those in trouble come first', async (t) => {
  const [, inTrouble] = busyStatus.routes;
  const routes = Array.from({ length: 5000 }, (_none, at) => ({
    ...(busyStatus.routes[0] as Status['routes'][number]),
    number: at + 1,
    label: `r${at}.example/`,
  }));
  const { get } = await arrange(t, { ...busyStatus, routes: [...routes, inTrouble as never] });
  const { text } = await get('/', withToken);
  t.match(text, '10.1.4.22');
  t.match(text, '4801 more routes');
  t.ok(text.length < 1_000_000, `${text.length} characters`);
});
