import { test } from 'tap';
import { parseConfig } from '../../src/config/load.ts';
import { differencesOf } from '../../src/plan/differences.ts';
import { compilePlan } from '../../src/plan/plan.ts';
import { handshake } from '../attack/handshake.ts';
import { arrangeSignedIn, arrangeUpstream } from '../support/arrange.ts';
import { createClient } from '../support/client.ts';
import { openRaw } from '../support/raw.ts';

test('maintenance answers everybody alike, without the application and without a login', async (t) => {
  const upstream = await arrangeUpstream(t);
  const words = 'New machines <b>until</b> noon.';
  const routes = [
    { path: '/', upstream: upstream.url },
    { path: '/wiki', upstream: upstream.url, maintenance: words },
    { path: '/shop', upstream: upstream.url, maintenance: true, allow: 'public' },
  ];
  const { gateway, client } = await arrangeSignedIn(t, { config: { routes, trustedProxies: ['127.0.0.1'] } });
  const stranger = createClient();
  t.teardown(() => stranger.close());
  t.equal((await client.get(`${gateway.url}/x`)).status, 200);
  const before = upstream.requests.length;
  for (const who of [client, stranger]) {
    const page = await who.navigate(`${gateway.url}/wiki/page`);
    t.match(page, { status: 503, headers: { 'retry-after': '60', 'x-sallyport-error': 'maintenance' } });
    t.match(page.headers['cache-control'], 'no-store');
    t.match(page.text, 'New machines &lt;b&gt;until&lt;/b&gt; noon.');
    t.match(page.text, 'Try again');
    const call = await who.request(`${gateway.url}/shop`, { method: 'POST', body: 'x' });
    t.match([call.status, call.json()], [503, { code: 'maintenance', detail: /being worked on/ }]);
    t.same([page.setCookies, call.setCookies], [[], []]);
  }
  const asked = await client.get(`${gateway.url}/oauth2/auth`, { 'x-forwarded-uri': '/wiki/page' });
  t.equal(asked.status, 503, 'a proxy that asks is told the same');
  const socket = await openRaw(gateway.url);
  socket.write(handshake(new URL(gateway.url).host, '/wiki/socket'));
  t.match(await socket.until(/\r\n\r\n/), /^HTTP\/1\.1 503 /);
  socket.destroy();
  t.equal(upstream.requests.length, before, 'nothing came to the application');
  t.equal((await client.get(`${gateway.url}/oauth2/userinfo`)).status, 200);
  t.equal((await client.get(`${gateway.url}/x`)).status, 200, 'other routes go on');
  const { level } = await gateway.log.line(({ code }) => code === 'maintenance');
  t.equal(level, 'info', 'no alarm for what was asked for');
});

test('maintenance begins and ends with a reload, and changes nothing of who passes', async (t) => {
  const upstream = await arrangeUpstream(t);
  const { gateway, client } = await arrangeSignedIn(t, {
    config: { routes: [{ path: '/', upstream: upstream.url }] },
  });
  const read = (yaml: string) => parseConfig(yaml, { file: 'sallyport.yaml', env: {} }).config;
  const [off, on] = [
    read(gateway.yaml),
    read(gateway.yaml.replace('- path: /', '- maintenance: true\n    path: /')),
  ];
  await gateway.adopt(on);
  t.equal((await client.get(`${gateway.url}/x`)).status, 503);
  await gateway.adopt(off);
  t.equal((await client.get(`${gateway.url}/x`)).status, 200, 'with the session of before');
  const { routes } = differencesOf(compilePlan(off), compilePlan(on));
  t.match(routes, [{ change: 'changed', access: 'same', shifts: [], keys: [{ key: 'maintenance' }] }]);
});
