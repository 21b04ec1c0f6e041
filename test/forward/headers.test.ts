import { test } from 'tap';
import { arrangeGateway, arrangePublic, arrangeSignedIn, arrangeUpstream } from '../support/arrange.ts';
import { startByteUpstream } from '../support/byte-upstream.ts';
import { openRaw, readAnswers } from '../support/raw.ts';
import { type Echo, namesOf, valuesOf } from '../support/upstream.ts';

test('headers go upstream with their case, their order and their duplicates', async (t) => {
  const upstream = await arrangeUpstream(t);
  const { gateway, client } = await arrangePublic(t, upstream);
  const sent = [
    ...['X-First', '1'],
    ...['x-lower', 'a'],
    ...['X-Twice', 'one'],
    ...['Accept', 'text/x'],
    ...['X-Twice', 'two, three'],
    ...['X-Empty', ''],
    ...['X-Latin', 'caf\xe9'],
    ...['If-Match', '"a", W/"b"'],
    ...['Accept', 'text/y'],
  ];
  const { rawHeaders } = (await client.request(gateway.url, { headers: sent })).json() as Echo;
  const own = new Set(namesOf(sent));
  const arrived = rawHeaders.filter((_, at) => own.has((rawHeaders[at - (at % 2)] ?? '').toLowerCase()));
  t.same(arrived, sent);
});

test('G1 headers that belong to the connection of the client stay there', async (t) => {
  const upstream = await arrangeUpstream(t);
  const { gateway, client } = await arrangePublic(t, upstream);
  const answer = await client.request(gateway.url, {
    headers: {
      connection: 'keep-alive, X-Hop, X-Other-Hop',
      'keep-alive': 'timeout=5',
      'proxy-connection': 'keep-alive',
      'proxy-authorization': 'Basic c2VjcmV0',
      'proxy-authenticate': 'Basic',
      te: 'trailers, deflate',
      'http2-settings': 'AAMAAABkAARAAAAAAAIAAAAA',
      'x-hop': 'dropped',
      'X-Other-Hop': 'dropped',
      'x-end-to-end': 'kept',
    },
  });
  const { rawHeaders } = answer.json() as Echo;
  const names = namesOf(rawHeaders);
  for (const name of [
    'keep-alive',
    'proxy-connection',
    'proxy-authorization',
    'proxy-authenticate',
    'te',
    'http2-settings',
    'x-hop',
    'x-other-hop',
  ]) {
    t.notOk(names.includes(name), name);
  }
  t.notMatch(valuesOf(rawHeaders, 'connection').join(), /hop/i);
  t.same(valuesOf(rawHeaders, 'x-end-to-end'), ['kept']);
});

test("G1 naming framing or the gateway's own headers in Connection does not remove them", async (t) => {
  const upstream = await arrangeUpstream(t);
  const { gateway, client } = await arrangeSignedIn(t, { upstream });
  const answer = await client.request(gateway.url, {
    method: 'POST',
    headers: {
      connection: 'content-length, host, authorization, x-forwarded-user, x-forwarded-for, x-forwarded-proto',
    },
    body: 'hello',
  });
  const { rawHeaders, body } = answer.json() as Echo;
  t.equal(body.length, 5);
  t.same(valuesOf(rawHeaders, 'host'), [new URL(upstream.url).host]);
  t.match(valuesOf(rawHeaders, 'authorization'), [/^Bearer /]);
  t.same(valuesOf(rawHeaders, 'x-forwarded-user'), ['ada']);
  t.same(valuesOf(rawHeaders, 'x-forwarded-for'), ['127.0.0.1']);
  t.same(valuesOf(rawHeaders, 'x-forwarded-proto'), ['http']);
});

test('the token that goes upstream is in no line of the log', async (t) => {
  const upstream = await arrangeUpstream(t);
  const { gateway, client } = await arrangeSignedIn(t, { upstream });
  const { rawHeaders } = (await client.get(`${gateway.url}/x?code=hidden`)).json() as Echo;
  const token = valuesOf(rawHeaders, 'authorization')[0]?.replace('Bearer ', '') ?? '';
  t.ok(token.length > 20);
  await gateway.log.line(({ path }) => path === '/x');
  for (const secret of [token, 'code=', 'hidden', client.cookies.get('sallyport')?.value ?? 'sallyport=']) {
    t.notMatch(gateway.log.text(), secret);
  }
});

test('forwarding headers of a client that is no trusted proxy are replaced', async (t) => {
  const upstream = await arrangeUpstream(t);
  const { gateway, client } = await arrangePublic(t, upstream);
  const forged = [
    'X-Forwarded-For',
    'X-Forwarded-Host',
    'X-Forwarded-Proto',
    'X-Forwarded-Port',
    'X-Forwarded-Prefix',
    'X-Forwarded-Server',
    'Forwarded',
    'X-Real-IP',
    'X-Original-URL',
    'X-Rewrite-URL',
    'X_Forwarded_For',
    'X-Forwarded_Host',
  ].flatMap((name) => [name, 'mallory']);
  const { rawHeaders } = (await client.request(gateway.url, { headers: forged })).json() as Echo;
  t.notMatch(rawHeaders.join('\n'), 'mallory');
  t.same(valuesOf(rawHeaders, 'x-forwarded-for'), ['127.0.0.1']);
  t.same(valuesOf(rawHeaders, 'x-forwarded-host'), [new URL(gateway.url).host]);
  t.same(valuesOf(rawHeaders, 'x-forwarded-proto'), ['http']);
});

test('forwarding headers of a trusted proxy go on, with its address added', async (t) => {
  const upstream = await arrangeUpstream(t);
  const { gateway, client } = await arrangeGateway(t, {
    config: { routes: [{ upstream: upstream.url, allow: 'public' }], trustedProxies: ['127.0.0.0/8'] },
  });
  const { rawHeaders } = (
    await client.request(gateway.url, {
      headers: {
        'x-forwarded-for': '203.0.113.7',
        'x-forwarded-proto': 'https',
        'x-request-id': 'from-the-proxy',
      },
    })
  ).json() as Echo;
  t.same(valuesOf(rawHeaders, 'x-forwarded-for'), ['203.0.113.7, 127.0.0.1']);
  t.same(valuesOf(rawHeaders, 'x-forwarded-proto'), ['https']);
  t.same(valuesOf(rawHeaders, 'x-request-id'), ['from-the-proxy']);
});

test('identity headers of a client are removed on public routes too', async (t) => {
  const upstream = await arrangeUpstream(t);
  const { gateway, client } = await arrangePublic(t, upstream);
  const names = [
    'X-Forwarded-User',
    'x_forwarded_email',
    'X-FORWARDED_GROUPS',
    'X-Forwarded-Preferred-Username',
  ];
  const { rawHeaders } = (
    await client.request(gateway.url, { headers: names.flatMap((name) => [name, 'mallory']) })
  ).json() as Echo;
  t.notMatch(rawHeaders.join('\n'), 'mallory');
});

test('G1 headers of the answer come with their case, order and duplicates; the ones of the connection stay', async (t) => {
  const lines = [
    'X-First: 1',
    'x-lower: a',
    'WWW-Authenticate: Basic realm="a"',
    'X-Latin: caf\xe9',
    'WWW-Authenticate: Negotiate',
    'X-Empty:',
    'Link: <a>; rel=x, <b>; rel=y',
  ];
  const upstream = await startByteUpstream(
    `HTTP/1.1 200 OK\r\n${lines.join('\r\n')}\r\nConnection: close, X-Hop\r\nX-Hop: secret\r\nKeep-Alive: timeout=1\r\n` +
      'Proxy-Authenticate: Basic\r\nProxy-Connection: close\r\nUpgrade: h2c\r\nX-Sallyport-Error: forged\r\nContent-Length: 2\r\n\r\nok',
  );
  t.teardown(() => upstream.close());
  const { gateway, client } = await arrangePublic(t, upstream);
  const { rawHeaders } = await client.get(gateway.url);
  const end = rawHeaders.indexOf('Link') + 2;
  t.same(
    rawHeaders.slice(0, end),
    lines.flatMap((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).trim()];
    }),
  );
  const names = namesOf(rawHeaders);
  for (const name of ['x-hop', 'proxy-authenticate', 'proxy-connection', 'upgrade', 'x-sallyport-error']) {
    t.notOk(names.includes(name), name);
  }
  t.notMatch(valuesOf(rawHeaders, 'connection').join(), /close|hop/i);
});

test("an upstream's Connection: close ends its own connection and not the client's", async (t) => {
  const upstream = await startByteUpstream(
    'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok',
  );
  t.teardown(() => upstream.close());
  const { gateway } = await arrangePublic(t, upstream);
  const connection = await openRaw(gateway.url);
  t.teardown(() => connection.destroy());
  const request = `GET / HTTP/1.1\r\nHost: ${new URL(gateway.url).host}\r\n\r\n`;
  connection.write(request);
  await connection.until('ok');
  connection.write(request);
  await connection.until(/ok[\s\S]*ok$/);
  t.equal(readAnswers(connection.received()).length, 2);
  t.equal(upstream.accepted, 2);
});

test('an upstream cannot set or clear the cookies of the gateway', async (t) => {
  const upstream = await arrangeUpstream(t, (_request, response) => {
    response.setHeader('set-cookie', [
      'sallyport=forged; Path=/',
      'sallyport.0=forged',
      'SALLYPORT=; Max-Age=0',
      'sallyport-login-x=forged',
      ' sallyport =forged',
      'sallyportal=kept',
      'own=kept',
    ]);
    response.end();
  });
  const { gateway, client } = await arrangePublic(t, upstream);
  t.same((await client.get(gateway.url)).setCookies, ['sallyportal=kept', 'own=kept']);
});

test('an upstream may send 40 KiB of headers', async (t) => {
  const value = 'f'.repeat(4000);
  const upstream = await arrangeUpstream(t, (_request, response) => {
    for (let at = 0; at < 10; at++) response.setHeader(`x-filler-${at}`, value);
    response.end('ok');
  });
  const { gateway } = await arrangePublic(t, upstream);
  const connection = await openRaw(gateway.url);
  t.teardown(() => connection.destroy());
  connection.write(`GET / HTTP/1.1\r\nHost: ${new URL(gateway.url).host}\r\nConnection: close\r\n\r\n`);
  await connection.closed();
  const [answer] = readAnswers(connection.received());
  t.equal(answer?.status, 200);
  t.equal(answer?.headers.filter(([name]) => name.startsWith('x-filler')).length, 10);
});

test('a client may send 40 KiB of headers, and gets 431 for much more', async (t) => {
  const upstream = await arrangeUpstream(t);
  const { gateway, client } = await arrangePublic(t, upstream);
  const filler = (bytes: number) =>
    Array.from({ length: bytes / 1000 }, (_, at) => [`X-Filler-${at}`, 'f'.repeat(980)]).flat();
  const fits = await client.request(gateway.url, { headers: filler(40_000) });
  t.equal(fits.status, 200);
  t.equal(namesOf((fits.json() as Echo).rawHeaders).filter((name) => name.startsWith('x-filler')).length, 40);
  const tooLarge = await client.request(gateway.url, { headers: filler(80_000) });
  t.equal(tooLarge.status, 431);
  t.equal(tooLarge.headers['x-sallyport-error'], 'headers_too_large');
});

test('redirects to the upstream itself come back through the gateway; others stay', async (t) => {
  const upstream = await arrangeUpstream(t, (request, response) => {
    response.writeHead(302, { location: decodeURIComponent(request.url?.slice(2) ?? '') }).end();
  });
  const { gateway, client } = await arrangePublic(t, upstream);
  const locationFor = async (location: string) =>
    (await client.get(`${gateway.url}/?${encodeURIComponent(location)}`)).headers.location;
  t.equal(await locationFor(`${upstream.url}/next?a=1#x`), `${gateway.url}/next?a=1#x`);
  t.equal(await locationFor(upstream.url), gateway.url);
  for (const location of [
    '/relative',
    'relative',
    '//other.example/x',
    'https://other.example/x',
    `${upstream.url}1/x`,
    `${upstream.url}.other.example/x`,
    `${upstream.url}@other.example/x`,
  ]) {
    t.equal(await locationFor(location), location);
  }
});
