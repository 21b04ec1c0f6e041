import { createHash, randomBytes } from 'node:crypto';
import { test } from 'tap';
import { startApache } from '../../support/applications/apache.ts';
import { arrangeSignedIn } from '../../support/arrange.ts';

/** Answers with JSON of what PHP made of the request. */
const form = `<?php
header('Content-Type: application/json');
setcookie('phpseen', 'yes; and, more', 0, '/');
$files = [];
foreach ($_FILES as $field => $file) {
  $files[$field] = [
    'name' => $file['name'], 'type' => $file['type'], 'size' => $file['size'],
    'sha256' => hash_file('sha256', $file['tmp_name']),
  ];
}
echo json_encode([
  'method' => $_SERVER['REQUEST_METHOD'], 'query' => $_SERVER['QUERY_STRING'],
  'post' => $_POST, 'files' => (object) $files, 'cookies' => (object) $_COOKIE,
  'server' => array_filter($_SERVER, fn($key) => str_starts_with($key, 'HTTP_'), ARRAY_FILTER_USE_KEY),
], JSON_INVALID_UTF8_SUBSTITUTE);
`;

interface Seen {
  method: string;
  query: string;
  post: Record<string, string>;
  files: Record<string, { name: string; type: string; size: number; sha256: string }>;
  cookies: Record<string, string>;
  server: Record<string, string>;
}

test('a PHP application behind Apache gets forms, uploads and who sent them', async (t) => {
  const apache = await startApache({ 'form.cgi': form });
  t.teardown(() => apache.stop());
  const { gateway, client } = await arrangeSignedIn(t, { upstream: apache });
  const url = `${gateway.url}/form.cgi`;

  await t.test('a form, umlauts and all', async (t) => {
    const body = new URLSearchParams({ name: 'Zoë & Co', text: 'a=b\r\nc' }).toString();
    const answer = await client.request(`${url}?step=2&x=%20+`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body,
    });
    const seen = answer.json() as Seen;
    t.equal(seen.method, 'POST');
    t.equal(seen.query, 'step=2&x=%20+');
    t.same(seen.post, { name: 'Zoë & Co', text: 'a=b\r\nc' });
  });

  await t.test('an upload', async (t) => {
    const bytes = randomBytes(1_500_000);
    const body = Buffer.concat([
      Buffer.from(
        '--limit\r\nContent-Disposition: form-data; name="title"\r\n\r\nPhoto\r\n' +
          '--limit\r\nContent-Disposition: form-data; name="photo"; filename="été.bin"\r\n' +
          'Content-Type: application/octet-stream\r\n\r\n',
      ),
      bytes,
      Buffer.from('\r\n--limit--\r\n'),
    ]);
    const answer = await client.request(url, {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data; boundary=limit' },
      body,
    });
    const seen = answer.json() as Seen;
    t.same(seen.post, { title: 'Photo' });
    t.same(seen.files.photo, {
      name: 'été.bin',
      type: 'application/octet-stream',
      size: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    });
  });

  await t.test('who is signed in', async (t) => {
    const { server } = (await client.get(url)).json() as Seen;
    t.equal(server.HTTP_X_FORWARDED_USER, 'ada');
    t.equal(server.HTTP_X_FORWARDED_EMAIL, 'ada@example.com');
    t.equal(server.HTTP_X_FORWARDED_PREFERRED_USERNAME, 'ada');
    t.equal(server.HTTP_X_FORWARDED_GROUPS, 'staff,admins');
    t.equal(server.HTTP_X_FORWARDED_HOST, new URL(gateway.url).host);
    t.equal(server.HTTP_X_FORWARDED_PROTO, 'http');
    t.equal(server.HTTP_X_FORWARDED_FOR, '127.0.0.1');
  });

  await t.test('no spelling of a header makes somebody else of the person', async (t) => {
    const forged = [
      'X-Forwarded-User',
      'x-forwarded-user',
      'X_Forwarded_User',
      'X_FORWARDED-USER',
      'X-Forwarded_User',
      'X.Forwarded.User',
      'X_Forwarded_Groups',
      'X_Forwarded_For',
      'X-Forwarded_Proto',
      'X_Forwarded_Prefix',
    ].flatMap((name) => [name, 'mallory']);
    const { server } = (await client.request(url, { headers: forged })).json() as Seen;
    t.equal(server.HTTP_X_FORWARDED_USER, 'ada');
    t.equal(server.HTTP_X_FORWARDED_GROUPS, 'staff,admins');
    t.equal(server.HTTP_X_FORWARDED_FOR, '127.0.0.1');
    t.notMatch(JSON.stringify(server), 'mallory');
  });

  await t.test('naming an identity header in Connection does not remove it', async (t) => {
    const { server } = (
      await client.request(url, {
        headers: {
          connection: 'X-Forwarded-User, Authorization, X-Forwarded-For',
          'x-forwarded-user': 'mallory',
        },
      })
    ).json() as Seen;
    t.equal(server.HTTP_X_FORWARDED_USER, 'ada');
    t.equal(server.HTTP_X_FORWARDED_FOR, '127.0.0.1');
  });

  await t.test("the application's cookies come and go, the gateway's stay at the gateway", async (t) => {
    t.ok(client.cookies.get('phpseen'));
    const { cookies, server } = (await client.get(url)).json() as Seen;
    t.equal(cookies.phpseen, 'yes; and, more');
    t.notMatch(server.HTTP_COOKIE, 'sallyport');
  });
});
