import type { ServerResponse } from 'node:http';
import { test } from 'tap';
import { mostWaiting } from '../../src/listen/answers.ts';
import { acceptHandshakes, handshake } from '../attack/handshake.ts';
import { arrangePublic, arrangeUpstream } from '../support/arrange.ts';
import { openRaw, readAnswers } from '../support/raw.ts';
import { until } from '../support/until.ts';

/** An application that answers when the test says so. */
async function arrangeHeld(t: Parameters<typeof arrangeUpstream>[0]) {
  const held: ServerResponse[] = [];
  const upstream = await arrangeUpstream(t, (request, response) => {
    request.resume();
    held.push(response);
  });
  const { gateway } = await arrangePublic(t, upstream);
  const { host } = new URL(gateway.url);
  const get = (path: string, lines = '') => `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${lines}\r\n`;
  return { upstream, held, gateway, get, host };
}

test('ten thousand requests in one go take one connection to the upstream, and lose their own', async (t) => {
  const { upstream, gateway, get } = await arrangeHeld(t);
  const connection = await openRaw(gateway.url);
  connection.write(Array.from({ length: 10_000 }, (_, at) => get(`/${at}`)).join(''));
  await connection.closed();
  await until('the end upstream', () => upstream.requests.every(({ aborted }) => aborted));
  t.ok(upstream.accepted <= 1, `${upstream.accepted} connections upstream`);
  t.ok(upstream.requests.length <= 1, `${upstream.requests.length} requests upstream`);
  t.ok(await gateway.log.line(({ msg }) => msg.startsWith('a connection was closed: its client sends')));
});

test('as many requests as may wait are answered in order, each when the one before has its answer', async (t) => {
  let underWay = 0;
  let most = 0;
  const upstream = await arrangeUpstream(t, (request, response) => {
    most = Math.max(most, ++underWay);
    setImmediate(() => {
      underWay--;
      response.end(request.url);
    });
  });
  const { gateway } = await arrangePublic(t, upstream);
  const { host } = new URL(gateway.url);
  const paths = Array.from({ length: mostWaiting + 1 }, (_, at) => `/${at}`);
  const connection = await openRaw(gateway.url);
  t.teardown(() => connection.destroy());
  connection.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`).join(''));
  await until('all answers', () => readAnswers(connection.received()).length === paths.length);
  t.same(
    readAnswers(connection.received()).map(({ body }) => body),
    paths,
  );
  t.equal(most, 1, 'one at a time');
  t.ok(upstream.accepted <= 2, `${upstream.accepted} connections upstream`);
});

test('of a client that leaves, nothing that waited goes upstream', async (t) => {
  for (const leave of ['destroy', 'reset', 'end'] as const) {
    const { upstream, gateway, get, host } = await arrangeHeld(t);
    const connection = await openRaw(gateway.url);
    t.teardown(() => connection.destroy());
    const post = `POST /posted HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 5\r\n\r\nhello`;
    connection.write(get('/first') + post + get('/third') + post.slice(0, -1));
    await until('the first request', () => upstream.requests.length === 1);
    connection[leave]();
    await upstream.aborted();
    await until('the end upstream', () => upstream.open.size === 0);
    t.same(
      upstream.requests.map(({ url }) => url),
      ['/first'],
      leave,
    );
    const lines = () => gateway.log.lines.filter(({ msg }) => msg === 'request');
    await until('the line of the request', () => lines().length > 0);
    t.same(
      lines().map(({ path, status }) => [path, status]),
      [['/first', 499]],
      'what never began is not logged',
    );
    t.same(
      gateway.log.lines.filter(({ code }) => code === 'upstream_unreachable'),
      [],
      'and nobody is called out',
    );
  }
});

test('a handshake that waits leaves with its client too', async (t) => {
  const { upstream, gateway, get, host } = await arrangeHeld(t);
  const accepted = acceptHandshakes(upstream);
  const connection = await openRaw(gateway.url);
  connection.write(get('/first') + handshake(host, '/socket'));
  await until('the first request', () => upstream.requests.length === 1);
  connection.end();
  await upstream.aborted();
  await until('the end upstream', () => upstream.open.size === 0);
  t.same(accepted, []);
});

test('what waits behind the last answer of a connection is not begun', async (t) => {
  const { upstream, held, gateway, get } = await arrangeHeld(t);
  const connection = await openRaw(gateway.url);
  t.teardown(() => connection.destroy());
  connection.write(get('/first', 'Connection: close\r\n') + get('/second'));
  await until('the first request', () => held.length === 1);
  held[0]?.end('the last');
  await connection.closed();
  t.match(connection.received(), /the last$/);
  t.equal(upstream.requests.length, 1);
});

test('what Node answers by itself elsewhere has its place in the order here', async (t) => {
  const { held, gateway, get } = await arrangeHeld(t);
  const connection = await openRaw(gateway.url);
  t.teardown(() => connection.destroy());
  const without = 'GET /nowhere HTTP/1.1\r\nAccept: text/html\r\n\r\n';
  connection.write(get('/first') + get('/odd', 'Expect: wonders\r\n') + without + get('/never'));
  await until('the first request', () => held.length === 1);
  held[0]?.end('first');
  await connection.closed();
  const answers = readAnswers(connection.received());
  t.same(
    answers.map(({ status }) => status),
    [200, 417, 400],
  );
  t.match(answers[2]?.body, 'ambiguous_host', 'a request without Host gets a page');
});

test('a broken body among requests that wait is answered in its place, and not begun', async (t) => {
  const { upstream, held, gateway, get, host } = await arrangeHeld(t);
  const connection = await openRaw(gateway.url);
  t.teardown(() => connection.destroy());
  const broken = `POST /broken HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`;
  connection.write(get('/first') + broken);
  await until('the first request', () => held.length === 1);
  held[0]?.end('first');
  await connection.closed();
  t.same(
    readAnswers(connection.received()).map(({ status }) => status),
    [200, 400],
  );
  t.equal(upstream.requests.length, 1);
});
