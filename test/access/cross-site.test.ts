import { test } from 'tap';
import { arrangeSignedIn, arrangeUpstream } from '../support/arrange.ts';
import { createClient } from '../support/client.ts';

const preflight = { origin: 'https://spa.example', 'access-control-request-method': 'POST' };

test('a CORS preflight passes without a session only where the route says so', async (t) => {
  const upstream = await arrangeUpstream(t);
  const routes = [
    { path: '/', upstream: upstream.url },
    { path: '/api', upstream: upstream.url, preflight: 'pass', allow: [{ groups: ['nobody'] }] },
  ];
  const { gateway } = await arrangeSignedIn(t, { config: { routes } });
  const stranger = createClient();
  t.teardown(() => stranger.close());
  const ask = async (path: string, method: string, headers: Record<string, string>) =>
    (await stranger.request(`${gateway.url}${path}`, { method, headers })).status;
  t.equal(await ask('/x', 'OPTIONS', preflight), 401);
  t.equal(await ask('/api/x', 'OPTIONS', preflight), 200);
  t.equal(await ask('/api/x', 'OPTIONS', { origin: 'https://spa.example' }), 401, 'not a preflight');
  t.equal(await ask('/api/x', 'POST', preflight), 401, 'nor is this');
  t.equal(upstream.requests.filter(({ method }) => method === 'OPTIONS').length, 1);
});

test('csrf: header asks for X-Requested-With where a change rides on the cookie', async (t) => {
  const upstream = await arrangeUpstream(t);
  const routes = [
    { path: '/', upstream: upstream.url },
    { path: '/api', upstream: upstream.url, csrf: 'header' },
    { path: '/open', upstream: upstream.url, csrf: 'header', allow: 'public' },
  ];
  const { gateway, client } = await arrangeSignedIn(t, { config: { routes } });
  const ask = (path: string, method: string, headers: Record<string, string> = {}) =>
    client.request(`${gateway.url}${path}`, { method, headers });
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
    const refused = await ask('/api/x', method);
    t.equal(refused.status, 403, method);
    t.equal(refused.headers['x-sallyport-error'], 'forgery_header_missing');
    t.equal((await ask('/api/x', method, { 'x-requested-with': 'fetch' })).status, 200, method);
    t.equal((await ask('/open/x', method)).status, 403, 'on a public route too');
    t.equal((await ask('/x', method)).status, 200, 'other routes do not ask');
  }
  t.equal((await ask('/api/x', 'GET')).status, 200);
  const stranger = createClient();
  t.teardown(() => stranger.close());
  t.equal(
    (await stranger.request(`${gateway.url}/open/x`, { method: 'POST' })).status,
    200,
    'nothing to ride on',
  );
});
