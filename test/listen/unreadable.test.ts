import { test } from 'tap';
import { arrangeGateway, arrangePublic, arrangeUpstream } from '../support/arrange.ts';
import { openRaw, readAnswers } from '../support/raw.ts';
import { until } from '../support/until.ts';

const filler = (bytes: number) => `X-Filler: ${'f'.repeat(bytes)}\r\n`;

test('headers that are too large get a page or a problem, and a line in the log', async (t) => {
  const upstream = await arrangeUpstream(t);
  const { gateway } = await arrangePublic(t, upstream);
  const { host } = new URL(gateway.url);
  const browser = 'Accept: text/html,application/xhtml+xml\r\nSec-Fetch-Mode: navigate\r\n';
  const cookies = `Cookie: ${Array.from({ length: 60 }, (_, at) => `c${at}=${'x'.repeat(3000)}`).join('; ')}\r\n`;
  for (const [name, lines, isPage] of [
    ['a browser', browser + filler(70_000), true],
    ['a browser whose large header stands first', filler(70_000) + browser, true],
    ['a browser with 180 KB of cookies', browser + cookies, true],
    ['a program', `Accept: application/json\r\n${filler(70_000)}`, false],
    ['a program that says nothing', filler(70_000), false],
    [
      'many small headers',
      Array.from({ length: 900 }, (_, at) => `X-${at}: ${'f'.repeat(90)}\r\n`).join(''),
      false,
    ],
    ['a long address', `X-Way: /${'y'.repeat(66_000)}\r\n`, false],
  ] as const) {
    const before = gateway.log.lines.length;
    const connection = await openRaw(gateway.url);
    connection.write(`GET /some/page HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${lines}\r\n`);
    await connection.until(/\r\n\r\n[\s\S]*(<\/html>|"requestId"[^}]*})/);
    const [answer] = readAnswers(connection.received());
    t.equal(answer?.status, 431, name);
    const type = answer?.headers.find(([key]) => key === 'content-type')?.[1];
    t.match(type, isPage ? 'text/html' : 'application/problem+json', name);
    t.match(answer?.headers.find(([key]) => key === 'x-sallyport-error')?.[1], 'headers_too_large', name);
    connection.destroy();
    const lineOf = (found: (line: { msg: string; [field: string]: unknown }) => boolean) =>
      until('a line', () => gateway.log.lines.slice(before).find(found));
    const refused = await lineOf(({ msg, code }) => msg === 'refused' && code === 'headers_too_large');
    const line = await lineOf(({ msg, status }) => msg === 'request' && status === 431);
    t.match(answer?.body, String(refused.requestId), 'with the id that the answer shows');
    t.equal(line.requestId, refused.requestId);
    t.equal(line.peer, '127.0.0.1');
  }
  t.equal(upstream.requests.length, 0);
});

test('what is no HTTP gets 400 and a line in the log; a connection that was never used gets neither', async (t) => {
  const { gateway } = await arrangeGateway(t, { upstream: 'http://127.0.0.1:9' });
  const unused = await openRaw(gateway.url);
  unused.end();
  await unused.closed();
  for (const bytes of [
    'no HTTP at all\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: x\r\nbad line\r\n\r\n',
    '\x16\x03\x01\x02\x00\x01\x00',
  ]) {
    const connection = await openRaw(gateway.url);
    connection.write(bytes);
    await connection.until(/^HTTP\/1\.1 400 /);
    connection.destroy();
  }
  await until(
    'the lines',
    () => gateway.log.lines.filter(({ status, msg }) => status === 400 && msg === 'request').length === 3,
  );
  const refused = gateway.log.lines.filter(({ msg }) => msg === 'refused');
  t.equal(refused.length, 3);
  t.ok(refused.every(({ code, reason }) => code === 'malformed_request' && reason !== undefined));
});

test('a client that leaves in the middle of anything is 499, and nothing else is said of it', async (t) => {
  const upstream = await arrangeUpstream(t, (request) => request.resume());
  const { gateway } = await arrangePublic(t, upstream);
  const { host } = new URL(gateway.url);
  const half = 'Content-Length: 1000\r\n\r\nhalf';
  const requests = {
    'while the application thinks': `GET /a HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
    'in the middle of an upload': `POST /b HTTP/1.1\r\nHost: ${host}\r\n${half}`,
    'in the middle of chunks': `POST /c HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel`,
    'in the middle of a form of the gateway': `POST /oauth2/sign_out HTTP/1.1\r\nHost: ${host}\r\n${half}`,
  };
  let lines = 0;
  for (const [name, bytes] of Object.entries(requests)) {
    for (const leave of ['destroy', 'reset', 'end'] as const) {
      const isUpstream = !bytes.includes('oauth2');
      const before = upstream.requests.length;
      const connection = await openRaw(gateway.url);
      t.teardown(() => connection.destroy());
      connection.write(bytes);
      if (isUpstream) await until('the request upstream', () => upstream.requests.length > before);
      else
        await until(
          'the request',
          () => connection.socket.bytesWritten === bytes.length && connection.socket.writableLength === 0,
        );
      connection[leave]();
      lines++;
      const all = await until(`the line of ${name}`, () => {
        const found = gateway.log.lines.filter(({ msg }) => msg === 'request');
        return found.length === lines && found;
      });
      t.equal(all.at(-1)?.status, 499, `${name}: ${leave}`);
    }
  }
  t.same(
    gateway.log.lines.filter(({ msg }) => msg === 'failed' || msg === 'refused' || msg === 'internal error'),
    [],
  );
});
