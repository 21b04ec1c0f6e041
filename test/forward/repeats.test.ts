import type { Socket } from 'node:net';
import { test } from 'tap';
import { arrangePublic, type Teardown } from '../support/arrange.ts';
import { startByteUpstream } from '../support/byte-upstream.ts';
import { sendRaw } from '../support/raw.ts';

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello';

/**
 * An upstream whose connections serve one request, say that they stay open, and break at the second: what a server
 * looks like that closes idle connections as the next request comes.
 */
async function arrangeStale(t: Teardown) {
  const seen: string[] = [];
  const served = new Set<Socket>();
  const upstream = await startByteUpstream((socket, head) => {
    const take = (text: string) => {
      seen.push(text.slice(0, text.indexOf(' HTTP')));
      if (served.has(socket)) socket.resetAndDestroy();
      else socket.write(ok);
      served.add(socket);
    };
    take(head);
    socket.on('data', (chunk: Buffer) => take(chunk.toString('latin1')));
  });
  t.teardown(() => upstream.close());
  return { ...upstream, seen, served };
}

test('an idempotent request without a body is sent again where its connection was closed', async (t) => {
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'PROPFIND', 'MKCOL', 'MOVE']) {
    const upstream = await arrangeStale(t);
    const { gateway, client } = await arrangePublic(t, upstream);
    t.equal((await client.get(`${gateway.url}/first`)).status, 200);
    const length = method === 'PUT' ? 'Content-Length: 0\r\n' : '';
    const text = `${method} /again HTTP/1.1\r\nHost: ${new URL(gateway.url).host}\r\n${length}\r\n`;
    t.match(await sendRaw(gateway.url, text, 100), /^HTTP\/1\.1 200 /, method);
    t.same(upstream.seen, ['GET /first', `${method} /again`, `${method} /again`]);
  }
});

test('the second try has a connection of its own, however many of them are stale', async (t) => {
  const upstream = await arrangeStale(t);
  const { gateway, client } = await arrangePublic(t, upstream);
  const all = (what: string) =>
    Promise.all(Array.from({ length: 8 }, (_, at) => client.get(`${gateway.url}/${what}/${at}`)));
  for (const what of ['first', 'second', 'third']) {
    t.same(
      (await all(what)).map(({ status }) => status),
      Array(8).fill(200),
    );
  }
});

test('what is not idempotent, or has a body, is sent once', async (t) => {
  for (const [method, body] of [
    ['POST', undefined],
    ['POST', 'text'],
    ['PATCH', undefined],
    ['LOCK', undefined],
    ['PUT', 'text'],
  ] as const) {
    const upstream = await arrangeStale(t);
    const { gateway, client } = await arrangePublic(t, upstream);
    t.equal((await client.get(`${gateway.url}/first`)).status, 200);
    const answer = await client.request(`${gateway.url}/once`, { method, ...(body && { body }) });
    t.equal(answer.status, 502, method);
    t.equal(upstream.seen.filter((line) => line.includes('/once')).length, 1);
  }
});

test('a request is sent twice at most', async (t) => {
  const upstream = await startByteUpstream((socket) => socket.resetAndDestroy());
  t.teardown(() => upstream.close());
  const { gateway, client } = await arrangePublic(t, upstream);
  for (const method of ['GET', 'DELETE']) {
    upstream.received.length = 0;
    t.equal((await client.request(gateway.url, { method })).status, 502);
    t.equal(upstream.received.length, 2);
  }
});

test('an odd answer to the second try is repaired as well', async (t) => {
  const served = new Set<Socket>();
  const upstream = await startByteUpstream((socket, head) => {
    if (head.includes('/again')) socket.end('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nodd');
    else socket.write(ok);
    socket.on('data', () => socket.resetAndDestroy());
    served.add(socket);
  });
  t.teardown(() => upstream.close());
  const { gateway, client } = await arrangePublic(t, upstream);
  t.equal((await client.get(`${gateway.url}/first`)).status, 200);
  t.equal((await client.get(`${gateway.url}/again`)).text, 'odd');
  t.equal(served.size, 3);
});
