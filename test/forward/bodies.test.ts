import { createHash, randomBytes } from 'node:crypto';
import { test } from 'tap';
import { arrangePublic, arrangeUpstream } from '../support/arrange.ts';
import { bulkBody, bulkDigest, digestOf, sendBulk } from '../support/bulk.ts';
import { openRaw } from '../support/raw.ts';
import { until } from '../support/until.ts';
import { type Echo, valuesOf } from '../support/upstream.ts';

const MiB = 1024 * 1024;
const sizes = [0, 1, 1000, 16 * 1024, 64 * 1024 + 1, 3 * MiB, 100 * MiB];

test('a body of any size goes up unchanged', async (t) => {
  const upstream = await arrangeUpstream(t);
  const { gateway, client } = await arrangePublic(t, upstream);
  for (const size of sizes) {
    for (const framing of ['content-length', 'chunked']) {
      await t.test(`${size} bytes, ${framing}`, async (t) => {
        const answer = await client.request(`${gateway.url}/up`, {
          method: 'POST',
          headers: framing === 'chunked' ? {} : { 'content-length': String(size) },
          body: bulkBody(size),
        });
        const { body, rawHeaders } = answer.json() as Echo;
        t.same([body.length, body.sha256], [size, bulkDigest(size)], `${size} bytes, ${framing}`);
        if (framing === 'content-length') t.same(valuesOf(rawHeaders, 'content-length'), [String(size)]);
      });
    }
  }
});

test('a body of any size comes down unchanged', async (t) => {
  const upstream = await arrangeUpstream(t, sendBulk);
  const { gateway, client } = await arrangePublic(t, upstream);
  for (const size of sizes) {
    for (const query of ['', '?length']) {
      await t.test(`${size} bytes ${query}`, async (t) => {
        const { answer } = await client.open(`${gateway.url}/${size}${query}`);
        t.equal(answer.headers['content-length'], query === '' ? undefined : String(size));
        t.same(await digestOf(answer), { length: size, sha256: bulkDigest(size) }, `${size} bytes ${query}`);
      });
    }
  }
});

test('a body of any type goes up byte for byte', async (t) => {
  const upstream = await arrangeUpstream(t);
  const { gateway, client } = await arrangePublic(t, upstream);
  const bytes = randomBytes(500);
  const bodies: [type: string | undefined, body: string | Buffer][] = [
    ['application/json', '{"a": 1}'],
    ['application/json', '{"broken": '],
    ['application/json; charset=utf-16', bytes],
    ['application/json', ''],
    ['text/plain; charset=ISO-8859-1', Buffer.from('caf\xe9', 'latin1')],
    ['text/plain', bytes],
    ['application/x-www-form-urlencoded', 'a=%zz&&&=b'],
    ['multipart/form-data', 'no boundary at all'],
    ['application/grpc+proto', bytes],
    ['text/xml;charset="UTF-8"', '<a>'],
    ['not a type', bytes],
    ['/', bytes],
    ['a/b; c', bytes],
    ['application/json, text/plain', bytes],
    [undefined, bytes],
  ];
  for (const [type, body] of bodies) {
    await t.test(`${type}`, async (t) => {
      const answer = await client.request(`${gateway.url}/any`, {
        method: 'POST',
        headers: type === undefined ? {} : { 'Content-Type': type },
        body,
      });
      t.equal(answer.status, 200, `${type}`);
      const echo = answer.json() as Echo;
      t.same(valuesOf(echo.rawHeaders, 'content-type'), type === undefined ? [] : [type]);
      t.equal(echo.body.sha256, createHash('sha256').update(body).digest('hex'), `${type}`);
    });
  }
});

test('GET and DELETE may have a body', async (t) => {
  const upstream = await arrangeUpstream(t);
  const { gateway, client } = await arrangePublic(t, upstream);
  for (const method of ['GET', 'DELETE', 'OPTIONS']) {
    await t.test(method, async (t) => {
      const answer = await client.request(`${gateway.url}/search`, { method, body: '{"query":{}}' });
      const echo = answer.json() as Echo;
      t.equal(echo.method, method);
      t.equal(Buffer.from(echo.body.base64 ?? '', 'base64').toString(), '{"query":{}}');
    });
  }
});

test('a request without a body gets none on the way', async (t) => {
  const upstream = await arrangeUpstream(t);
  const { gateway, client } = await arrangePublic(t, upstream);
  for (const method of ['GET', 'HEAD', 'DELETE']) {
    await t.test(method, async (t) => {
      await client.request(`${gateway.url}/`, { method });
      const seen = upstream.requests.at(-1)?.rawHeaders ?? [];
      t.same(valuesOf(seen, 'transfer-encoding'), [], method);
      t.notOk(Number(valuesOf(seen, 'content-length')[0] ?? 0), method);
    });
  }
  const post = await client.request(`${gateway.url}/`, {
    method: 'POST',
    headers: { 'content-length': '0' },
  });
  t.same(valuesOf((post.json() as Echo).rawHeaders, 'content-length'), ['0']);
});

test('a compressed answer stays compressed', async (t) => {
  const bytes = randomBytes(1000);
  const upstream = await arrangeUpstream(t, (_request, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': bytes.length });
    response.end(bytes);
  });
  const { gateway, client } = await arrangePublic(t, upstream);
  const answer = await client.get(gateway.url, { 'accept-encoding': 'gzip, br' });
  t.ok(answer.body.equals(bytes));
  t.equal(answer.headers['content-encoding'], 'gzip');
  t.same(valuesOf(upstream.requests[0]?.rawHeaders ?? [], 'accept-encoding'), ['gzip, br']);
});

test('a body that comes in drops is passed on drop by drop', async (t) => {
  const pieces: string[] = [];
  const upstream = await arrangeUpstream(t, (request, response) => {
    request.on('data', (chunk: Buffer) => pieces.push(chunk.toString()));
    request.on('end', () => response.end('done'));
  });
  const { gateway } = await arrangePublic(t, upstream);
  const connection = await openRaw(gateway.url);
  t.teardown(() => connection.destroy());
  const { host } = new URL(gateway.url);
  connection.write(`POST /drops HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n\r\n`);
  for (const piece of ['one', 'two', 'three']) {
    connection.write(`${piece.length}\r\n${piece}\r\n`);
    // Each piece is upstream before the next one is sent.
    await until(piece, () => pieces.join('').endsWith(piece));
  }
  connection.write('0\r\n\r\n');
  await connection.until('done');
  t.equal(pieces.join(''), 'onetwothree');
});

test('a body over maxBody is refused with 413, whether or not its length was said', async (t) => {
  const upstream = await arrangeUpstream(t);
  const { gateway, client } = await arrangePublic(t, upstream, { maxBody: '100KiB' });
  const send = (size: number, headers: Record<string, string>) =>
    client.request(`${gateway.url}/`, { method: 'POST', headers, body: bulkBody(size) });
  const fits = 100 * 1024;
  for (const headers of [{ 'content-length': String(fits) }, {} as Record<string, string>]) {
    t.equal((await send(fits, headers)).status, 200);
  }
  for (const headers of [{ 'content-length': String(fits + 1) }, {} as Record<string, string>]) {
    const answer = await send(fits + 1, headers);
    t.equal(answer.status, 413);
    t.equal(answer.headers['x-sallyport-error'], 'body_too_large');
  }
});
