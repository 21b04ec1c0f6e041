import { test } from 'tap';
import { arrangeLogin, type LoginSceneOptions } from '../login/steps.ts';
import { logIn } from '../support/log-in.ts';
import { openRaw, readAnswers, sendRaw } from '../support/raw.ts';
import { until } from '../support/until.ts';

/** Everybody may go to /public; everything else takes a session. */
const twoRoutes: LoginSceneOptions = {
  routes: (upstream) => [{ path: '/public', upstream, allow: 'public' }],
};

/** What somebody tries to hide behind another request. */
const hidden = 'GET /smuggled HTTP/1.1\r\nHost: HOST\r\nX-Forwarded-User: admin\r\n\r\n';

/** Requests whose end two readers could see in two places, or that are none: lines, then the body. */
const malformed: Record<string, [lines: string[], body: string]> = {
  'both Content-Length and Transfer-Encoding': [
    ['Content-Length: 4', 'Transfer-Encoding: chunked'],
    `5c\r\n${hidden}\r\n0\r\n\r\n`,
  ],
  'both, the other way round': [['Transfer-Encoding: chunked', 'Content-Length: 5'], `0\r\n\r\n${hidden}`],
  'two lengths': [['Content-Length: 0', `Content-Length: ${hidden.length}`], hidden],
  'two lengths in one header': [[`Content-Length: 0, ${hidden.length}`], hidden],
  'twice the same length': [['Content-Length: 5', 'Content-Length: 5'], `hello${hidden}`],
  'a length with a sign': [['Content-Length: +5'], `hello${hidden}`],
  'a negative length': [['Content-Length: -5'], hidden],
  'a length in hexadecimal': [['Content-Length: 0x5'], `hello${hidden}`],
  'a length with a space in it': [['Content-Length: 1 0'], `hello${hidden}`],
  'a length beyond every number': [['Content-Length: 99999999999999999999999'], hidden],
  'a length that is a word': [['Content-Length: five'], hidden],
  'chunked twice': [['Transfer-Encoding: chunked, chunked'], `0\r\n\r\n${hidden}`],
  'chunked not last': [['Transfer-Encoding: chunked, identity'], `0\r\n\r\n${hidden}`],
  'an encoding that nobody knows': [['Transfer-Encoding: xchunked'], `0\r\n\r\n${hidden}`],
  'an encoding beside a length': [['Transfer-Encoding: xchunked', 'Content-Length: 5'], `0\r\n\r\n${hidden}`],
  'a tab in front of chunked, with a length': [
    ['Transfer-Encoding:\tchunked', 'Content-Length: 5'],
    `0\r\n\r\n${hidden}`,
  ],
  'a vertical tab in front of chunked': [['Transfer-Encoding:\x0bchunked'], `0\r\n\r\n${hidden}`],
  'space before the colon': [['Transfer-Encoding : chunked'], `0\r\n\r\n${hidden}`],
  'space before the colon of a length': [['Content-Length : 5'], `hello${hidden}`],
  'a folded header': [['X-Folded: one', ' two'], ''],
  'a folded encoding': [['Transfer-Encoding:', ' chunked', 'Content-Length: 5'], `0\r\n\r\n${hidden}`],
  'a header without a colon': [['Nonsense'], ''],
  'a header without a name': [[': value'], ''],
  'a bare carriage return': [['X-One: a\rTransfer-Encoding: chunked'], `0\r\n\r\n${hidden}`],
  'a bare line feed in a value': [['X-One: a\nX-Forwarded-User: admin'], ''],
  'a NUL in a value': [['X-One: a\0b'], ''],
  'a NUL in a name': [['X-\0One: a'], ''],
  'a chunk length that is none': [['Transfer-Encoding: chunked'], `zz\r\n${hidden}`],
  'a negative chunk': [['Transfer-Encoding: chunked'], `-1\r\n${hidden}`],
  'a chunk in 0x form': [['Transfer-Encoding: chunked'], `0x5\r\nhello\r\n0\r\n\r\n${hidden}`],
  'a chunk beyond every number': [['Transfer-Encoding: chunked'], `ffffffffffffffffff\r\n${hidden}`],
  'a chunk longer than it says': [['Transfer-Encoding: chunked'], `2\r\nhello\r\n0\r\n\r\n${hidden}`],
  'a chunk that ends with a bare line feed': [['Transfer-Encoding: chunked'], `5\nhello\n0\n\n${hidden}`],
  'a chunk extension with a bare line feed': [
    ['Transfer-Encoding: chunked'],
    `5;\nhello\r\n0\r\n\r\n${hidden}`,
  ],
  'two hosts': [['Host: evil.example'], ''],
};

const request = (host: string, path: string, [lines, body]: [string[], string], method = 'POST') =>
  `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n${body.replaceAll('HOST', host)}`;

test('G2 a request that two readers could read differently is refused, and its connection closes', async (t) => {
  const { gateway, upstream } = await arrangeLogin(t, twoRoutes);
  const { host } = new URL(gateway.url);
  for (const [name, parts] of Object.entries(malformed)) {
    await t.test(name, async (sub) => {
      const before = upstream.requests.length;
      const connection = await openRaw(gateway.url);
      connection.write(request(host, '/public/first', parts));
      await connection.closed();
      const answers = readAnswers(connection.received());
      const last = answers.at(-1);
      // A body may be found broken when its request has been answered, or broken off, upstream.
      if (last) sub.ok(last.status === 400 || last.status === 502, `answered with ${last.status}`);
      const arrived = upstream.requests.slice(before);
      await until('the abort upstream', () => arrived.every(({ aborted }) => aborted));
      sub.ok(answers.length <= 1, 'what was hidden behind is not answered');
    });
  }
  t.notOk(
    upstream.requests.some(({ url }) => url.includes('smuggled')),
    'and nothing that was hidden arrives',
  );
  t.ok(gateway.log.lines.length > 0);
});

test('G2 malformed first lines are refused', async (t) => {
  const { gateway, upstream } = await arrangeLogin(t, twoRoutes);
  const { host } = new URL(gateway.url);
  const rest = `\r\nHost: ${host}\r\n\r\n`;
  for (const line of [
    'GET\t/public\tHTTP/1.1',
    ' GET /public HTTP/1.1',
    'GET /public HTTP/1.1 ',
    'GET /public HTTP/9.9',
    'GET /public HTTPS/1.1',
    'GET /pub lic HTTP/1.1',
    'G@T /public HTTP/1.1',
    'get /public HTTP/1.1',
    'PRI * HTTP/2.0',
    '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  ]) {
    const [answer] = readAnswers(await sendRaw(gateway.url, line + rest));
    t.ok(answer === undefined || answer.status === 400, `${JSON.stringify(line)}: ${answer?.status}`);
  }
  t.equal(upstream.requests.length, 0, 'nothing arrived');
  // What Node's parser forgives is decided like anything else.
  for (const line of [
    'GET /secret',
    'GET  /secret HTTP/1.1',
    'GET /secret  HTTP/1.1',
    'GET /secret HTTP/2.0',
  ]) {
    const [answer] = readAnswers(await sendRaw(gateway.url, line + rest));
    t.ok(answer?.status === 400 || answer?.status === 401, `${line}: ${answer?.status}`);
  }
  t.equal(upstream.requests.length, 0, 'nor did any of these');
});

test('requests in one stream of bytes are decided one by one', async (t) => {
  const { gateway, upstream } = await arrangeLogin(t, twoRoutes);
  const { host } = new URL(gateway.url);
  const bytes = [
    `POST /public/1 HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 5\r\n\r\nhello`,
    `GET /secret HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
    `POST /public/2 HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    `POST /secret HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 5\r\n\r\nhello`,
    `GET /public/3 HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
  ].join('');
  const answers = readAnswers(await sendRaw(gateway.url, bytes));
  t.same(
    answers.map(({ status }) => status),
    [200, 401, 200, 401, 200],
  );
  t.same(
    upstream.requests.map(({ url }) => url),
    ['/public/1', '/public/2', '/public/3'],
  );
});

test('the body of a request is a body, whatever it looks like', async (t) => {
  const { gateway, upstream } = await arrangeLogin(t, twoRoutes);
  const { host } = new URL(gateway.url);
  const inner = hidden.replaceAll('HOST', host);
  const framings = [
    [`Content-Length: ${inner.length}`, inner],
    ['Transfer-Encoding: chunked', `${inner.length.toString(16)}\r\n${inner}\r\n0\r\n\r\n`],
    ['Transfer-Encoding: CHUNKED', `${inner.length.toString(16)};ext="a"\r\n${inner}\r\n0\r\n\r\n`],
  ];
  for (const method of ['GET', 'POST', 'PROPFIND']) {
    for (const [framing, body] of framings) {
      for (const path of ['/public', '/secret', '/oauth2/sign_in']) {
        const text = await sendRaw(
          gateway.url,
          `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n${framing}\r\n\r\n${body}`,
          100,
        );
        t.equal(readAnswers(text).length, 1, `${method} ${path} ${framing}: one answer`);
      }
    }
  }
  t.same([...new Set(upstream.requests.map(({ url }) => url))], ['/public']);
});

test('a body that is refused does not become the next request', async (t) => {
  const { gateway, upstream } = await arrangeLogin(t, {
    routes: (url) => [{ path: '/public', upstream: url, allow: 'public', maxBody: '1KiB' }],
  });
  const { host } = new URL(gateway.url);
  const inner = `GET /public/smuggled HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
  for (const path of [
    '/public',
    '/secret',
    '/oauth2/backchannel-logout',
    '/oauth2/none',
    '/oauth2/sign_out',
  ]) {
    for (const [framing, body] of [
      [`Content-Length: ${inner.length * 2000}`, inner.repeat(2000)],
      ['Transfer-Encoding: chunked', `${inner.length.toString(16)}\r\n${inner}\r\n`.repeat(50)],
    ]) {
      const connection = await openRaw(gateway.url);
      connection.write(`POST ${path} HTTP/1.1\r\nHost: ${host}\r\n${framing}\r\n\r\n${body}`);
      if (framing?.startsWith('Transfer')) connection.write('0\r\n\r\n');
      const text = await connection.until('HTTP/1.1 ');
      t.equal(readAnswers(text).length, 1, `${path} ${framing}`);
      connection.destroy();
    }
  }
  t.notOk(upstream.requests.some(({ url }) => url.includes('smuggled')));
});

test('G3 TRACE and CONNECT are refused, signed in or not', async (t) => {
  const { gateway, client, upstream } = await arrangeLogin(t, twoRoutes);
  const { host } = new URL(gateway.url);
  await logIn(client, gateway.url, 'ada');
  const before = upstream.requests.length;
  const cookie = `Cookie: ${client.cookies.headerFor(gateway.url)}\r\n`;
  for (const line of [
    'TRACE /public',
    'TRACE /',
    'TRACK /public',
    `CONNECT ${host}`,
    'CONNECT internal:80',
    'CONNECT /public',
  ]) {
    for (const extra of ['', cookie]) {
      const text = await sendRaw(gateway.url, `${line} HTTP/1.1\r\nHost: ${host}\r\n${extra}\r\n`);
      t.match(text, /^HTTP\/1\.1 4(00|05) /, line);
      t.notMatch(text, /sallyport=/, 'nothing is echoed');
    }
  }
  t.equal(upstream.requests.length, before);
});

test('G7 an application that breaks off is a broken answer, not a complete one', async (t) => {
  const { gateway, upstream, client } = await arrangeLogin(t, twoRoutes);
  upstream.server.removeAllListeners('request');
  upstream.server.on('request', (incoming, response) => {
    response.writeHead(200, incoming.url?.includes('length') ? { 'content-length': '1000' } : {});
    response.write('the beginning');
    setTimeout(() => response.destroy(), 30);
  });
  for (const path of ['/public/length', '/public/chunked']) {
    await t.rejects(client.get(gateway.url + path), /aborted|ECONNRESET|hang up/, path);
    const connection = await openRaw(gateway.url);
    connection.write(`GET ${path} HTTP/1.1\r\nHost: ${new URL(gateway.url).host}\r\n\r\n`);
    await connection.closed();
    t.notMatch(connection.received(), '\r\n0\r\n\r\n', 'no last chunk');
  }
  await until('a line in the log', () =>
    gateway.log.lines.some(({ msg }) => msg === 'failed' || msg === 'refused'),
  );
});

test('bytes that are no request do not get into the answer that is under way', async (t) => {
  const { gateway, upstream } = await arrangeLogin(t, twoRoutes);
  upstream.server.removeAllListeners('request');
  upstream.server.on('request', (_request, response) => {
    response.writeHead(200, { 'content-length': '2000' });
    response.write('x'.repeat(1000));
    setTimeout(() => response.end('x'.repeat(1000)), 100);
  });
  const connection = await openRaw(gateway.url);
  connection.write(`GET /public HTTP/1.1\r\nHost: ${new URL(gateway.url).host}\r\n\r\n`);
  await connection.until('x'.repeat(1000));
  connection.write('garbage\r\n\r\n');
  await connection.closed();
  const [answer, refusal] = readAnswers(connection.received());
  t.equal(answer?.body, 'x'.repeat(2000), 'it is whole');
  t.equal(refusal?.status, 400, 'and the refusal comes behind it');
});

test('a length that stands behind more headers than a parser keeps still frames the body', async (t) => {
  const { gateway, upstream } = await arrangeLogin(t, twoRoutes);
  const { host } = new URL(gateway.url);
  const inner = hidden.replaceAll('HOST', host);
  const many = 'a: b\r\n'.repeat(3000);
  for (const extra of ['', 'Connection: Upgrade\r\nUpgrade: h2c\r\n']) {
    for (const method of ['GET', 'POST']) {
      const head = `${method} /public HTTP/1.1\r\nHost: ${host}\r\n${extra}${many}Content-Length: ${inner.length}`;
      await sendRaw(gateway.url, `${head}\r\n\r\n${inner}`);
    }
  }
  const urls = upstream.requests.map(({ url }) => url);
  t.notOk(urls.includes('/smuggled'), urls.join(' '));
});
