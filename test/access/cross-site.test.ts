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

test('csrf: header also asks where a change comes from, where that is said', async (t) => {
  const upstream = await arrangeUpstream(t);
  const spa = 'https://spa.example';
  const routes = [
    { path: '/', upstream: upstream.url },
    { path: '/api', upstream: upstream.url, csrf: 'header' },
    { path: '/shared', upstream: upstream.url, csrf: 'header', cors: [spa] },
  ];
  const { gateway, client } = await arrangeSignedIn(t, { config: { routes } });
  // What a web view of Android adds to the forms of every site.
  const post = (path: string, origin?: string) =>
    client.request(`${gateway.url}${path}`, {
      method: 'POST',
      headers: { 'x-requested-with': 'com.example.inapp', ...(origin !== undefined && { origin }) },
    });
  for (const origin of ['https://evil.example', 'null', spa, `${gateway.url}.evil.example`, '']) {
    const refused = await post('/api', origin);
    t.equal(refused.status, 403, origin);
    t.equal(refused.headers['x-sallyport-error'], 'cross_site', origin);
  }
  for (const origin of [undefined, gateway.url])
    t.equal((await post('/api', origin)).status, 200, String(origin));
  t.equal((await post('/shared', spa)).status, 200, 'one of cors');
  t.equal((await post('/shared', 'https://other.example')).status, 403);
  t.equal((await post('/x', 'https://evil.example')).status, 200, 'other routes do not ask');
});

test('scripts of the origins in cors read the 401 and 403 of the gateway, and may ask; others do not', async (t) => {
  const upstream = await arrangeUpstream(t);
  const spa = 'https://spa.example';
  const routes = [
    { path: '/', upstream: upstream.url },
    { path: '/api', upstream: upstream.url, cors: [spa, 'https://two.example:8443'] },
    { path: '/api/none', upstream: upstream.url, cors: [spa], allow: [{ groups: ['nobody'] }] },
    { path: '/api/own', upstream: upstream.url, cors: [spa], preflight: 'pass' },
    { path: '/api/login', upstream: upstream.url, cors: [spa], unauthenticated: 'login' },
  ];
  const { gateway, client } = await arrangeSignedIn(t, { config: { routes } });
  const stranger = createClient();
  t.teardown(() => stranger.close());
  const get = (who: typeof client, path: string, origin: string) =>
    who.get(`${gateway.url}${path}`, { origin });

  for (const [who, path, status] of [
    [stranger, '/api/x', 401],
    [client, '/api/none', 403],
  ] as const) {
    const { status: got, headers } = await get(who, path, spa);
    t.equal(got, status);
    t.equal(headers['access-control-allow-origin'], spa);
    t.equal(headers['access-control-allow-credentials'], 'true');
    t.match(headers['access-control-expose-headers'], 'X-Sallyport-Error');
    t.equal(headers.vary, 'Origin');
    for (const origin of ['https://evil.example', 'null', `${spa}.evil.example`, 'https://SPA.example']) {
      const other = await get(who, path, origin);
      t.equal(other.status, status);
      t.equal(other.headers['access-control-allow-origin'], undefined, origin);
    }
  }
  const elsewhere = await get(stranger, '/x', spa);
  t.equal(elsewhere.headers['access-control-allow-origin'], undefined, 'another route');

  const ask = (path: string, headers: Record<string, string> = {}) =>
    stranger.request(`${gateway.url}${path}`, {
      method: 'OPTIONS',
      headers: {
        origin: spa,
        'access-control-request-method': 'PUT',
        'access-control-request-headers': 'content-type,x-requested-with',
        ...headers,
      },
    });
  const before = upstream.requests.length;
  for (const path of ['/api/x', '/api/none', '/api/login']) {
    const { status, headers, text } = await ask(path);
    t.equal(status, 204, path);
    t.equal(text, '');
    t.equal(headers['access-control-allow-origin'], spa);
    t.equal(headers['access-control-allow-methods'], 'PUT');
    t.equal(headers['access-control-allow-headers'], 'content-type,x-requested-with');
    t.equal(headers['access-control-allow-credentials'], 'true');
  }
  const odd = await ask('/api/x', { 'access-control-request-headers': 'x y, z' });
  t.equal(odd.headers['access-control-allow-headers'], undefined, 'what are no names is not repeated');
  t.equal((await ask('/api/x', { origin: 'https://evil.example' })).status, 401);
  t.equal((await ask('/x')).status, 401);
  t.equal(upstream.requests.length, before, 'none of them got to the application');
  t.equal((await ask('/api/own')).status, 200, 'the application answers for itself');
});

test('a proxy that only asks is never told to let a preflight pass', async (t) => {
  const upstream = await arrangeUpstream(t);
  const spa = 'https://spa.example';
  const routes = [{ path: '/', upstream: upstream.url, cors: [spa] }];
  const { gateway } = await arrangeSignedIn(t, { config: { routes, trustedProxies: ['127.0.0.1'] } });
  const stranger = createClient();
  t.teardown(() => stranger.close());
  const answer = await stranger.get(`${gateway.url}/oauth2/forward-auth`, {
    'x-forwarded-host': new URL(gateway.url).host,
    'x-forwarded-uri': '/api',
    'x-forwarded-method': 'OPTIONS',
    origin: spa,
    'access-control-request-method': 'PUT',
  });
  t.equal(answer.status, 401);
  t.equal(answer.headers['access-control-allow-origin'], spa, 'whose script may read why');
});
