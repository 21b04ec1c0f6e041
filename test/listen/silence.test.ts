import { readdir } from 'node:fs/promises';
import { connect as connectTls } from 'node:tls';
import { test } from 'tap';
import { arrangeGateway, arrangePublic, arrangeUpstream } from '../support/arrange.ts';
import { bulkBody } from '../support/bulk.ts';
import { startByteUpstream } from '../support/byte-upstream.ts';
import { makeCertificate } from '../support/certificate.ts';
import { createWoundClock } from '../support/clock.ts';
import { freePort } from '../support/free-port.ts';
import { startTestGateway } from '../support/gateway.ts';
import { openRaw, type RawConnection, readAnswers } from '../support/raw.ts';
import { spawnGateway } from '../support/spawned-gateway.ts';
import { until } from '../support/until.ts';

const limits = { bodySilence: '150ms' };

const postTo = (url: string, path: string, lines = '') =>
  `POST ${path} HTTP/1.1\r\nHost: ${new URL(url).host}\r\nContent-Length: 1000\r\n${lines}\r\n`;

test('a body that stops gets 408, on routes and on the endpoints of the gateway', async (t) => {
  const upstream = await arrangeUpstream(t, (request) => request.resume());
  const { gateway } = await arrangeGateway(t, {
    config: {
      limits,
      endpoints: { prefix: '/oauth2' },
      routes: [{ path: '/', upstream: upstream.url, allow: 'public' }],
    },
  });
  for (const [path, lines, accept] of [
    ['/upload', '', 'page'],
    ['/upload', 'Expect: 100-continue\r\n', 'problem'],
    ['/upload', 'Content-Type: application/grpc\r\n', 'problem'],
    ['/oauth2/backchannel-logout', 'Content-Type: application/x-www-form-urlencoded\r\n', 'page'],
    ['/oauth2/sign_out', '', 'problem'],
  ] as const) {
    const connection = await openRaw(gateway.url);
    const accepts = accept === 'page' ? 'Accept: text/html\r\n' : 'Accept: */*\r\n';
    connection.write(
      `${postTo(gateway.url, path, lines + accepts)}${lines.startsWith('Expect') ? '' : 'some'}`,
    );
    await connection.closed();
    const answer = readAnswers(connection.received()).at(-1);
    t.equal(answer?.status, 408, `${path} ${lines}`);
    t.match(answer?.body, accept === 'page' ? /<h1>Too slow<\/h1>/ : /"code":"request_timeout"/);
    const line = await gateway.log.line(
      ({ msg, status, path: of }) => msg === 'request' && status === 408 && of === path,
    );
    t.ok(line, 'with its line in the log');
  }
  await until('the end upstream', () => upstream.open.size === 0);
  t.ok(upstream.requests.every(({ aborted }) => aborted));
  t.same(
    gateway.log.lines.filter(({ msg, code }) => msg === 'failed' || code === 'malformed_request'),
    [],
    'the application is not said to be out',
  );
});

test('a body that comes slowly but comes is not cut', async (t) => {
  let received = 0;
  const upstream = await arrangeUpstream(t, (request, response) => {
    request.on('data', ({ length }: Buffer) => {
      received += length;
    });
    request.on('end', () => response.end());
  });
  const clock = createWoundClock();
  const { gateway } = await arrangeGateway(t, {
    config: {
      limits: { bodySilence: '4m' },
      routes: [{ path: '/', upstream: upstream.url, allow: 'public' }],
    },
    clock,
  });
  const connection = await openRaw(gateway.url);
  t.teardown(() => connection.destroy());
  connection.write(`POST / HTTP/1.1\r\nHost: ${new URL(gateway.url).host}\r\nContent-Length: 12\r\n\r\n`);
  for (let sent = 1; sent <= 12; sent++) {
    connection.write('x');
    await until(`byte ${sent} upstream`, () => received === sent);
    if (sent < 12) for (let minutes = 0; minutes < 3; minutes++) clock.wind(60_000);
  }
  await connection.until('HTTP/1.1 200 OK');
});

test('a client that waits for the upstream is not silent', async (t) => {
  let slow: (() => void) | undefined;
  const upstream = await arrangeUpstream(t, (request, response) => {
    // It takes nothing of the body until it is told to.
    slow = () => {
      request.resume();
      request.on('end', () => response.end('all of it'));
    };
  });
  const { gateway, client } = await arrangeGateway(t, {
    config: {
      limits: { bodySilence: '50ms' },
      routes: [{ path: '/', upstream: upstream.url, allow: 'public' }],
    },
  });
  const answer = client.request(gateway.url, { method: 'POST', body: bulkBody(30 * 1024 * 1024) });
  await until('the request upstream', () => slow);
  // Others come to their limit in the meantime.
  for (let at = 0; at < 3; at++) {
    const other = await openRaw(gateway.url);
    other.write(`${postTo(gateway.url, '/oauth2/sign_out')}some`);
    await other.closed();
    t.match(other.received(), /^HTTP\/1\.1 408 /);
  }
  slow?.();
  t.equal((await answer).text, 'all of it');
});

test('where the answer has begun, both sides talk when they like', async (t) => {
  const upstream = await arrangeUpstream(t, (request, response) => {
    response.write('begun');
    request.on('data', (chunk: Buffer) => response.write(chunk.toString().toUpperCase()));
    request.on('end', () => response.end());
  });
  const { gateway } = await arrangeGateway(t, {
    config: { limits, routes: [{ path: '/', upstream: upstream.url, allow: 'public' }] },
  });
  const connection = await openRaw(gateway.url);
  t.teardown(() => connection.destroy());
  const { host } = new URL(gateway.url);
  connection.write(`POST / HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n`);
  await connection.until('begun');
  // A body without an answer comes to its limit in the meantime.
  const other = await openRaw(gateway.url);
  other.write(`${postTo(gateway.url, '/oauth2/sign_out')}some`);
  await other.closed();
  connection.write('5\r\nstill\r\n0\r\n\r\n');
  await connection.until('STILL');
});

test('a body that nobody wants any more does not hold the connection', async (t) => {
  const { gateway } = await arrangeGateway(t, { upstream: 'http://127.0.0.1:9', config: { limits } });
  const connection = await openRaw(gateway.url);
  connection.write(`${postTo(gateway.url, '/private')}some`);
  await connection.closed();
  t.match(connection.received(), /^HTTP\/1\.1 401 /);
  t.equal(readAnswers(connection.received()).length, 1);
});

test('a client that reads nothing of an answer loses it, one that waits for more does not', async (t) => {
  const upstream = await arrangeUpstream(t, (request, response) => {
    if (request.url === '/events')
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
    else bulkBody(64 * 1024 * 1024).pipe(response);
  });
  const { gateway } = await arrangeGateway(t, {
    config: {
      limits: { answerSilence: '300ms' },
      routes: [{ path: '/', upstream: upstream.url, allow: 'public' }],
    },
  });
  const { host } = new URL(gateway.url);
  const events = await openRaw(gateway.url);
  t.teardown(() => events.destroy());
  events.write(`GET /events HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  await events.until('data: 1');
  const connection = await openRaw(gateway.url);
  t.teardown(() => connection.destroy());
  connection.socket.pause();
  connection.write(`GET /large HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  await upstream.aborted();
  t.ok(await gateway.log.line(({ limit }) => limit === 'limits.answerSilence'));
  t.notOk(events.socket.destroyed);
  t.equal(upstream.requests.filter(({ aborted }) => aborted).length, 1);
});

test('an application that takes nothing of a body is given up', async (t) => {
  const upstream = await startByteUpstream((socket) => {
    socket.pause();
  });
  t.teardown(() => upstream.close());
  const { gateway, client } = await arrangeGateway(t, {
    config: {
      limits: { answerSilence: '300ms', bodySilence: '100ms' },
      routes: [{ path: '/', upstream: upstream.url, allow: 'public' }],
    },
  });
  const answer = await client.request(gateway.url, { method: 'POST', body: bulkBody(40 * 1024 * 1024) });
  t.equal(answer.status, 502);
});

test('a client that asks and asks, and never reads, is closed', async (t) => {
  const upstream = await arrangeUpstream(t, (_request, response) => response.end('x'.repeat(100_000)));
  const { gateway } = await arrangeGateway(t, {
    config: {
      limits: { answerSilence: '300ms' },
      routes: [{ path: '/', upstream: upstream.url, allow: 'public' }],
    },
  });
  const { host } = new URL(gateway.url);
  const connection = await openRaw(gateway.url);
  t.teardown(() => connection.destroy());
  connection.socket.pause();
  connection.write(`GET /oauth2/none HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  connection.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`.repeat(90));
  t.ok(await gateway.log.line(({ limit }) => limit === 'limits.answerSilence'));
});

test('headers that do not come end at their limit, with 408 where they have begun', async (t) => {
  const upstream = await arrangeUpstream(t);
  const { gateway } = await arrangeGateway(t, {
    upstream,
    config: { limits: { headerTime: '200ms', keepAlive: '10m' } },
  });
  const { host } = new URL(gateway.url);
  for (const [bytes, received] of [
    ['', /^$/],
    [`GET / HTTP/1.1\r\nHost: ${host}\r\n`, /^HTTP\/1\.1 408 [\s\S]*"code":"request_timeout"/],
    [`GET /oauth2/none HTTP/1.1\r\nHost: ${host}\r\n\r\nGET /`, /^HTTP\/1\.1 404 [\s\S]*HTTP\/1\.1 408 /],
  ] as const) {
    const connection = await openRaw(gateway.url);
    connection.write(bytes);
    await connection.closed(2000);
    t.match(connection.received(), received);
  }
  t.equal(gateway.log.lines.filter(({ code }) => code === 'request_timeout').length, 2);
});

test('a TLS handshake that does not end is cut at the limit for headers', async (t) => {
  const { certFile: cert, keyFile: key } = await makeCertificate();
  const port = await freePort();
  const gateway = await startTestGateway({
    upstream: 'http://127.0.0.1:9',
    config: {
      publicUrl: `https://localhost:${port}`,
      listen: { address: `127.0.0.1:${port}`, tls: { cert, key } },
      limits: { headerTime: '200ms', bodySilence: '200ms' },
    },
  });
  t.teardown(() => gateway.close());
  const silent = await openRaw(`http://127.0.0.1:${port}`);
  silent.write('\x16\x03\x01');
  await silent.closed(2000);
  const connection = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
  connection.write(
    `POST /oauth2/sign_out HTTP/1.1\r\nHost: localhost:${port}\r\nContent-Length: 9\r\n\r\nhal`,
  );
  let text = '';
  connection.on('data', (chunk: Buffer) => {
    text += chunk;
  });
  await until('the answer', () => text !== '');
  t.match(text, /^HTTP\/1\.1 408 /, 'a slow body is one over TLS too');
  connection.destroy();
});

test('a client that does not close after 400 or 408 is closed', async (t) => {
  const clock = createWoundClock();
  const { gateway } = await arrangeGateway(t, {
    upstream: 'http://127.0.0.1:9',
    config: { limits: { headerTime: '100ms', bodySilence: '100ms' } },
    clock,
  });
  const { host } = new URL(gateway.url);
  const kinds = {
    'no HTTP': 'no HTTP at all\r\n\r\n',
    'slow headers': `GET / HTTP/1.1\r\nHost: ${host}\r\n`,
    'a slow body': `${postTo(gateway.url, '/oauth2/sign_out')}some`,
    'a refused method': `CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
  };
  for (const [name, bytes] of Object.entries(kinds)) {
    const connection = await openRaw(gateway.url, { allowHalfOpen: true });
    t.teardown(() => connection.destroy());
    connection.write(bytes);
    await connection.until(/^HTTP\/1\.1 4\d\d /);
    // It goes on to send, and never closes.
    const drip = setInterval(() => connection.write('x'), 20);
    await until(`the end of ${name}`, () => {
      clock.wind(1000);
      return connection.socket.errored !== null;
    });
    clearInterval(drip);
    t.pass(name);
  }
});

test('slow bodies, slow readers and half-closed WebSockets give their descriptors back', async (t) => {
  let arrived = 0;
  const upstream = await arrangeUpstream(t, (request, response) => {
    arrived++;
    if (request.method === 'GET') bulkBody(16 * 1024 * 1024).pipe(response);
    else request.resume();
  });
  upstream.server.on('upgrade', (_request, socket) => {
    arrived++;
    socket.on('error', () => socket.destroy());
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    // It neither reads nor closes.
  });
  const gateway = await spawnGateway({
    config: {
      limits: { bodySilence: '300ms', answerSilence: '300ms' },
      routes: [{ path: '/', upstream: upstream.url, allow: 'public' }],
    },
  });
  t.teardown(() => gateway.stop());
  const { host } = new URL(gateway.url);
  const descriptors = async () => (await readdir(`/proc/${gateway.process.pid}/fd`)).length;
  const warmUp = await openRaw(gateway.url);
  warmUp.write(`GET /oauth2/none HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  await warmUp.closed();
  const before = await descriptors();
  const socket =
    `GET /socket HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
  const kinds: Record<string, (connection: RawConnection) => Promise<unknown> | undefined> = {
    'slow bodies': (connection) => {
      connection.write(`${postTo(gateway.url, '/upload')}some`);
      return undefined;
    },
    'slow readers': (connection) => {
      connection.socket.pause();
      connection.write(`GET /large HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      return undefined;
    },
    'half-closed WebSockets': async (connection) => {
      connection.write(socket);
      await connection.until('HTTP/1.1 101');
      connection.end();
    },
  };
  for (const [name, use] of Object.entries(kinds)) {
    const connections = await Promise.all(
      Array.from({ length: 64 }, async () => {
        const connection = await openRaw(gateway.url, { allowHalfOpen: true });
        await use(connection);
        return connection;
      }),
    );
    await until(`${name} upstream`, () => arrived === 64, 20_000);
    arrived = 0;
    await until(`the end of ${name}`, async () => (await descriptors()) <= before + 2, 20_000);
    for (const { destroy } of connections) destroy();
  }
});

test('a request that is served as ever is never cut', async (t) => {
  const upstream = await arrangeUpstream(t);
  const { gateway, client } = await arrangePublic(t, upstream);
  const sizes = [0, 1, 100_000, 5_000_000];
  for (const size of sizes) {
    const answer = await client.request(gateway.url, { method: 'POST', body: bulkBody(size) });
    t.equal((answer.json() as { body: { length: number } }).body.length, size);
  }
});
