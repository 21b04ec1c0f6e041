import { test } from 'tap';
import { arrangeGateway, arrangePublic, arrangeUpstream } from '../support/arrange.ts';
import { openRaw, readAnswers } from '../support/raw.ts';
import { type Echo, valuesOf } from '../support/upstream.ts';

const head = (url: string, more = '') =>
  `PUT /upload HTTP/1.1\r\nHost: ${new URL(url).host}\r\nExpect: 100-continue\r\nContent-Length: 5\r\n${more}\r\n`;

test('100 Continue is sent when the request is allowed, and only then the body is awaited', async (t) => {
  const upstream = await arrangeUpstream(t);
  const { gateway } = await arrangePublic(t, upstream);
  const connection = await openRaw(gateway.url);
  t.teardown(() => connection.destroy());
  connection.write(head(gateway.url, 'Connection: close\r\n'));
  t.equal(await connection.until('\r\n\r\n'), 'HTTP/1.1 100 Continue\r\n\r\n');
  connection.write('hello');
  await connection.closed();
  const [interim, final] = readAnswers(connection.received());
  t.equal(interim?.status, 100);
  t.equal(final?.status, 200);
  const echo = JSON.parse(final?.body ?? '') as Echo;
  t.equal(echo.body.length, 5);
  t.same(valuesOf(echo.rawHeaders, 'expect'), []);
});

test('a request that is not allowed gets its answer at once, and never 100 Continue', async (t) => {
  const upstream = await arrangeUpstream(t);
  const { gateway } = await arrangeGateway(t, { upstream });
  const connection = await openRaw(gateway.url);
  t.teardown(() => connection.destroy());
  connection.write(head(gateway.url, 'Connection: close\r\n'));
  await connection.closed();
  t.notMatch(connection.received(), '100 Continue');
  t.equal(readAnswers(connection.received())[0]?.status, 401);
  t.equal(upstream.accepted, 0);
});

test('a body that is announced too large is refused before it is sent', async (t) => {
  const upstream = await arrangeUpstream(t);
  const { gateway } = await arrangePublic(t, upstream, { maxBody: '4B' });
  const connection = await openRaw(gateway.url);
  t.teardown(() => connection.destroy());
  connection.write(head(gateway.url));
  await connection.until('\r\n\r\n');
  t.equal(readAnswers(connection.received())[0]?.status, 413);
  t.equal(upstream.requests.length, 0);
});

test('a client that does not wait for 100 Continue is served as well', async (t) => {
  const upstream = await arrangeUpstream(t);
  const { gateway } = await arrangePublic(t, upstream);
  const connection = await openRaw(gateway.url);
  t.teardown(() => connection.destroy());
  connection.write(`${head(gateway.url, 'Connection: close\r\n')}hello`);
  await connection.closed();
  const final = readAnswers(connection.received()).at(-1);
  t.equal(final?.status, 200);
  t.equal((JSON.parse(final?.body ?? '') as Echo).body.length, 5);
});

test('no 100 Continue when the upstream cannot be reached: nobody wants the body', async (t) => {
  const { gateway } = await arrangePublic(t, { url: 'http://127.0.0.1:9' });
  const connection = await openRaw(gateway.url);
  t.teardown(() => connection.destroy());
  connection.write(head(gateway.url));
  await connection.until('\r\n\r\n');
  t.equal(readAnswers(connection.received())[0]?.status, 502);
});

test('an expectation that nobody knows does not reach the application as a 500', async (t) => {
  const upstream = await arrangeUpstream(t);
  const { gateway, client } = await arrangePublic(t, upstream);
  const answer = await client.request(`${gateway.url}/`, { headers: { expect: 'miracles' } });
  // RFC 9110 §10.1.1 allows 417, and allows to ignore it.
  t.ok([200, 417].includes(answer.status), String(answer.status));
});
