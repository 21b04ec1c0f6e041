import { test } from 'tap';
import { arrangeGateway, arrangeUpstream } from './arrange.ts';
import { startByteUpstream } from './byte-upstream.ts';
import { createClient } from './client.ts';
import { createCookieJar } from './cookie-jar.ts';
import { logIn } from './log-in.ts';
import { startProvider } from './provider.ts';
import { openRaw, readAnswers, sendRaw } from './raw.ts';
import { spawnGateway } from './spawned-gateway.ts';
import { type Echo, valuesOf } from './upstream.ts';

test('a person logs in at the real provider and reaches the application', async (t) => {
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  const { gateway, client } = await arrangeGateway(t, { provider, upstream });
  const answer = await logIn(client, gateway.url, 'ada', { path: '/first?page=1' });
  t.equal(answer.status, 200);
  const echo = answer.json() as Echo;
  t.equal(echo.url, '/first?page=1');
  t.same(valuesOf(echo.rawHeaders, 'x-forwarded-user'), ['ada']);
  t.same(
    provider.events.map(({ name }) => name),
    ['authorization.success', 'grant.success'],
  );
  t.equal(provider.hits.get('/token'), 1);
  t.ok(await gateway.log.line(({ msg }) => msg === 'login'));
});

test('a provider answers with what a tamper makes of it', async (t) => {
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const client = createClient();
  t.teardown(() => client.close());
  const metadataUrl = `${provider.issuer}/.well-known/openid-configuration`;
  provider.tamper(async (hit) => {
    if (hit.path !== '/.well-known/openid-configuration') return hit.pass();
    const answer = await hit.original();
    hit.send({
      ...answer,
      body: answer.body.replaceAll(`${provider.issuer}/token`, 'http://elsewhere/token'),
    });
  });
  t.match((await client.get(metadataUrl)).json(), {
    issuer: provider.issuer,
    token_endpoint: 'http://elsewhere/token',
  });
  t.equal((await client.get(`${provider.issuer}/jwks`)).status, 200);
  provider.tamper(undefined);
  t.match((await client.get(metadataUrl)).json(), { token_endpoint: `${provider.issuer}/token` });
  await provider.stop();
  await t.rejects(client.get(metadataUrl));
  await provider.restart();
  t.equal((await client.get(metadataUrl)).status, 200);
});

test('a spawned gateway serves, says how much memory it holds and ends on SIGTERM', async (t) => {
  const upstream = await arrangeUpstream(t);
  const gateway = await spawnGateway({
    config: { routes: [{ upstream: upstream.url, allow: 'public' }] },
  });
  t.teardown(() => gateway.stop());
  const client = createClient();
  t.teardown(() => client.close());
  t.equal((await client.get(`${gateway.url}/x`)).status, 200);
  // The kernel keeps both figures by approximation, so the peak may read a little below the present.
  t.ok((await gateway.rss()) > 20e6);
  t.ok((await gateway.peakRss()) > 20e6);
  t.ok(gateway.log.lines.some(({ msg }) => msg === 'listening'));
  gateway.process.kill('SIGTERM');
  t.same(await gateway.exited, { code: 0, signal: null });
});

test('raw connections send literal bytes and take answers apart', async (t) => {
  const upstream = await startByteUpstream(
    'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
  );
  t.teardown(() => upstream.close());
  const text = await sendRaw(upstream.url, 'GET /\xe9 HTTP/1.1\r\nHost: x\r\n\r\n');
  t.match(readAnswers(text), [
    { status: 103, body: '' },
    { status: 200, body: 'abc' },
  ]);
  t.match(upstream.received[0], 'GET /\xe9 HTTP/1.1');
  const connection = await openRaw(upstream.url);
  connection.write('GET / HTTP/1.1\r\n\r\n');
  t.match(await connection.until('abc'), 'HTTP/1.1 200 OK');
  t.equal(await connection.closed(), 'end');
});

test('the cookie jar keeps and sends cookies as browsers do', async (t) => {
  const jar = createCookieJar();
  jar.take('http://127.0.0.1:1000/a/b', [
    'plain=1',
    'root=2; Path=/; HttpOnly',
    'gone=3; Path=/; Max-Age=0',
    '__Host-forged=4; Path=/',
    'secure=5; Secure; Path=/',
    `large=${'x'.repeat(4096)}; Path=/`,
  ]);
  t.equal(jar.headerFor('http://127.0.0.1:2000/a/c'), 'plain=1; root=2');
  t.equal(jar.headerFor('http://127.0.0.1/'), 'root=2');
  t.equal(jar.headerFor('http://localhost/a/b'), undefined);
  jar.take('http://127.0.0.1/', ['root=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT']);
  t.equal(jar.headerFor('http://127.0.0.1/'), undefined);
  jar.take('https://app.example.com/', [
    '__Host-session=1; Secure; Path=/',
    'wide=2; Domain=example.com; Path=/',
  ]);
  t.equal(jar.headerFor('https://app.example.com/'), '__Host-session=1; wide=2');
  t.equal(jar.headerFor('https://other.example.com/'), 'wide=2');
});
