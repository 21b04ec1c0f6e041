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
  t.equal((await ask('forward-auth', '/api')).status, 401);
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
    t.equal(
      (await ask(endpoint, '/oauth2/callback?code=x')).status,
      status,
      'own endpoints are not asked for a session',
    );
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
