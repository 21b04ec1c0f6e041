import { mkdtemp } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttp2Server, createSecureServer } from 'node:http2';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createSocketServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { test } from 'tap';
import { openStanding } from '../../src/forward/balance/standing.ts';
import { balance } from '../../src/forward/balance.ts';
import { createTurnEnds } from '../../src/forward/end-of-turn.ts';
import { closeTarget, openTarget, targetAddress } from '../../src/forward/targets.ts';
import { arrangePublic, arrangeUpstream } from '../support/arrange.ts';
import { makeCertificate } from '../support/certificate.ts';
import { createWoundClock } from '../support/clock.ts';
import { listenOnLoopback } from '../support/listening.ts';
import { type Echo, valuesOf } from '../support/upstream.ts';

/** Refuses every connection: ports as low as this one are never given out. */
const nobody = 'http://127.0.0.1:9';

test('several upstreams take requests in turn, and one that refuses is left out', async (t) => {
  const first = await arrangeUpstream(t);
  const second = await arrangeUpstream(t);
  const { gateway, client } = await arrangePublic(
    t,
    { url: '' },
    { upstream: [first.url, nobody, second.url] },
  );
  for (let turn = 0; turn < 12; turn++) {
    const { status, text } = await client.request(`${gateway.url}/x`, {
      method: 'POST',
      body: `body ${turn}`,
    });
    t.equal(status, 200, `a POST that was not sent moves on with its body (${turn})`);
    const { body } = JSON.parse(text) as Echo;
    t.equal(Buffer.from(body.base64 ?? '', 'base64').toString(), `body ${turn}`);
  }
  t.equal(first.requests.length + second.requests.length, 12);
  t.ok(first.requests.length >= 4 && second.requests.length >= 4, 'shared among those that are there');
});

test('a POST that was sent is never sent again, a GET goes to another', async (t) => {
  const breaking = await arrangeUpstream(t, (request) => request.socket.destroy());
  const { gateway, client } = await arrangePublic(t, { url: '' }, { upstream: [breaking.url, breaking.url] });
  const answer = await client.request(`${gateway.url}/x`, { method: 'POST', body: 'once' });
  t.equal(answer.status, 502);
  t.equal(breaking.requests.length, 1);

  const working = await arrangeUpstream(t);
  const both = await arrangePublic(t, { url: '' }, { upstream: [breaking.url, working.url] });
  const ask = (method: string) => both.client.request(`${both.gateway.url}/x`, { method });
  const gets = [await ask('GET'), await ask('GET'), await ask('GET')].map(({ status }) => status);
  t.same(gets, [200, 200, 200]);
  t.ok(breaking.requests.length > 1, 'some of them were sent to the one that breaks at first');
  const posted = [await ask('POST'), await ask('POST')].map(({ status }) => status).sort();
  t.same(posted, [200, 502]);
});

test('an upstream that refused is left out for ten seconds, and then takes its turn again', async (t) => {
  const clock = createWoundClock();
  const opening = { opened: () => {}, clock, turnEnds: createTurnEnds() };
  const open = ['http://a:1', 'http://b:1', 'http://c:1'].map((name) =>
    openTarget(
      targetAddress(name, { timeout: { connect: 1000, response: 0, idle: 0 }, http2: false }, String),
      opening,
    ),
  );
  t.teardown(() => Promise.all(open.map(closeTarget)));
  const members = open.map((target) => ({ target, weight: 1, standing: openStanding(), health: undefined }));
  const eject = { failures: 3, statuses: [], for: 10_000, max: 0.5 };
  const nothing = () => {};
  const needs = { clock, random: () => 0, onOdd: nothing, onOut: nothing, onBack: nothing };
  const targets = balance(members, { balance: 'round-robin', eject }, needs);
  const turns = (count: number) =>
    Array.from({ length: count }, () => targets.pick([]).target.name.slice(7, 8)).join('');
  t.equal(turns(6), 'abcabc');
  const b = targets.pick([targets.pick([])]);
  t.equal(b.target.name, 'http://b:1');
  targets.unreachable(b, new Error('refused'));
  t.match(turns(6), /^(ca|ac)+$/, 'the others share its requests');
  clock.wind(9000);
  t.notMatch(turns(6), 'b');
  clock.wind(1000);
  t.match(turns(3), 'b');
  targets.unreachable(b, new Error('refused'));
  t.notMatch(turns(6), 'b', 'and is left out again when it still refuses');
});

test('with every upstream away the answer is 502, and it recovers', async (t) => {
  const server = createHttpServer((_request, response) => response.end('back'));
  // It listens until the gateway does: a port that is free could become the gateway's own, and every request
  // to it would go round in a circle.
  const upstream = await listenOnLoopback(server);
  t.teardown(() => upstream.close());
  const { gateway, client } = await arrangePublic(t, { url: '' }, { upstream: [upstream.url, nobody] });
  await upstream.close();
  t.equal((await client.get(`${gateway.url}/x`)).status, 502);
  await upstream.reopen();
  t.equal((await client.get(`${gateway.url}/x`)).status, 200, 'even while all of them are left out');
});

test('an upstream on a Unix socket', async (t) => {
  const path = join(await mkdtemp(join(tmpdir(), 'sallyport-socket-')), 'app.sock');
  const server = createHttpServer((request, response) => response.end(request.headers.host));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.teardown(() => server.close());
  const { gateway, client } = await arrangePublic(t, { url: '' }, { upstream: `unix:${path}` });
  t.match((await client.get(`${gateway.url}/x`)).text, 'localhost');
});

test('stripPrefix takes the path off, and what comes back is put below it again', async (t) => {
  const upstream = await arrangeUpstream(t, (request, response) => {
    const location = request.headers['x-send-to'];
    if (typeof location === 'string') response.setHeader('location', location);
    response.end(JSON.stringify({ url: request.url, rawHeaders: request.rawHeaders }));
  });
  const { gateway, client } = await arrangePublic(t, upstream, { path: '/app', stripPrefix: true });
  const seen = async (path: string) => {
    const answer = await client.get(`${gateway.url}${path}`);
    return answer.status === 200 ? (answer.json() as Echo).url : answer.status;
  };
  t.equal(await seen('/app'), '/');
  t.equal(await seen('/app?x=1'), '/?x=1');
  t.equal(await seen('/app/a%20b/c;v=1?q=%2f'), '/a%20b/c;v=1?q=%2f');
  t.equal(await seen('/apps'), 404);
  for (const path of ['/%61pp/x', '/app//x', '/app/a/../../app/b', '/app/%2e%2e/app/x', '/app%2fx']) {
    t.equal(await seen(path), 400, path);
  }
  const echo = (await client.get(`${gateway.url}/app/x`)).json() as Echo;
  t.strictSame(valuesOf(echo.rawHeaders, 'x-forwarded-prefix'), ['/app']);
  const sentTo = async (location: string) =>
    (await client.get(`${gateway.url}/app/x`, { 'x-send-to': location })).headers.location;
  t.equal(await sentTo('/login?next=/'), '/app/login?next=/');
  t.equal(await sentTo('/app/login'), '/app/login', 'an application that knows its prefix');
  t.equal(await sentTo(`${upstream.url}/login`), `${gateway.url}/app/login`);
  t.equal(await sentTo('//elsewhere.example/x'), '//elsewhere.example/x');
  t.equal(await sentTo('https://elsewhere.example/x'), 'https://elsewhere.example/x');
});

test('rewrite puts another path in the place of the route’s', async (t) => {
  const upstream = await arrangeUpstream(t);
  const { gateway, client } = await arrangePublic(t, upstream, { path: '/app', rewrite: '/old/site' });
  const seen = async (path: string) => ((await client.get(`${gateway.url}${path}`)).json() as Echo).url;
  t.equal(await seen('/app'), '/old/site');
  t.equal(await seen('/app/x?y'), '/old/site/x?y');
});

test('TLS to the upstream: its own authority, a client certificate, a name, and never without a check', async (t) => {
  const { cert, key, certFile, keyFile } = await makeCertificate();
  const server = createTlsServer(
    { cert, key, ca: cert, requestCert: true, rejectUnauthorized: false },
    (request, response) => {
      response.end(String((request.socket as TLSSocket).authorized));
    },
  );
  const upstream = await listenOnLoopback(server, 'https');
  t.teardown(() => upstream.close());
  const ask = async (tls: Record<string, unknown> | undefined) => {
    const { gateway, client } = await arrangePublic(t, upstream, tls ? { tls } : {});
    const answer = await client.get(`${gateway.url}/x`);
    return answer.status === 200 ? answer.text : answer.status;
  };
  t.equal(await ask(undefined), 502, 'a certificate that nobody vouches for');
  t.equal(await ask({ ca: certFile }), 'false');
  t.equal(await ask({ ca: certFile, cert: certFile, key: keyFile }), 'true', 'the gateway shows who it is');
  t.equal(await ask({ ca: certFile, serverName: 'localhost' }), 'false');
  t.equal(await ask({ ca: certFile, serverName: 'other.example' }), 502);
  t.equal(await ask({ insecureSkipVerify: true }), 'false');
});

test('HTTP/2 to the upstream, by agreement over TLS and at once without', async (t) => {
  const { cert, key, certFile } = await makeCertificate();
  const answer = (request: { httpVersion: string; url?: string }) => `${request.httpVersion} ${request.url}`;
  const secure = createSecureServer({ cert, key }, (request, response) => response.end(answer(request)));
  const plain = createHttp2Server((request, response) => response.end(answer(request)));
  for (const [server, route] of [
    [await listenOnLoopback(secure as never, 'https'), { tls: { ca: certFile } }],
    [await listenOnLoopback(plain as never), {}],
  ] as const) {
    t.teardown(() => server.close());
    const { gateway, client } = await arrangePublic(t, server, { ...route, http2: true });
    const { status, text } = await client.get(`${gateway.url}/x?y=1`);
    t.same([status, text], [200, '2.0 /x?y=1']);
  }
});

test('trailers of an HTTP/2 upstream go on', async (t) => {
  const server = createHttp2Server((_request, response) => {
    response.write('data');
    response.addTrailers({ 'grpc-status': '0' });
    response.end();
  });
  const upstream = await listenOnLoopback(server as never);
  t.teardown(() => upstream.close());
  const { gateway, client } = await arrangePublic(t, upstream, { http2: true });
  const answer = await client.get(`${gateway.url}/x`);
  t.equal(answer.text, 'data');
  t.same(answer.trailers, { 'grpc-status': '0' });
});

/** A frame of HTTP/2 on the first stream, or on the connection (RFC 9113 §4.1). */
function frame(type: number, flags: number, stream: 0 | 1, payload = ''): string {
  return `\0\0${String.fromCharCode(payload.length, type, flags)}\0\0\0${String.fromCharCode(stream)}${payload}`;
}

test('an answer that came whole over HTTP/2 stays whole when its stream is reset', async (t) => {
  // HPACK: `:status: 200` of the static table, and `content-length: 4` (RFC 7541 §6.1 and §6.2.2).
  const head = '\x88\x0f\x0d\x014';
  const answer = frame(1, 4, 1, head) + frame(0, 0, 1, 'data') + frame(3, 0, 1, '\0\0\0\x02');
  const server = createSocketServer((socket) => {
    socket.write(frame(4, 0, 0), 'latin1');
    // In one piece, so that data and reset are read in one turn of the event loop.
    socket.once('data', () => setTimeout(() => socket.write(frame(4, 1, 0) + answer, 'latin1'), 50));
  });
  const upstream = await listenOnLoopback(server);
  t.teardown(() => upstream.close());
  const { gateway, client } = await arrangePublic(t, upstream, { http2: true });
  const { status, text } = await client.request(`${gateway.url}/x`, { method: 'POST', body: 'once' });
  t.same([status, text], [200, 'data']);
});
