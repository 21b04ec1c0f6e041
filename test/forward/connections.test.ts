import { test } from 'tap';
import { arrangeGateway, arrangePublic, arrangeUpstream } from '../support/arrange.ts';
import { startByteUpstream } from '../support/byte-upstream.ts';
import { openRaw, readAnswers } from '../support/raw.ts';
import { until } from '../support/until.ts';
import type { Echo } from '../support/upstream.ts';

test('requests one after another share one connection upstream', async (t) => {
  const upstream = await arrangeUpstream(t);
  const { gateway, client } = await arrangePublic(t, upstream);
  for (let at = 0; at < 50; at++) {
    const request = at % 2 ? { method: 'POST', body: 'x' } : {};
    t.equal((await client.request(`${gateway.url}/${at}`, request)).status, 200);
  }
  t.equal(upstream.requests.length, 50);
  t.ok(upstream.accepted <= 2, `${upstream.accepted} connections`);
});

test('a client keeps its connection through answers of every kind', async (t) => {
  const upstream = await arrangeUpstream(t);
  const { gateway } = await arrangeGateway(t, {
    config: {
      routes: [
        { path: '/open', upstream: upstream.url, allow: 'public' },
        { path: '/gone', upstream: 'http://127.0.0.1:9', allow: 'public' },
        { path: '/', upstream: upstream.url },
      ],
    },
  });
  const connection = await openRaw(gateway.url);
  t.teardown(() => connection.destroy());
  const { host } = new URL(gateway.url);
  const paths = [
    '/open',
    '/closed',
    '/gone',
    '/oauth2/userinfo',
    '/oauth2/nothing',
    '/open',
    '/closed',
    '/open',
  ];
  for (const [at, path] of paths.entries()) {
    connection.write(`POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 5\r\n\r\nhello`);
    await until('the answer', () => readAnswers(connection.received()).length > at);
  }
  t.same(
    readAnswers(connection.received()).map(({ status }) => status),
    [200, 401, 502, 404, 404, 200, 401, 200],
  );
});

test('requests that a client sends without waiting are answered in order', async (t) => {
  const upstream = await arrangeUpstream(t, (request, response) => {
    // The earlier, the slower.
    setTimeout(() => response.end(request.url), 50 - 10 * Number(request.url?.slice(1)));
  });
  const { gateway } = await arrangePublic(t, upstream);
  const connection = await openRaw(gateway.url);
  t.teardown(() => connection.destroy());
  const { host } = new URL(gateway.url);
  const requests = [0, 1, 2, 3].map((at) => `GET /${at} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  connection.write(`${requests.join('')}GET /4 HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  await connection.closed();
  t.same(
    readAnswers(connection.received()).map(({ body }) => body),
    ['/0', '/1', '/2', '/3', '/4'],
  );
});

/** An upstream whose kept-alive connections turn out to be dead: it resets them at their second request. */
const deadAtSecondRequest = () => {
  const heads: string[] = [];
  const start = startByteUpstream((socket, first) => {
    heads.push(first);
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst');
    socket.on('data', (chunk: Buffer) => {
      heads.push(chunk.toString('latin1'));
      socket.resetAndDestroy();
    });
  });
  return { heads, start };
};

test('a safe request is repeated when its kept-alive connection is found dead', async (t) => {
  const { start } = deadAtSecondRequest();
  const upstream = await start;
  t.teardown(() => upstream.close());
  const { gateway, client } = await arrangePublic(t, upstream);
  for (let at = 0; at < 5; at++) t.equal((await client.get(`${gateway.url}/${at}`)).text, 'first');
});

test('a POST is never sent twice, dead connection or not', async (t) => {
  const { start, heads } = deadAtSecondRequest();
  const upstream = await start;
  t.teardown(() => upstream.close());
  const { gateway, client } = await arrangePublic(t, upstream);
  t.equal((await client.get(`${gateway.url}/warm-up`)).text, 'first');
  const answer = await client.request(`${gateway.url}/order`, { method: 'POST', body: 'one coffee' });
  t.ok([200, 502].includes(answer.status));
  t.equal(heads.filter((head) => head.startsWith('POST /order')).length, 1);
});

test('long answers do not keep other requests waiting', async (t) => {
  const upstream = await arrangeUpstream(t, (request, response) => {
    if (request.url === '/stream') response.write('begun');
    else response.end('quick');
  });
  const { gateway, client } = await arrangePublic(t, upstream);
  const streams = await Promise.all(Array.from({ length: 300 }, () => client.open(`${gateway.url}/stream`)));
  const before = performance.now();
  t.equal((await client.get(`${gateway.url}/quick`)).text, 'quick');
  t.ok(performance.now() - before < 1000);
  for (const { destroy } of streams) destroy();
});

test('each route reaches its own upstream, with its own Host', async (t) => {
  const [first, second] = [await arrangeUpstream(t), await arrangeUpstream(t)];
  const { gateway, client } = await arrangeGateway(t, {
    config: {
      routes: [
        { path: '/', upstream: first.url, allow: 'public' },
        { path: '/second', upstream: second.url, allow: 'public' },
        { path: '/kept', upstream: second.url, allow: 'public', preserveHost: true },
      ],
    },
  });
  const hostSeen = async (path: string) => {
    const { rawHeaders } = (await client.get(gateway.url + path)).json() as Echo;
    return rawHeaders[rawHeaders.findIndex((name) => name.toLowerCase() === 'host') + 1];
  };
  t.equal(await hostSeen('/x'), new URL(first.url).host);
  t.equal(await hostSeen('/second/x'), new URL(second.url).host);
  t.equal(await hostSeen('/kept/x'), new URL(gateway.url).host);
  t.same([first.requests.length, second.requests.length], [1, 2]);
});
