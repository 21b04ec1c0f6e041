import { test } from 'tap';
import type { Outbound } from '../../src/listen/inbound.ts';
import { handshake } from '../attack/handshake.ts';
import type { Teardown } from '../support/arrange.ts';
import { openRaw, type RawConnection } from '../support/raw.ts';
import { until } from '../support/until.ts';
import { host, pipelineOf } from './scene.ts';
import { application, type Count, countIn, serve } from './server.ts';

const config = {
  routes: [
    { path: '/', upstream: 'http://127.0.0.1:9', allow: 'public' },
    { path: '/mine', upstream: 'http://127.0.0.1:9' },
  ],
};

async function arrange(t: Teardown) {
  const count: Count = { entered: 0, left: 0 };
  const held: Outbound[] = [];
  const pipeline = pipelineOf({ config, needs: { enter: countIn(count), forwarder: application(held) } });
  const { url, endSilent } = await serve(t, () => pipeline);
  return { count, held, url, endSilent };
}

const get = (path: string, lines: readonly string[] = []) =>
  [`GET ${path} HTTP/1.1`, `Host: ${host}`, ...lines, '', ''].join('\r\n');
const question = (lines: readonly string[] = []) =>
  get('/oauth2/forward-auth', ['X-Forwarded-Uri: /mine', 'Cookie: session=ada', ...lines]);

/** What a client sends, what has to come back, and how many requests that is. */
const ended: readonly [what: string, bytes: string, answer: RegExp, requests: number][] = [
  ['a request', get('/a'), /^HTTP\/1.1 200 /, 1],
  ['three requests in one go', get('/a') + get('/b') + get('/c'), /\/c$/, 3],
  ['a refused request', get('/mine'), /^HTTP\/1.1 401 /, 1],
  ['a path with two readings', get('/a/..%2fmine'), /^HTTP\/1.1 400 /, 1],
  ['an endpoint', get('/oauth2/hello'), /^HTTP\/1.1 200 /, 1],
  ['no endpoint', get('/oauth2/nothing'), /^HTTP\/1.1 404 /, 1],
  [
    'a form that is too large',
    `POST /oauth2/hello HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 99999\r\n\r\n`,
    /400/,
    1,
  ],
  ['a question', question(), /^HTTP\/1.1 200 /, 1],
  [
    'a question about a handshake',
    question(['Connection: Upgrade', 'Upgrade: websocket']),
    /^HTTP\/1.1 200 /,
    1,
  ],
  ['an expectation that nobody knows', get('/a', ['Expect: magic']), /^HTTP\/1.1 417 /, 1],
  ['another upgrade', get('/a', ['Connection: Upgrade', 'Upgrade: h2c']), /^HTTP\/1.1 200 /, 1],
  ['what is no HTTP', 'nonsense\r\n\r\n', /^HTTP\/1.1 400 /, 0],
  [
    'a body that cannot be read',
    `POST /a HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n`,
    /400|200/,
    1,
  ],
];

/** What ends with its connection, and not before. */
const tunnels: readonly [what: string, bytes: string, answer: RegExp][] = [
  ['a handshake', handshake(host, '/socket'), /^HTTP\/1.1 101 /],
  ['a handshake that is refused', handshake(host, '/mine'), /^HTTP\/1.1 401 /],
  ['a handshake that the application refuses', handshake(host, '/refused'), /^HTTP\/1.1 403 /],
  ['CONNECT', `CONNECT example.com:443 HTTP/1.1\r\nHost: ${host}\r\n\r\n`, /^HTTP\/1.1 405 /],
];

const balanced = (count: Count, requests: number) =>
  until(`${requests} ends`, () => count.entered === requests && count.left === requests);

test('each request that comes in under a pipeline is told to have ended, once', async (t) => {
  for (const [what, bytes, answer, requests] of ended) {
    const { count, url } = await arrange(t);
    const connection = await openRaw(url);
    connection.write(bytes);
    await connection.until(answer);
    await balanced(count, requests);
    connection.destroy();
    t.same(count, { entered: requests, left: requests }, what);
  }
});

test('a handshake has ended when its connection has', async (t) => {
  for (const [what, bytes, answer] of tunnels) {
    const { count, url } = await arrange(t);
    const connection = await openRaw(url, { allowHalfOpen: true });
    connection.write(bytes);
    await connection.until(answer);
    t.same(count, { entered: 1, left: 0 }, `${what}: it is open`);
    connection.destroy();
    await balanced(count, 1);
    t.same(count, { entered: 1, left: 1 }, what);
  }
});

test('a client that leaves takes its request along', async (t) => {
  const leavings: readonly [string, (connection: RawConnection) => void][] = [
    ['it closes', (connection) => connection.destroy()],
    ['it resets', (connection) => connection.reset()],
  ];
  for (const [what, leave] of leavings) {
    const { count, held, url } = await arrange(t);
    const connection = await openRaw(url);
    connection.write(get('/held') + get('/behind') + handshake(host));
    await until('the request', () => held.length === 1);
    t.same(count, { entered: 1, left: 0 }, `${what}: what waits behind has not come in`);
    leave(connection);
    await balanced(count, 1);
    t.same(count, { entered: 1, left: 1 }, what);
  }
});

test('a request whose body does not come has ended when it was told so', async (t) => {
  const { count, held, url, endSilent } = await arrange(t);
  const connection = await openRaw(url);
  connection.write(`POST /held HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 9\r\n\r\nhalf`);
  const [response] = await until('the request', () => held.length === 1 && held);
  if (response) endSilent(response);
  await connection.until(/^HTTP\/1.1 408 /);
  connection.destroy();
  await balanced(count, 1);
  t.same(count, { entered: 1, left: 1 });
});
