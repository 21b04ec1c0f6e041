import { test } from 'tap';
import { arrangeGateway, arrangePublic, arrangeUpstream } from '../support/arrange.ts';
import { oddAnswers, startByteUpstream } from '../support/byte-upstream.ts';
import { createWoundClock } from '../support/clock.ts';
import { openRaw, readAnswers, sendRaw } from '../support/raw.ts';
import { valuesOf } from '../support/upstream.ts';

const get = (url: string, path = '/', more = '') =>
  `GET ${path} HTTP/1.1\r\nHost: ${new URL(url).host}\r\n${more}\r\n`;

test('server-sent events arrive at once, and a silence of hours does not end the stream', async (t) => {
  let say: (text: string) => void = () => undefined;
  const upstream = await arrangeUpstream(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
    response.flushHeaders();
    say = (text) => response.write(`data: ${text}\n\n`);
  });
  const clock = createWoundClock();
  const routes = [{ path: '/', upstream: upstream.url, allow: 'public' }];
  const { gateway } = await arrangeGateway(t, { config: { limits: { keepAlive: '100ms' }, routes }, clock });
  const connection = await openRaw(gateway.url);
  t.teardown(() => connection.destroy());
  connection.write(get(gateway.url, '/events', 'Accept: text/event-stream\r\n'));
  // The headers come before there is any event.
  t.match(await connection.until('\r\n\r\n'), /content-type: text\/event-stream/i);
  for (const text of ['one', 'two', 'three']) {
    const before = performance.now();
    say(text);
    await connection.until(`data: ${text}\n\n`);
    t.ok(performance.now() - before < 500, `${text} came after ${Math.round(performance.now() - before)} ms`);
  }
  clock.wind(5 * 3_600_000);
  // The limits of Node.js go by its own clock: a connection that was idle as long ends by them.
  const idle = await openRaw(gateway.url);
  idle.write(get(gateway.url, '/oauth2/none'));
  await idle.closed();
  say('after a silence');
  await connection.until('data: after a silence');
  t.notOk(gateway.log.lines.find(({ msg }) => msg === 'failed' || msg === 'internal error'));
});

test('an answer is passed on piece by piece', async (t) => {
  let more: (text: string) => void = () => undefined;
  const upstream = await arrangeUpstream(t, (_request, response) => {
    response.write('first');
    more = (text) => (text === '' ? response.end() : response.write(text));
  });
  const { gateway } = await arrangePublic(t, upstream);
  const connection = await openRaw(gateway.url);
  t.teardown(() => connection.destroy());
  connection.write(get(gateway.url, '/', 'Connection: close\r\n'));
  await connection.until('first');
  more('second');
  await connection.until('second');
  more('');
  await connection.closed();
  t.equal(readAnswers(connection.received())[0]?.body, 'firstsecond');
});

test('both directions stream at the same time', async (t) => {
  const upstream = await arrangeUpstream(t, (request, response) => {
    response.writeHead(200);
    response.flushHeaders();
    request.pipe(response);
  });
  const { gateway } = await arrangePublic(t, upstream);
  const connection = await openRaw(gateway.url);
  t.teardown(() => connection.destroy());
  const { host } = new URL(gateway.url);
  connection.write(`POST / HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n\r\n`);
  for (const text of ['ping-1', 'ping-2', 'ping-3']) {
    connection.write(`6\r\n${text}\r\n`);
    await connection.until(text);
  }
  connection.write('0\r\n\r\n');
  await connection.until('0\r\n\r\n');
  t.equal(readAnswers(connection.received())[0]?.body, 'ping-1ping-2ping-3');
});

test('trailers of the answer arrive', async (t) => {
  const upstream = await arrangeUpstream(t, (_request, response) => {
    response.writeHead(200, { trailer: 'X-Checksum, Grpc-Status' });
    response.write('body');
    response.addTrailers({ 'X-Checksum': 'abc', 'Grpc-Status': '0' });
    response.end();
  });
  const { gateway, client } = await arrangePublic(t, upstream);
  const answer = await client.get(gateway.url, { te: 'trailers' });
  t.equal(answer.text, 'body');
  t.equal(answer.headers.trailer, 'X-Checksum, Grpc-Status');
  t.same(answer.trailers, { 'x-checksum': 'abc', 'grpc-status': '0' });
});

test('trailers keep their bytes outside ASCII', async (t) => {
  const upstream = await arrangeUpstream(t, (_request, response) => {
    response.write('body');
    response.addTrailers({ 'X-Name': 'Zo\xeb' });
    response.end();
  });
  const { gateway, client } = await arrangePublic(t, upstream);
  const { text, trailers } = await client.get(gateway.url);
  t.same([text, trailers], ['body', { 'x-name': 'Zo\xeb' }]);
});

test('trailers that were not announced arrive too', async (t) => {
  const upstream = await startByteUpstream(oddAnswers.trailers.replace('Trailer: X-Checksum\r\n', ''));
  t.teardown(() => upstream.close());
  const { gateway, client } = await arrangePublic(t, upstream);
  const answer = await client.get(gateway.url);
  t.equal(answer.text, 'hello');
  t.same(answer.trailers, { 'x-checksum': 'abc' });
});

test('a request with trailers arrives whole', async (t) => {
  const upstream = await arrangeUpstream(t);
  const { gateway } = await arrangePublic(t, upstream);
  const { host } = new URL(gateway.url);
  const text = await sendRaw(
    gateway.url,
    `POST / HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\nConnection: close\r\n\r\n` +
      '5\r\nhello\r\n0\r\nX-Sum: abc\r\nX-Forwarded-User: mallory\r\n\r\n',
  );
  const [answer] = readAnswers(text);
  const echo = JSON.parse(answer?.body ?? '{}') as import('../support/upstream.ts').Echo;
  t.equal(answer?.status, 200);
  t.equal(echo.body.length, 5);
  t.notMatch([...echo.rawHeaders, ...echo.rawTrailers].join(), 'mallory');
});

test('interim answers of the upstream do not disturb the final one', async (t) => {
  const several = `HTTP/1.1 102 Processing\r\n\r\n${oddAnswers.earlyHints}`;
  for (const answer of [oddAnswers.earlyHints, several]) {
    const upstream = await startByteUpstream(answer);
    t.teardown(() => upstream.close());
    const { gateway, client } = await arrangePublic(t, upstream);
    for (const method of ['GET', 'POST']) {
      const { status, text } = await client.request(gateway.url, { method });
      t.same([status, text], [200, 'hello']);
    }
  }
});

test('G5 answers without a body end where they end', async (t) => {
  const upstream = await arrangeUpstream(t, (request, response) => {
    const status = Number(request.url?.slice(1));
    const length = status === 304 ? { 'content-length': '5000' } : {};
    response.writeHead(status, { etag: '"v1"', ...length });
    response.end();
  });
  const { gateway } = await arrangePublic(t, upstream);
  const connection = await openRaw(gateway.url);
  t.teardown(() => connection.destroy());
  // All on one connection: a body too much or too little would be read as the next answer.
  for (const status of [204, 304, 205, 204, 304]) connection.write(get(gateway.url, `/${status}`));
  connection.write(get(gateway.url, '/200', 'Connection: close\r\n'));
  await connection.closed();
  const answers = readAnswers(connection.received());
  t.same(
    answers.map(({ status, body }) => [status, body]),
    [
      [204, ''],
      [304, ''],
      [205, ''],
      [204, ''],
      [304, ''],
      [200, ''],
    ],
  );
  for (const { status, headers } of answers.slice(0, 5)) {
    const names = headers.map(([name]) => name);
    t.ok(names.includes('etag'));
    // RFC 9110 §8.6: neither 1xx nor 204 may have a length.
    if (status === 204) t.notOk(names.includes('content-length') || names.includes('transfer-encoding'));
    if (status === 304) t.notOk(names.includes('transfer-encoding'));
  }
});

test('status and reason come through, the unusual ones too', async (t) => {
  for (const [status, reason] of [
    [299, 'Almost OK'],
    [418, "I'm a teapot"],
    [451, 'Unavailable For Legal Reasons'],
    [599, ''],
    [500, 'Oh no'],
  ] as const) {
    const upstream = await startByteUpstream(`HTTP/1.1 ${status} ${reason}\r\nContent-Length: 4\r\n\r\nbody`);
    t.teardown(() => upstream.close());
    const { gateway, client } = await arrangePublic(t, upstream);
    const answer = await client.get(gateway.url);
    t.same([answer.status, answer.text], [status, 'body']);
    if (reason !== '') t.equal(answer.reason, reason);
    t.equal(answer.headers['x-sallyport-error'], undefined);
  }
});

test('several Set-Cookie headers stay several, in order', async (t) => {
  const cookies = [
    'a=1; Path=/',
    'b=2; Expires=Thu, 01 Jan 2099 00:00:00 GMT',
    'c="x, y"',
    'a=3; Path=/other',
  ];
  const upstream = await arrangeUpstream(t, (_request, response) => {
    response.setHeader('set-cookie', cookies);
    response.end();
  });
  const { gateway, client } = await arrangePublic(t, upstream);
  const answer = await client.get(gateway.url);
  t.same(answer.setCookies, cookies);
  t.same(valuesOf(answer.rawHeaders, 'set-cookie'), cookies);
});

test('an answer that ends with its connection arrives whole', async (t) => {
  const upstream = await startByteUpstream(oddAnswers.untilClose);
  t.teardown(() => upstream.close());
  const { gateway, client } = await arrangePublic(t, upstream);
  const answer = await client.get(gateway.url);
  t.equal(answer.text, 'hello until the end');
});

test('a client of HTTP/1.0 gets an answer without chunks', async (t) => {
  const upstream = await arrangeUpstream(t, (_request, response) => {
    response.write('one ');
    response.end('two');
  });
  const { gateway } = await arrangePublic(t, upstream);
  const text = await sendRaw(gateway.url, `GET / HTTP/1.0\r\nHost: ${new URL(gateway.url).host}\r\n\r\n`);
  t.notMatch(text, /transfer-encoding/i);
  t.ok(text.endsWith('\r\n\r\none two'), text);
});
