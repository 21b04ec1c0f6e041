import { randomBytes } from 'node:crypto';
import { test } from 'tap';
import { startNginx } from '../../support/applications/nginx.ts';
import { arrangeSignedIn } from '../../support/arrange.ts';

test('G6 files of nginx keep their ranges, validators and lengths', async (t) => {
  const bytes = randomBytes(200_000);
  const nginx = await startNginx({ 'file.bin': bytes, 'page.html': '<h1>hello</h1>', 'empty.txt': '' });
  t.teardown(() => nginx.stop());
  const { gateway, client } = await arrangeSignedIn(t, { upstream: nginx });
  const file = `${gateway.url}/file.bin`;

  await t.test('the whole file', async (t) => {
    const answer = await client.get(file);
    t.equal(answer.status, 200);
    t.ok(answer.body.equals(bytes));
    t.equal(answer.headers['accept-ranges'], 'bytes');
  });

  await t.test('one range', async (t) => {
    const answer = await client.get(file, { range: 'bytes=1000-1999' });
    t.equal(answer.status, 206);
    t.equal(answer.headers['content-range'], `bytes 1000-1999/${bytes.length}`);
    t.equal(answer.headers['content-length'], '1000');
    t.ok(answer.body.equals(bytes.subarray(1000, 2000)));
  });

  await t.test('several ranges in one answer', async (t) => {
    const answer = await client.get(file, { range: 'bytes=0-9,100-109,-10' });
    t.equal(answer.status, 206);
    const boundary = /boundary=(\S+)/.exec(answer.headers['content-type'] ?? '')?.[1];
    t.ok(boundary);
    const parts = answer.body.toString('latin1').split(`--${boundary}`).slice(1, -1);
    t.same(
      parts.map((part) => part.slice(part.indexOf('\r\n\r\n') + 4, -2)),
      [bytes.subarray(0, 10), bytes.subarray(100, 110), bytes.subarray(-10)].map((part) =>
        part.toString('latin1'),
      ),
    );
  });

  await t.test('a range that cannot be satisfied', async (t) => {
    const answer = await client.get(file, { range: 'bytes=900000-' });
    t.equal(answer.status, 416);
    t.equal(answer.headers['content-range'], `bytes */${bytes.length}`);
    t.equal(answer.headers['x-sallyport-error'], undefined);
  });

  await t.test('what the browser has already is not sent again', async (t) => {
    const { etag, 'last-modified': modified } = (await client.get(file)).headers;
    t.match(etag, /^"/);
    for (const headers of [{ 'if-none-match': etag }, { 'if-modified-since': modified }]) {
      const answer = await client.get(file, headers);
      t.equal(answer.status, 304);
      t.equal(answer.headers.etag, etag);
      t.equal(answer.body.length, 0);
    }
    const changed = await client.get(file, { 'if-none-match': '"another"' });
    t.equal(changed.status, 200);
  });

  await t.test('If-Range decides between a part and the whole', async (t) => {
    const { etag } = (await client.get(file)).headers;
    t.equal((await client.get(file, { range: 'bytes=0-9', 'if-range': etag })).status, 206);
    t.equal((await client.get(file, { range: 'bytes=0-9', 'if-range': '"old"' })).status, 200);
  });

  await t.test('HEAD has the headers of GET and no body', async (t) => {
    const get = await client.get(file);
    const head = await client.request(file, { method: 'HEAD' });
    t.equal(head.status, 200);
    t.equal(head.body.length, 0);
    for (const name of ['content-length', 'content-type', 'etag', 'last-modified', 'accept-ranges']) {
      t.equal(head.headers[name], get.headers[name], name);
    }
  });

  await t.test('an empty file and a listing', async (t) => {
    const empty = await client.get(`${gateway.url}/empty.txt`);
    t.equal(empty.status, 200);
    t.equal(empty.headers['content-length'], '0');
    t.match((await client.get(`${gateway.url}/`)).text, 'file.bin');
  });

  await t.test('twenty requests at once all get the file', async (t) => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => client.get(file)));
    t.ok(answers.every(({ status, body }) => status === 200 && body.equals(bytes)));
  });
});
