import { createServer as createTlsServer } from 'node:https';
import { test } from 'tap';
import { arrangeGateway, arrangePublic, arrangeSignedIn, arrangeUpstream } from '../support/arrange.ts';
import { oddAnswers, startByteUpstream } from '../support/byte-upstream.ts';
import { makeCertificate } from '../support/certificate.ts';
import { createClient } from '../support/client.ts';
import { listenOnLoopback } from '../support/listening.ts';
import { logIn } from '../support/log-in.ts';
import { startProvider } from '../support/provider.ts';
import { openRaw } from '../support/raw.ts';
import { spawnGateway } from '../support/spawned-gateway.ts';
import { until } from '../support/until.ts';
import { type Echo, valuesOf } from '../support/upstream.ts';

/*
 * Ten ways in which gateways on this stack are known to fail: the libraries below do these things unless
 * somebody prevents it. Each has its promise here.
 */

test('a WebSocket client that resets its connection during the handshake does not end the process', async (t) => {
  const upstream = await startByteUpstream(() => undefined);
  t.teardown(() => upstream.close());
  const gateway = await spawnGateway({
    config: {
      routes: [
        { path: '/', upstream: upstream.url, allow: 'public' },
        { path: '/closed', upstream: upstream.url },
      ],
    },
  });
  t.teardown(() => gateway.stop());
  const { host } = new URL(gateway.url);
  await Promise.all(
    Array.from({ length: 60 }, async (_, at) => {
      const connection = await openRaw(gateway.url);
      connection.write(
        `GET ${at % 2 ? '/' : '/closed'} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
          'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
      );
      if (at % 3 > 0) await new Promise((resolve) => setTimeout(resolve, at));
      connection.reset();
    }),
  );
  const client = createClient();
  t.teardown(() => client.close());
  t.equal((await client.get(`${gateway.url}/closed`)).status, 401);
  t.equal(gateway.process.exitCode, null);
  t.equal(gateway.stderr.join(''), '');
});

test('an answer that announces trailers and has a length does not end the process', async (t) => {
  const upstream = await startByteUpstream(oddAnswers.trailerWithLength);
  t.teardown(() => upstream.close());
  const gateway = await spawnGateway({ config: { routes: [{ upstream: upstream.url, allow: 'public' }] } });
  t.teardown(() => gateway.stop());
  const client = createClient();
  t.teardown(() => client.close());
  for (let at = 0; at < 3; at++) {
    const answer = await client.get(gateway.url);
    t.same([answer.status, answer.text], [200, 'hello']);
  }
  t.equal(gateway.process.exitCode, null);
});

test('an answer whose reason cannot be written arrives without it', async (t) => {
  for (const reason of ['\xd0\xa5\xd0\xbe\xd1\x80\xd0\xbe\xd1\x88\xd0\xbe', 'sch\xf6n', 'a\x01b']) {
    const upstream = await startByteUpstream(`HTTP/1.1 200 ${reason}\r\nContent-Length: 2\r\n\r\nok`);
    t.teardown(() => upstream.close());
    const { gateway, client } = await arrangePublic(t, upstream);
    const answer = await client.request(gateway.url, { timeout: 5000 });
    t.equal(answer.status, 200, JSON.stringify(reason));
    t.equal(answer.text, 'ok');
  }
});

test('an https upstream with a certificate that nobody vouches for gets no request', async (t) => {
  const { cert, key } = await makeCertificate();
  let requests = 0;
  const server = createTlsServer({ cert, key }, (_request, response) => {
    requests++;
    response.end('should not be seen');
  });
  const upstream = await listenOnLoopback(server, 'https');
  t.teardown(() => upstream.close());
  const { gateway, client } = await arrangePublic(t, upstream);
  const answer = await client.get(gateway.url);
  t.equal(answer.status, 502);
  t.equal(requests, 0);
  const { reason } = await gateway.log.line(({ msg }) => msg === 'failed');
  t.match(reason, /self.signed/i);
  const connection = await openRaw(gateway.url);
  t.teardown(() => connection.destroy());
  connection.write(
    `GET / HTTP/1.1\r\nHost: ${new URL(gateway.url).host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  t.match(await connection.until('\r\n'), /^HTTP\/1\.1 502 /);
  t.equal(requests, 0);
});

test('a 503 of the upstream is passed on, and asked for once', async (t) => {
  const upstream = await arrangeUpstream(t, (_request, response) => {
    response.writeHead(503, { 'retry-after': '1' }).end('busy');
  });
  const { gateway, client } = await arrangePublic(t, upstream);
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'POST']) {
    upstream.requests.length = 0;
    const answer = await client.request(gateway.url, { method });
    t.equal(answer.status, 503);
    t.equal(answer.headers['retry-after'], '1');
    t.equal(upstream.requests.length, 1, method);
  }
});

test('text in Latin-1 arrives with its bytes and its charset', async (t) => {
  const upstream = await arrangeUpstream(t);
  const { gateway, client } = await arrangePublic(t, upstream);
  const bytes = Buffer.concat([
    Buffer.from('d\xe9j\xe0 vu \x00', 'latin1'),
    Buffer.alloc(2 * 1024 * 1024, 0xe9),
  ]);
  for (const type of ['text/plain; charset=iso-8859-1', 'text/plain', 'text/plain;;', 'not//a type']) {
    const answer = await client.request(gateway.url, {
      method: 'POST',
      headers: { 'content-type': type },
      body: bytes,
    });
    const { rawHeaders, body } = answer.json() as Echo;
    t.equal(body.length, bytes.length, type);
    t.same(valuesOf(rawHeaders, 'content-type'), [type]);
  }
  const small = await client.request(gateway.url, {
    method: 'POST',
    headers: { 'content-type': 'text/plain' },
    body: bytes.subarray(0, 8),
  });
  t.equal((small.json() as Echo).body.base64, bytes.subarray(0, 8).toString('base64'));
});

test('a request goes to the upstream that its Host names, and to no other', async (t) => {
  const upstreams = await Promise.all(Array.from({ length: 3 }, () => arrangeUpstream(t)));
  const { gateway, client } = await arrangeGateway(t, {
    config: {
      routes: upstreams.map(({ url }, at) => ({ path: `/app-${at}`, upstream: url, allow: 'public' })),
    },
  });
  await Promise.all(
    Array.from({ length: 30 }, async (_, at) => {
      const { rawHeaders } = (await client.get(`${gateway.url}/app-${at % 3}/x`)).json() as Echo;
      t.same(valuesOf(rawHeaders, 'host'), [new URL(upstreams[at % 3]?.url ?? '').host]);
    }),
  );
  t.same(
    upstreams.map(({ requests }) => requests.map(({ url }) => url)),
    upstreams.map((_, at) => Array<string>(10).fill(`/app-${at}/x`)),
  );
});

test('Expect, Keep-Alive and Upgrade headers of a client do not become an error', async (t) => {
  const upstream = await arrangeUpstream(t);
  const { gateway, client } = await arrangePublic(t, upstream);
  const offered: Record<string, string>[] = [
    { expect: '100-continue' },
    { 'keep-alive': 'timeout=5, max=100' },
    { connection: 'Upgrade', upgrade: 'h2c' },
    { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABkAARAAAAAAAIAAAAA' },
    { connection: 'keep-alive', upgrade: 'h2c, TLS/1.3' },
    { upgrade: 'websocket' },
  ];
  for (const headers of offered) {
    for (const [method, body] of [
      ['POST', 'hello'],
      ['GET', ''],
    ] as const) {
      const answer = await client.request(gateway.url, { method, headers: { ...headers }, body });
      t.equal(answer.status, 200, JSON.stringify(headers));
      const echo = answer.json() as Echo;
      t.equal(echo.body.length, body.length);
      t.same(valuesOf(echo.rawHeaders, 'upgrade'), []);
    }
  }
});

test('nobody can take identity headers away or bring their own', async (t) => {
  const upstream = await arrangeUpstream(t);
  const { gateway, client } = await arrangeSignedIn(t, { upstream }, 'grace');
  const names = ['Authorization', 'X-Forwarded-User', 'X-Forwarded-Email', 'X-Forwarded-Groups'];
  const spellings = names.flatMap((name) => [name, name.replaceAll('-', '_'), name.toUpperCase()]);
  const answer = await client.request(gateway.url, {
    headers: [
      ...spellings.flatMap((name) => [name, 'mallory']),
      ...['Connection', `keep-alive, ${names.join(', ')}, cookie`],
    ],
  });
  const { rawHeaders } = answer.json() as Echo;
  t.notMatch(rawHeaders.join('\n'), 'mallory');
  t.match(valuesOf(rawHeaders, 'authorization'), [/^Bearer \S+$/]);
  t.same(valuesOf(rawHeaders, 'x-forwarded-user'), ['grace']);
  t.same(valuesOf(rawHeaders, 'x-forwarded-email'), ['grace@navy.example']);
  t.same(valuesOf(rawHeaders, 'x-forwarded-groups'), ['staff']);
});

test('work that nobody waits for any more is ended upstream', async (t) => {
  const upstream = await arrangeUpstream(t, () => undefined);
  const { gateway } = await arrangePublic(t, upstream);
  const connection = await openRaw(gateway.url);
  connection.write(`GET /report HTTP/1.1\r\nHost: ${new URL(gateway.url).host}\r\n\r\n`);
  await until('the request upstream', () => upstream.requests.length === 1);
  connection.destroy();
  const before = performance.now();
  await upstream.aborted();
  t.ok(performance.now() - before < 1000);
});

test('an ID token whose signature does not hold signs nobody in', async (t) => {
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  const { gateway, client } = await arrangeGateway(t, { provider, upstream });
  provider.tamper(async (hit) => {
    if (hit.path !== '/token') return hit.pass();
    const answer = await hit.original();
    const tokens = JSON.parse(answer.body) as { id_token: string };
    const [header, payload = '', signature] = tokens.id_token.split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
    const forged = Buffer.from(JSON.stringify({ ...claims, sub: 'mallory' })).toString('base64url');
    hit.send({
      ...answer,
      body: JSON.stringify({ ...tokens, id_token: `${header}.${forged}.${signature}` }),
    });
  });
  await t.rejects(logIn(client, gateway.url, 'ada'), /no session after the login: 400/);
  t.equal(upstream.requests.length, 0);
  t.ok(await gateway.log.line(({ msg, reason }) => msg === 'refused' && /signature/.test(String(reason))));
  provider.tamper(undefined);
  t.equal((await logIn(client, gateway.url, 'ada')).status, 200);
});
