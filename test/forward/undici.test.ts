import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttp2Server, createSecureServer, type Http2ServerResponse } from 'node:http2';
import type { Server } from 'node:net';
import type { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import tap, { test } from 'tap';
import { arrangePublic, type Teardown } from '../support/arrange.ts';
import { bulkBody, bulkDigest, digestOf } from '../support/bulk.ts';
import { startByteUpstream } from '../support/byte-upstream.ts';
import { makeCertificate } from '../support/certificate.ts';
import { listenOnLoopback } from '../support/listening.ts';
import { openRaw, readAnswers } from '../support/raw.ts';
import { until } from '../support/until.ts';
import { valuesOf } from '../support/upstream.ts';

/*
 * What the transfer relies on of undici, each as a promise to a client: over HTTP/1.1, over HTTP/2 by agreement, and
 * over HTTP/2 from the first byte. `npm run undici8` runs them with the next version of undici as well.
 */

// Some hundred megabytes pass here, on machines that may have other work to do.
tap.setTimeout(120_000);

const protocols = ['HTTP/1.1', 'HTTP/2', 'h2c'] as const;
type Protocol = (typeof protocols)[number];
type Handler = (request: IncomingMessage, response: ServerResponse) => void;

const certificate = makeCertificate();

/** A gateway in front of an application that speaks a protocol. */
async function arrange(t: Teardown, protocol: Protocol, handler: Handler) {
  const { cert, key, certFile } = await certificate;
  // The API of HTTP/2 for those who know HTTP/1.1 is the same, as far as it is used here.
  const server = {
    'HTTP/1.1': () => createServer(handler),
    'HTTP/2': () => createSecureServer({ cert, key }, handler as never),
    h2c: () => createHttp2Server(handler as never),
  }[protocol]();
  const scheme = protocol === 'HTTP/2' ? 'https' : 'http';
  const upstream = await listenOnLoopback(server as Server, scheme);
  t.teardown(() => upstream.close());
  const route = {
    http2: protocol !== 'HTTP/1.1',
    ...(protocol === 'HTTP/2' && { tls: { ca: certFile } }),
  };
  return { upstream, ...(await arrangePublic(t, upstream, route)) };
}

/** Breaks an answer off where the application cannot end it. */
function reset(response: ServerResponse): void {
  const { stream } = response as unknown as Http2ServerResponse;
  const internalError = 2;
  if (stream) stream.close(internalError);
  else response.socket?.resetAndDestroy();
}

for (const protocol of protocols) {
  test(`${protocol}: method, path, body and headers go up, and status, headers and body come back`, async (t) => {
    const { gateway, client } = await arrange(t, protocol, async (request, response) => {
      const { length, sha256 } = await digestOf(request);
      response.writeHead(207, { 'set-cookie': ['a=1', 'b=2'], 'x-latin': 'x', 'content-type': 'text/plain' });
      response.end(`${request.httpVersion} ${request.method} ${request.url} ${length} ${sha256}`);
    });
    const size = 300_000;
    const answer = await client.request(`${gateway.url}/a%2Fb?c=%20`, {
      method: 'PROPPATCH',
      body: bulkBody(size),
    });
    const version = protocol === 'HTTP/1.1' ? '1.1' : '2.0';
    t.equal(answer.text, `${version} PROPPATCH /a%2Fb?c=%20 ${size} ${bulkDigest(size)}`);
    t.equal(answer.status, 207);
    t.same(valuesOf(answer.rawHeaders, 'set-cookie'), ['a=1', 'b=2']);
    t.equal(answer.headers['content-type'], 'text/plain');
  });

  test(`${protocol}: trailers come behind the body`, async (t) => {
    const { gateway, client } = await arrange(t, protocol, (_request, response) => {
      response.write('data');
      response.addTrailers({ 'x-sum': 'abc', 'grpc-status': '0' });
      response.end();
    });
    const { text, trailers } = await client.get(gateway.url);
    t.same([text, trailers], ['data', { 'x-sum': 'abc', 'grpc-status': '0' }]);
  });

  test(`${protocol}: interim answers are not the answer`, async (t) => {
    const { gateway, client } = await arrange(t, protocol, (_request, response) => {
      response.writeEarlyHints({ link: '</style.css>; rel=preload' });
      response.writeEarlyHints({ link: '</more.css>; rel=preload' });
      response.writeHead(201, { 'x-final': 'yes' });
      response.end('final');
    });
    for (let round = 0; round < 3; round++) {
      const { status, text, headers } = await client.get(gateway.url);
      t.same([status, text, headers['x-final'], headers.link], [201, 'final', 'yes', undefined]);
    }
  });

  test(`${protocol}: a client that leaves is seen upstream, before and in the middle of the answer`, async (t) => {
    let begun = 0;
    let aborted = 0;
    const { gateway } = await arrange(t, protocol, (request, response) => {
      request.resume();
      begun++;
      response.on('close', () => {
        // HTTP/2 calls an answer finished that was reset.
        if (!response.writableFinished || request.aborted) aborted++;
      });
      if (request.url === '/begun') response.write('the beginning');
    });
    for (const [round, path] of ['/silent', '/begun'].entries()) {
      const connection = await openRaw(gateway.url);
      connection.write(`GET ${path} HTTP/1.1\r\nHost: ${new URL(gateway.url).host}\r\n\r\n`);
      await until('the request upstream', () => begun === round + 1);
      if (path === '/begun') await connection.until('the beginning');
      connection.destroy();
      await until('the abort upstream', () => aborted === round + 1);
    }
    t.equal(aborted, 2);
  });

  test(`${protocol}: an answer that is reset in the middle looks broken, and the next one is whole`, async (t) => {
    const { gateway, client } = await arrange(t, protocol, (request, response) => {
      if (request.url === '/whole') {
        response.end('whole');
        return;
      }
      response.write('the beginning');
      setImmediate(() => setImmediate(() => reset(response)));
    });
    for (let round = 0; round < 3; round++) {
      await t.rejects(client.get(`${gateway.url}/broken`), { code: 'ECONNRESET' });
      t.equal((await client.get(`${gateway.url}/whole`)).text, 'whole');
    }
  });

  test(`${protocol}: connections are used again`, async (t) => {
    const { upstream, gateway, client } = await arrange(t, protocol, (_request, response) =>
      response.end('ok'),
    );
    for (let round = 0; round < 30; round++) t.equal((await client.get(gateway.url)).text, 'ok');
    t.ok(upstream.accepted <= 3, `${upstream.accepted} connections`);
  });

  test(`${protocol}: a client that does not read stops the upstream, and gets all of it later`, async (t) => {
    const sent = { bytes: 0 };
    const { gateway, client } = await arrange(t, protocol, (_request, response) => {
      counted(bulkBody(largeBody), sent).pipe(response);
    });
    const { answer } = await client.open(gateway.url);
    answer.pause();
    await standstill(sent);
    t.ok(sent.bytes < largeBody, `${sent.bytes} bytes were sent before`);
    t.same(await digestOf(answer), { length: largeBody, sha256: bulkDigest(largeBody) });
  });

  test(`${protocol}: an upstream that does not read stops the client, and gets all of it later`, async (t) => {
    const sent = { bytes: 0 };
    let goOn: () => unknown = () => undefined;
    const { gateway, client } = await arrange(t, protocol, (request, response) => {
      goOn = async () => response.end(JSON.stringify(await digestOf(request)));
    });
    const answer = client.request(gateway.url, { method: 'POST', body: counted(bulkBody(largeBody), sent) });
    await standstill(sent);
    t.ok(sent.bytes < largeBody, `${sent.bytes} bytes were sent before`);
    void goOn();
    t.same((await answer).json(), { length: largeBody, sha256: bulkDigest(largeBody) });
  });
}

/** More than the buffers of the kernel take on the way. */
const largeBody = 40 * 1024 * 1024;

function counted(body: Readable, sent: { bytes: number }): Readable {
  return body.on('data', (chunk: Buffer) => {
    sent.bytes += chunk.length;
  });
}

/** Waits until a sender is held up: bytes that do not move for a while, which no clock but the real one tells. */
async function standstill(sent: { bytes: number }): Promise<void> {
  for (let before = -1; before !== sent.bytes || sent.bytes === 0; ) {
    before = sent.bytes;
    await wait(400);
  }
}

test('headers keep their bytes, their case, their order and their duplicates', async (t) => {
  const headers = [
    ['X-First', 'a'],
    ['x-SECOND', 'b'],
    ['Set-Cookie', 'a=1'],
    ['X-First', 'c'],
    ['x-first', '  d'],
    ['SET-COOKIE', 'b=caf\xe9'],
    ['X-Empty', ''],
    ['__proto__', 'e'],
    ['constructor', 'f'],
    ['Content-Length', '5'],
    ['X-Last', '\xff\x80'],
  ];
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  // In one piece, and with each byte in a piece of its own.
  for (const piece of [10_000, 1]) {
    const upstream = await startByteUpstream(async (socket) => {
      const bytes = Buffer.from(`HTTP/1.1 200 OK\r\n${lines}\r\nhello`, 'latin1');
      socket.setNoDelay(true);
      for (let at = 0; at < bytes.length; at += piece) {
        await new Promise((resolve) => socket.write(bytes.subarray(at, at + piece), resolve));
        await new Promise((resolve) => setImmediate(resolve));
      }
      socket.end();
    });
    t.teardown(() => upstream.close());
    const { gateway } = await arrangePublic(t, upstream);
    for (let round = 0; round < 2; round++) {
      const connection = await openRaw(gateway.url);
      connection.write(`GET / HTTP/1.1\r\nHost: ${new URL(gateway.url).host}\r\nConnection: close\r\n\r\n`);
      await connection.closed();
      const sent = headers.map(([name, value = '']) => `${name}: ${value.trim()}\r\n`).join('');
      // Of a reason that comes in pieces, undici keeps the last; nobody has to read it (RFC 9112 §4).
      const received = connection.received().replace(/^HTTP\/1\.1 200.*\r\n/, '');
      t.equal(received.slice(0, sent.length), sent);
      t.equal(readAnswers(connection.received())[0]?.body, 'hello');
    }
  }
});
