import { METHODS } from 'node:http';
import { test } from 'tap';
import { arrangePublic, arrangeUpstream } from '../support/arrange.ts';
import { openRaw, readAnswers, sendRaw } from '../support/raw.ts';
import type { Echo } from '../support/upstream.ts';

test('every method reaches the application with its body', async (t) => {
  const upstream = await arrangeUpstream(t);
  const { gateway, client } = await arrangePublic(t, upstream);
  const methods = METHODS.filter((method) => !['CONNECT', 'TRACE', 'HEAD'].includes(method));
  t.ok(['PROPFIND', 'REPORT', 'QUERY', 'MKCOL', 'PURGE'].every((method) => methods.includes(method)));
  for (const method of methods) {
    await t.test(method, async (t) => {
      const answer = await client.request(`${gateway.url}/dav/file`, {
        method,
        headers: { 'content-type': 'application/xml' },
        body: '<propfind/>',
      });
      const echo = answer.json() as Echo;
      t.same([echo.method, echo.url, echo.body.length], [method, '/dav/file', 11]);
    });
  }
});

test('a method without a body works too', async (t) => {
  const upstream = await arrangeUpstream(t);
  const { gateway, client } = await arrangePublic(t, upstream);
  for (const method of ['POST', 'PUT', 'PROPFIND', 'REPORT', 'DELETE', 'OPTIONS']) {
    await t.test(method, async (t) => {
      const answer = await client.request(`${gateway.url}/`, { method });
      t.same([answer.status, (answer.json() as Echo).method], [200, method]);
    });
  }
});

test('G5 HEAD gets the headers of the answer and leaves the connection usable', async (t) => {
  const upstream = await arrangeUpstream(t, (request, response) => {
    response.writeHead(200, { 'content-length': '12345', 'x-method': request.method });
    response.end(request.method === 'HEAD' ? undefined : 'x'.repeat(12345));
  });
  const { gateway } = await arrangePublic(t, upstream);
  const connection = await openRaw(gateway.url);
  t.teardown(() => connection.destroy());
  const { host } = new URL(gateway.url);
  connection.write(`HEAD /a HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  const head = await connection.until('\r\n\r\n');
  t.match(head, /content-length: 12345/i);
  t.match(head, /x-method: HEAD/i);
  connection.write(`GET /b HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  await connection.closed();
  const [second] = readAnswers(connection.received().slice(head.length));
  t.equal(second?.status, 200);
  t.equal(second?.body.length, 12345);
});

test('TRACE, which would show what the gateway adds, is refused', async (t) => {
  const upstream = await arrangeUpstream(t);
  const { gateway, client } = await arrangePublic(t, upstream);
  const answer = await client.request(`${gateway.url}/`, { method: 'TRACE' });
  t.equal(answer.status, 405);
  t.equal(answer.headers['x-sallyport-error'], 'method_not_allowed');
  t.equal(upstream.requests.length, 0);
});

test('CONNECT opens no tunnel', async (t) => {
  const upstream = await arrangeUpstream(t);
  const { gateway } = await arrangePublic(t, upstream);
  const target = new URL(upstream.url).host;
  const { host } = new URL(gateway.url);
  for (const authority of [target, host, '169.254.169.254:80']) {
    await t.test(authority, async (t) => {
      const text = await sendRaw(
        gateway.url,
        `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n`,
      );
      const answers = readAnswers(text);
      t.equal(answers.length, 1);
      t.ok([400, 405].includes(answers[0]?.status ?? 0), `${authority}: ${answers[0]?.status}`);
    });
  }
  t.equal(upstream.accepted, 0);
});

test('a method that is none is answered with 400', async (t) => {
  const upstream = await arrangeUpstream(t);
  const { gateway } = await arrangePublic(t, upstream);
  const { host } = new URL(gateway.url);
  for (const method of ['FETCHALL', 'get', 'G@T']) {
    await t.test(method, async (t) => {
      const [answer] = readAnswers(
        await sendRaw(gateway.url, `${method} / HTTP/1.1\r\nHost: ${host}\r\n\r\n`),
      );
      t.equal(answer?.status, 400, method);
    });
  }
  t.equal(upstream.requests.length, 0);
});

test('a CORS preflight reaches the application, and its answer comes back', async (t) => {
  const upstream = await arrangeUpstream(t, (_request, response) => {
    response.writeHead(204, {
      'access-control-allow-origin': 'https://spa.example',
      'access-control-allow-methods': 'PUT',
    });
    response.end();
  });
  const { gateway, client } = await arrangePublic(t, upstream);
  const answer = await client.request(`${gateway.url}/api`, {
    method: 'OPTIONS',
    headers: { origin: 'https://spa.example', 'access-control-request-method': 'PUT' },
  });
  t.equal(answer.status, 204);
  t.equal(answer.headers['access-control-allow-origin'], 'https://spa.example');
  t.equal(answer.headers['access-control-allow-methods'], 'PUT');
});
