import { test } from 'tap';
import { arrangePublic, arrangeUpstream } from '../support/arrange.ts';
import { bulkBody } from '../support/bulk.ts';
import { oddAnswers, startByteUpstream } from '../support/byte-upstream.ts';
import { openRaw } from '../support/raw.ts';
import { until } from '../support/until.ts';

/** Milliseconds in which an abort has to be on the other side: the time of a few round trips. */
const atOnce = 1000;

test('a client that leaves before the answer is seen upstream at once', async (t) => {
  // Takes requests and answers none.
  const upstream = await arrangeUpstream(t, (request) => request.resume());
  const { gateway } = await arrangePublic(t, upstream);
  const { host } = new URL(gateway.url);
  for (const [name, leave] of [
    ['closing', 'destroy'],
    ['resetting', 'reset'],
  ] as const) {
    for (const body of ['', 'hello']) {
      upstream.requests.length = 0;
      const connection = await openRaw(gateway.url);
      connection.write(`POST / HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      await until('the request upstream', () => upstream.requests.length === 1);
      const before = performance.now();
      connection[leave]();
      await upstream.aborted();
      t.ok(performance.now() - before < atOnce, `${name} after ${body.length} bytes of body`);
    }
  }
  const line = await gateway.log.line(({ msg, status }) => msg === 'request' && status === 499);
  t.ok(line, 'the log says that the client left');
});

test('a client that leaves in the middle of its upload is seen upstream at once', async (t) => {
  const upstream = await arrangeUpstream(t, (request) => request.resume());
  const { gateway } = await arrangePublic(t, upstream);
  const { host } = new URL(gateway.url);
  for (const framing of ['Content-Length: 1000', 'Transfer-Encoding: chunked']) {
    upstream.requests.length = 0;
    const connection = await openRaw(gateway.url);
    connection.write(`POST / HTTP/1.1\r\nHost: ${host}\r\n${framing}\r\n\r\n5\r\nhello\r\n`);
    await until('the request upstream', () => upstream.requests.length === 1);
    connection.destroy();
    const before = performance.now();
    await upstream.aborted();
    t.ok(performance.now() - before < atOnce, framing);
  }
});

test('a client that leaves in the middle of the answer is seen upstream at once', async (t) => {
  const upstream = await arrangeUpstream(t, (_request, response) => {
    response.write('the beginning');
  });
  const { gateway } = await arrangePublic(t, upstream);
  const connection = await openRaw(gateway.url);
  connection.write(`GET / HTTP/1.1\r\nHost: ${new URL(gateway.url).host}\r\n\r\n`);
  await connection.until('the beginning');
  connection.destroy();
  const before = performance.now();
  await upstream.aborted();
  t.ok(performance.now() - before < atOnce);
});

test('a client that leaves while it reads nothing is seen upstream too', async (t) => {
  const upstream = await arrangeUpstream(t, (_request, response) => {
    bulkBody(200 * 1024 * 1024).pipe(response);
  });
  const { gateway, client } = await arrangePublic(t, upstream);
  const { answer, destroy } = await client.open(gateway.url);
  answer.pause();
  destroy();
  await upstream.aborted();
  t.pass('the transfer was ended');
});

test('a WebSocket client that leaves during its handshake is seen upstream at once', async (t) => {
  // Takes handshakes and answers none.
  const upstream = await startByteUpstream(() => undefined);
  t.teardown(() => upstream.close());
  const { gateway } = await arrangePublic(t, upstream);
  for (const leave of ['destroy', 'reset'] as const) {
    const connection = await openRaw(gateway.url);
    connection.write(
      `GET /socket HTTP/1.1\r\nHost: ${new URL(gateway.url).host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    await until('the handshake upstream', () => upstream.open.size === 1);
    connection[leave]();
    await until('the end of the handshake upstream', () => upstream.open.size === 0, 2 * atOnce);
    t.equal(upstream.open.size, 0, leave);
  }
});

test('an answer that breaks off looks broken to the client, never complete', async (t) => {
  for (const [name, answer] of [
    ['a length that is not reached', oddAnswers.closedInBody],
    ['chunks without an end', oddAnswers.closedInChunks],
  ] as const) {
    const upstream = await startByteUpstream(answer);
    t.teardown(() => upstream.close());
    const { gateway, client } = await arrangePublic(t, upstream);
    await t.rejects(client.get(gateway.url), { code: 'ECONNRESET' }, name);
    const connection = await openRaw(gateway.url);
    connection.write(`GET / HTTP/1.1\r\nHost: ${new URL(gateway.url).host}\r\n\r\n`);
    await connection.closed();
    t.notMatch(connection.received(), '\r\n0\r\n', name);
    t.ok(await gateway.log.line(({ msg }) => msg === 'failed'), 'and is logged');
  }
});

test('a reset in the middle of a large answer reaches the client', async (t) => {
  const upstream = await startByteUpstream((socket) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n${'x'.repeat(100_000)}`);
    setTimeout(() => socket.resetAndDestroy(), 100);
  });
  t.teardown(() => upstream.close());
  const { gateway, client } = await arrangePublic(t, upstream);
  await t.rejects(client.get(gateway.url), { code: 'ECONNRESET' });
  t.equal((await client.get(`${gateway.url}/oauth2/userinfo`)).status, 401, 'the gateway goes on');
});

test('an application that refuses an upload early is heard', async (t) => {
  const upstream = await arrangeUpstream(t, (_request, response) => {
    // Before a byte of the body was read; the rest is dropped, as servers do that want to be heard.
    response.writeHead(413, { 'content-type': 'text/plain' });
    response.end('too large for me');
  });
  const { gateway, client } = await arrangePublic(t, upstream);
  for (const headers of [{ 'content-length': String(50 * 1024 * 1024) }, {} as Record<string, string>]) {
    const answer = await client.request(gateway.url, {
      method: 'POST',
      headers,
      body: bulkBody(50 * 1024 * 1024),
    });
    t.equal(answer.status, 413);
    t.equal(answer.text, 'too large for me');
    t.equal(answer.headers['x-sallyport-error'], undefined);
  }
});

test('an application that refuses an upload early and hangs up is heard', async (t) => {
  const upstream = await startByteUpstream((socket) => {
    socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\nConnection: close\r\n\r\nnot me');
    // It reads no further, as small servers do.
    socket.pause();
  });
  t.teardown(() => upstream.close());
  const { gateway, client } = await arrangePublic(t, upstream);
  const answer = await client.request(gateway.url, { method: 'POST', body: bulkBody(20 * 1024 * 1024) });
  t.equal(answer.status, 403);
  t.equal(answer.text, 'not me');
});

test('two hundred clients that come and go leave no work upstream', async (t) => {
  const upstream = await arrangeUpstream(t, (request) => request.resume());
  const { gateway } = await arrangePublic(t, upstream);
  const { host } = new URL(gateway.url);
  await Promise.all(
    Array.from({ length: 200 }, async (_, at) => {
      const connection = await openRaw(gateway.url);
      connection.write(`GET /${at} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      if (at % 2 === 0)
        await until('the request upstream', () => upstream.requests.some(({ url }) => url === `/${at}`));
      if (at % 3 === 0) connection.reset();
      else connection.destroy();
    }),
  );
  await until('the end of all requests', () => upstream.requests.every(({ aborted }) => aborted));
  t.ok(upstream.requests.length >= 100);
});
