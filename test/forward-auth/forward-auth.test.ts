import { type Test, test } from 'tap';
import { arrangeUpstream } from '../support/arrange.ts';
import { createClient, navigationHeaders } from '../support/client.ts';
import { startTestGateway } from '../support/gateway.ts';
import { logIn } from '../support/log-in.ts';
import { startProvider } from '../support/provider.ts';

async function arrange(t: Test, config: Record<string, unknown> = { trustedProxies: ['127.0.0.1'] }) {
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  const routes = [
    { path: '/', upstream: upstream.url },
    { path: '/open', upstream: upstream.url, allow: 'public' },
    { path: '/admins', upstream: upstream.url, allow: [{ groups: ['admins'] }] },
    { path: '/orders', methods: ['POST'], upstream: upstream.url, allow: [{ groups: ['nobody'] }] },
  ];
  const gateway = await startTestGateway({ provider, config: { routes, ...config } });
  t.teardown(() => gateway.close());
  const client = createClient();
  t.teardown(() => client.close());
  const { host } = new URL(gateway.url);
  /** Asks as a proxy does, for a request of the browser. */
  const ask = (endpoint: string, uri: string, headers: Record<string, string> = {}) =>
    client.request(`${gateway.url}/oauth2/${endpoint}`, {
      headers: { 'x-forwarded-host': host, 'x-forwarded-uri': uri, ...headers },
    });
  return { provider, upstream, gateway, client, ask, host };
}

test('without a session: 401 for auth_request, the login for a navigation, 401 for a program', async (t) => {
  const { ask, provider, gateway } = await arrange(t);
  t.equal((await ask('auth', '/page', navigationHeaders as Record<string, string>)).status, 401);
  t.equal((await ask('auth', '/open/x')).status, 202);
  t.equal((await ask('forward-auth', '/open/x')).status, 200);
  const called = await ask('forward-auth', '/api?x=1');
  t.equal(called.status, 401);
  t.match(called.json(), { loginUrl: `${gateway.url}/oauth2/start?rd=%2Fapi%3Fx%3D1` });
  const changed = await ask('forward-auth', '/api', { 'x-forwarded-method': 'POST' });
  t.match(
    changed.json(),
    { loginUrl: `${gateway.url}/oauth2/start?rd=%2F` },
    'a form is not asked for again',
  );
  const login = await ask('forward-auth', '/page?x=1', navigationHeaders as Record<string, string>);
  t.equal(login.status, 302);
  const location = new URL(login.headers.location ?? '');
  t.equal(location.origin, provider.issuer);
  t.equal(location.searchParams.get('redirect_uri'), `${gateway.url}/oauth2/callback`);
  t.equal(login.setCookies.length, 1, 'with the cookie of the login');
});

test('with a session: the identity headers, for the route and the method that the proxy names', async (t) => {
  const { ask, client, gateway, host } = await arrange(t);
  await logIn(client, gateway.url, 'grace');
  for (const [endpoint, status] of [
    ['auth', 202],
    ['forward-auth', 200],
  ] as const) {
    const allowed = await ask(endpoint, '/page');
    t.equal(allowed.status, status);
    t.match(allowed.headers, {
      'x-forwarded-user': 'grace',
      'x-forwarded-email': 'grace@navy.example',
      'x-forwarded-groups': 'staff',
      authorization: /^Bearer \S+$/,
      'cache-control': 'no-store',
    });
    t.equal(allowed.text, '');
    t.equal((await ask(endpoint, '/admins/x')).status, 403);
    t.equal((await ask(endpoint, '/orders', { 'x-forwarded-method': 'POST' })).status, 403);
    t.equal((await ask(endpoint, '/orders', { 'x-forwarded-method': 'GET' })).status, status);
    t.equal((await ask(endpoint, '/open/../admins')).status, 400, 'a path of two readings');
    const whole = await ask(endpoint, '/open', { 'x-original-url': `http://${host}/admins` });
    t.equal(whole.status, 400, 'two addresses, of which one may be the browser’s');
    t.equal((await ask(endpoint, '/page', { 'x-forwarded-host': 'evil.example' })).status, 421);
    t.equal((await ask(endpoint, '/oauth2/callback?code=x')).status, 403, 'own endpoints are never let pass');
  }
  const denied = await ask('forward-auth', '/admins/x', navigationHeaders as Record<string, string>);
  t.match(denied.text, 'You are signed in as grace@navy.example.');
  t.match(denied.text, 'rd=%2Fadmins%2Fx');
});

test('who is no trusted proxy learns nothing, whatever it says', async (t) => {
  for (const config of [{}, { trustedProxies: ['10.0.0.0/8'] }]) {
    const { ask, client, gateway } = await arrange(t, config);
    await logIn(client, gateway.url, 'ada');
    for (const endpoint of ['auth', 'forward-auth']) {
      const answer = await ask(endpoint, '/page', { 'x-forwarded-for': '10.0.0.1' });
      t.equal(answer.status, 403);
      t.equal(answer.headers['x-sallyport-error'], 'untrusted_peer');
      t.equal(answer.headers.authorization, undefined);
      t.equal(answer.headers['x-forwarded-user'], undefined);
    }
  }
});

test('a proxy that does not name the request is told what to send', async (t) => {
  const { client, gateway } = await arrange(t);
  const answer = await client.get(`${gateway.url}/oauth2/auth`);
  t.equal(answer.status, 400);
  t.match(answer.json(), { detail: /X-Forwarded-Uri or X-Original-URL/ });
});

test('any method may ask, with a body that nobody reads', async (t) => {
  const { client, gateway, host } = await arrange(t);
  for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PROPFIND']) {
    const answer = await client.request(`${gateway.url}/oauth2/forward-auth`, {
      method,
      headers: { 'x-forwarded-host': host, 'x-forwarded-uri': '/open', 'content-type': 'application/json' },
      ...(method !== 'GET' && method !== 'HEAD' && { body: '{broken' }),
    });
    t.equal(answer.status, 200, method);
  }
});

test('Envoy’s form: the request itself, its path behind the one of the endpoint', async (t) => {
  const { client, gateway, host } = await arrange(t);
  await logIn(client, gateway.url, 'grace');
  const ask = async (method: string, path: string, headers: Record<string, string> = {}) =>
    (
      await client.request(`${gateway.url}/oauth2/forward-auth${path}`, {
        method,
        headers: { host, ...headers },
      })
    ).status;
  t.equal(await ask('GET', '/'), 200);
  t.equal(await ask('GET', '/page?x=/admins'), 200);
  t.equal(await ask('GET', '/admins/x'), 403);
  t.equal(await ask('POST', '/orders'), 403, 'the method is the request’s own');
  t.equal(await ask('GET', '/orders'), 200);
  for (const path of ['/a%20b', '/caf%C3%A9//x', '/page;v=1', '/..b/...', '/50%25', '/a%2Fb']) {
    t.equal(await ask('GET', path), 200, path);
  }
  for (const path of ['/open/../admins', '/open/..%2fadmins', '/open/%2e%2e/admins', '/../../admins']) {
    t.match(String(await ask('GET', path)), /^(400|403)$/, path);
  }
  for (const path of ['/100%', '/x/../y', '/admins%2fx', '/Admins', '/admins;x', '/oauth2%2fstart']) {
    t.equal(await ask('GET', path), 400, path);
  }
  t.equal(await ask('GET', '/page', { host: 'evil.example' }), 421);
  t.equal((await client.get(`${gateway.url}/oauth2/auth/page`)).status, 404, 'auth is nginx’s alone');
  const stranger = createClient();
  t.teardown(() => stranger.close());
  const login = await stranger.navigate(`${gateway.url}/oauth2/forward-auth/page?x=1`);
  t.equal(login.status, 302);
  const back = await logIn(stranger, gateway.url, 'ada', { path: '/oauth2/forward-auth/page?x=1' });
  t.equal(new URL(back.url).pathname, '/page', 'the login ends at the page, not at the question');
});

test('what names the original request twice has to agree, in whatever way', async (t) => {
  const { ask, client, gateway, host } = await arrange(t);
  const whole = (path: string) => ({ 'x-original-url': `http://${host}${path}` });
  t.equal((await ask('auth', '/open', whole('/open'))).status, 202);
  t.equal((await ask('auth', '/admins', whole('/open'))).status, 400);
  t.equal((await ask('auth', '/open', whole('/open?x'))).status, 400);
  t.equal((await ask('auth', '/admins', whole('/Admins'))).status, 400, 'case counts in paths');
  t.equal((await ask('auth', '/open', { 'x-original-url': 'http://evil.example/open' })).status, 400);
  t.equal((await ask('auth', '/open', { 'x-forwarded-host': `${host}, ${host}` })).status, 202);
  t.equal((await ask('auth', '/open', { 'x-forwarded-host': `other.example, ${host}` })).status, 400);
  const methods = { 'x-forwarded-method': 'POST', 'x-original-method': 'GET' };
  t.equal((await ask('auth', '/open', methods)).status, 400);
  t.equal((await ask('auth', '/open', { 'x-forwarded-method': 'GET, POST' })).status, 405);
  t.equal((await ask('auth', '/open', { 'x-forwarded-method': 'TRACE' })).status, 405);
  const open = `${gateway.url}/oauth2/forward-auth/open`;
  t.equal((await client.get(open, { 'x-forwarded-uri': '/admins' })).status, 400);
  t.equal((await client.get(open, { 'x-forwarded-method': 'POST' })).status, 400);
  t.equal((await client.get(open, { 'x-forwarded-host': 'evil.example' })).status, 400);
  t.equal((await client.get(open, { 'x-forwarded-uri': '/open', 'x-forwarded-host': host })).status, 200);
  const twice = ['X-Forwarded-Uri', '/open', 'X-Forwarded-Uri', '/admins', 'X-Forwarded-Host', host];
  const doubled = await client.request(`${gateway.url}/oauth2/auth`, { headers: ['Host', host, ...twice] });
  t.equal(doubled.status, 400);
});

test('a proxy may know the gateway by another name; browsers may not', async (t) => {
  const { client, gateway, host } = await arrange(t);
  const service = { host: 'sallyport.default.svc.cluster.local' };
  const ask = async (headers: Record<string, string>) =>
    (await client.get(`${gateway.url}/oauth2/auth`, { ...service, ...headers })).status;
  t.equal(await ask({ 'x-original-url': `http://${host}/open`, 'x-original-method': 'GET' }), 202);
  t.equal(await ask({ 'x-original-url': `http://${host}/page` }), 401);
  t.equal(await ask({ 'x-original-url': 'http://evil.example/open' }), 421);
  t.equal(await ask({ 'x-forwarded-uri': '/open' }), 421, 'without a name the proxy’s own counts');
  t.equal((await client.get(`${gateway.url}/oauth2/userinfo`, service)).status, 421);
  const strict = await arrange(t, {});
  const untrusted = await strict.client.get(`${strict.gateway.url}/oauth2/auth`, service);
  t.equal(untrusted.status, 421);
});

test('no question is about the endpoints that answer questions', async (t) => {
  const { ask, client, gateway } = await arrange(t);
  await logIn(client, gateway.url, 'ada');
  for (const path of [
    '/oauth2/auth',
    '/oauth2/forward-auth',
    '/oauth2/forward-auth/page',
    '/oauth2/forward-auth?x',
  ]) {
    const answer = await ask('forward-auth', path);
    t.equal(answer.status, 403, path);
    t.equal(answer.headers['x-sallyport-error'], 'untrusted_peer');
    t.equal(answer.headers.authorization, undefined);
  }
  t.equal((await ask('forward-auth', '/oauth2/%66orward-auth')).status, 400);
});

test('a WebSocket handshake that rides on the cookie from another site is refused', async (t) => {
  const { ask, client, gateway } = await arrange(t);
  const handshake = { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==', origin: 'https://evil.example' };
  t.equal((await ask('auth', '/open', handshake)).status, 202, 'nothing to ride on');
  await logIn(client, gateway.url, 'ada');
  for (const path of ['/page', '/open']) {
    const answer = await ask('auth', path, handshake);
    t.equal(answer.status, 403);
    t.equal(answer.headers['x-sallyport-error'], 'cross_site');
  }
  t.equal((await ask('auth', '/page', { ...handshake, origin: gateway.url })).status, 202);
  t.equal(
    (await ask('auth', '/page', { origin: 'https://evil.example' })).status,
    202,
    'an ordinary request',
  );
});
