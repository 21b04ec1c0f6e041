import { test } from 'tap';
import { handshake } from '../attack/handshake.ts';
import { arrangeGateway, arrangeSignedIn, arrangeUpstream } from '../support/arrange.ts';
import { createClient } from '../support/client.ts';
import { createWoundClock } from '../support/clock.ts';
import { logIn } from '../support/log-in.ts';
import { startProvider } from '../support/provider.ts';
import { openRaw } from '../support/raw.ts';

const from = (address: string) => ({ 'x-forwarded-for': address });

/** A gateway behind a trusted proxy, which is the test, in front of a public application. */
async function arrange(t: Parameters<typeof arrangeUpstream>[0], more: Record<string, unknown>) {
  const clock = createWoundClock();
  const upstream = await arrangeUpstream(t, (_request, response) => response.end('x'));
  const routes = [{ path: '/', upstream: upstream.url, allow: 'public' }];
  const config = { trustedProxies: ['127.0.0.1'], routes, ...more };
  const scene = await arrangeGateway(t, { clock, awaitProvider: false, config });
  const ask = async (address: string, path = '/', headers: Record<string, string> = {}) =>
    scene.client.get(scene.gateway.url + path, { ...from(address), ...headers });
  const statuses = async (
    count: number,
    address: string,
    path?: string,
    headers?: Record<string, string>,
  ) => {
    const found: number[] = [];
    for (let each = 0; each < count; each++) found.push((await ask(address, path, headers)).status);
    return found;
  };
  return { ...scene, clock, ask, statuses };
}

test('too many requests of one client get 429 with Retry-After, and others go on', async (t) => {
  const { ask, statuses, clock, client, gateway } = await arrange(t, {
    rateLimit: [{ requests: 3, per: '1m' }],
  });
  t.same(await statuses(4, '192.0.2.1'), [200, 200, 200, 429]);
  t.same(await statuses(2, '192.0.2.2'), [200, 200], 'another address');
  const problem = await ask('192.0.2.1');
  t.equal(problem.headers['x-sallyport-error'], 'rate_limited');
  t.equal(problem.headers['retry-after'], '20');
  t.match(problem.headers['content-type'], /problem\+json/);
  t.match(problem.json(), { status: 429, code: 'rate_limited' });
  const page = await client.navigate(`${gateway.url}/`, { headers: from('192.0.2.1') });
  t.equal(page.status, 429);
  t.match(page.text, /too many requests/);
  clock.wind(20_000);
  t.same(await statuses(2, '192.0.2.1'), [200, 429], 'one more after the time that was named');
});

test('a rule of a path counts what is below it alone, and more rules count beside each other', async (t) => {
  const { statuses } = await arrange(t, {
    rateLimit: [
      { match: { path: '/api' }, requests: 2, per: '1m' },
      { requests: 4, per: '1m' },
    ],
  });
  t.same(await statuses(3, '192.0.2.1', '/api/x'), [200, 200, 429]);
  t.same(
    await statuses(3, '192.0.2.1', '/other'),
    [200, 200, 429],
    'what was refused did not count for the other rule',
  );
});

test('rules by a header count its values apart, and a request without it for its client', async (t) => {
  const { statuses, gateway } = await arrange(t, {
    rateLimit: [{ by: { header: 'X-Tenant' }, requests: 2, per: '1m' }],
  });
  t.same(await statuses(3, '192.0.2.1', '/', { 'x-tenant': 'red secret' }), [200, 200, 429]);
  t.same(await statuses(3, '192.0.2.1', '/', { 'x-tenant': 'blue' }), [200, 200, 429]);
  t.same(await statuses(3, '192.0.2.1'), [200, 200, 429], 'to leave it out is no way around');
  await gateway.log.line(({ limit }) => limit === 'rateLimit[0]');
  t.notMatch(gateway.log.text(), /red secret/);
});

test('clients that nobody names and the proxies themselves are exempt, and the log says so at start', async (t) => {
  const { client, gateway, statuses } = await arrange(t, { rateLimit: [{ requests: 1, per: '1m' }] });
  for (let each = 0; each < 5; each++)
    t.equal((await client.get(`${gateway.url}/`)).status, 200, 'no X-Forwarded-For');
  t.same(await statuses(3, 'unknown'), [200, 200, 200]);
  t.same(await statuses(3, '127.0.0.1'), [200, 200, 200], 'the proxy asks for itself');
  const line = await gateway.log.line(({ msg }) => msg === 'limits by client do not count everybody');
  t.match(line, { who: ['the trusted proxies themselves', /does not name/] });
});

test('a flood that is refused is two lines of the log, not two for each request', async (t) => {
  const { statuses, clock, gateway } = await arrange(t, { rateLimit: [{ requests: 1, per: '1h' }] });
  await statuses(101, '192.0.2.1');
  clock.wind(10_000);
  await gateway.log.line(({ refused }) => refused === 99);
  const told = gateway.log.lines.filter(({ limit }) => limit !== undefined);
  t.match(told, [
    { level: 'warn', limit: 'rateLimit[0]', peer: '192.0.2.1', refused: 1 },
    { level: 'warn', limit: 'rateLimit[0]', peer: '192.0.2.1', refused: 99 },
  ]);
  t.equal(gateway.log.lines.filter(({ status }) => status === 429).length, 0);
});

test('a rule by person counts people, wherever they are, and never one for another', {
  timeout: 60_000,
}, async (t) => {
  const upstream = await arrangeUpstream(t, (_request, response) => response.end('x'));
  const config = { rateLimit: [{ by: 'person', requests: 3, per: '1h' }] };
  const { gateway, client } = await arrangeSignedIn(t, { upstream, config });
  const other = createClient();
  t.teardown(() => other.close());
  await logIn(other, gateway.url, 'grace');
  const statuses: number[] = [];
  for (let each = 0; each < 5; each++) statuses.push((await client.get(`${gateway.url}/x`)).status);
  t.same(statuses.slice(-2), [429, 429]);
  t.equal((await other.get(`${gateway.url}/x`)).status, 200, 'somebody else at the same address');
  t.equal((await client.get(`${gateway.url}/oauth2/userinfo`)).status, 200, 'they are still signed in');
});

test('what another site makes a browser send uses up nothing of a person, be it refused as a form or as a WebSocket', {
  timeout: 60_000,
}, async (t) => {
  const upstream = await arrangeUpstream(t, (_request, response) => response.end('x'));
  const routes = [{ path: '/', upstream: upstream.url, csrf: 'header' }];
  const config = { routes, rateLimit: [{ by: 'person', requests: 3, per: '1h' }] };
  const { gateway, client } = await arrangeSignedIn(t, { config });
  const post = async (headers: Record<string, string>) => {
    const answer = await client.request(`${gateway.url}/x`, { method: 'POST', headers });
    return answer.headers['x-sallyport-error'] ?? answer.status;
  };
  const foreign = { origin: 'https://evil.example' };
  const cookie = `Cookie: ${client.cookies.headerFor(gateway.url)}`;
  for (let each = 0; each < 6; each++) {
    t.equal(await post(foreign), 'forgery_header_missing');
    t.equal(await post({ ...foreign, 'x-requested-with': 'com.example.app' }), 'cross_site');
    const socket = await openRaw(gateway.url);
    socket.write(handshake(new URL(gateway.url).host, '/socket', [cookie, `Origin: ${foreign.origin}`]));
    await socket.until('HTTP/1.1 403');
    socket.destroy();
  }
  const own = { 'x-requested-with': 'XMLHttpRequest' };
  const found = [await post(own), await post(own), await post(own), await post(own)];
  t.same(found.slice(0, 2), [200, 200], 'the allowance is theirs, but for the page that they signed in for');
  t.equal(found[3], 'rate_limited');
  t.equal(await post(foreign), 'forgery_header_missing', 'what is refused is refused for what it is');
});

test('requests that cannot be read count for their client', async (t) => {
  const { ask, statuses } = await arrange(t, { rateLimit: [{ requests: 3, per: '1m' }] });
  t.same(await statuses(3, '192.0.2.1', '/x', { host: 'elsewhere.example' }), [421, 421, 421]);
  t.equal((await ask('192.0.2.1')).headers['x-sallyport-error'], 'rate_limited');
  t.same(await statuses(1, '192.0.2.1', '/x', { host: 'elsewhere.example' }), [429]);
  t.same(await statuses(1, '192.0.2.2'), [200]);
});

test('logins and callbacks have limits without being asked for', { timeout: 60_000 }, async (t) => {
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t, (_request, response) => response.end('x'));
  const { gateway, client } = await arrangeGateway(t, {
    provider,
    upstream,
    config: {
      trustedProxies: ['127.0.0.1'],
      rateLimit: [
        { match: { endpoint: 'login' }, requests: 3, per: '1h' },
        { match: { endpoint: 'callback' }, requests: 2, per: '1h' },
      ],
    },
  });
  const headers = from('192.0.2.1');
  const begin = async (path: string) => (await client.navigate(gateway.url + path, { headers })).status;
  t.equal(await begin('/'), 302, 'where a page needs one');
  t.equal(await begin('/oauth2/start'), 302);
  t.equal(await begin('/oauth2/sign_in'), 302);
  t.equal(await begin('/oauth2/start'), 429);
  t.equal(await begin('/'), 429);
  t.equal((await client.get(`${gateway.url}/x`, headers)).status, 401, 'nothing begins there');
  t.equal(await begin('/oauth2/callback?code=x&state=y'), 400);
  t.equal(await begin('/oauth2/callback?code=x&state=y'), 400);
  t.equal(await begin('/oauth2/callback?code=x&state=y'), 429);
  t.equal((await client.navigate(`${gateway.url}/`, { headers: from('192.0.2.2') })).status, 302);
});

test('an office of two thousand people who sign in within a minute meets no standard limit', async (t) => {
  const { gateway, client } = await arrange(t, {});
  const ask = (path: string) => client.get(gateway.url + path, from('192.0.2.1'));
  const statuses = new Set<number>();
  for (let each = 0; each < 2000; each++) statuses.add((await ask('/oauth2/callback?state=x')).status);
  t.same([...statuses], [400]);
  for (let each = 0; each < 1000; each++) statuses.add((await ask('/oauth2/callback?state=x')).status);
  t.ok(statuses.has(429), 'a flood does');
});

test('what was counted outlives a reload, and a new rule begins anew', async (t) => {
  const { statuses, gateway } = await arrange(t, { rateLimit: [{ requests: 2, per: '1h' }] });
  const { parseConfig } = await import('../../src/config/load.ts');
  const adopt = (yaml: string) =>
    gateway.adopt(parseConfig(yaml, { file: 'sallyport.yaml', env: {} }).config);
  t.same(await statuses(3, '192.0.2.1'), [200, 200, 429]);
  await adopt(gateway.yaml.replace('trustedProxies:', 'logging:\n  level: debug\ntrustedProxies:'));
  t.same(await statuses(1, '192.0.2.1'), [429]);
  await adopt(gateway.yaml.replace('requests: 2', 'requests: 3'));
  t.same(await statuses(4, '192.0.2.1'), [200, 200, 200, 429]);
});
