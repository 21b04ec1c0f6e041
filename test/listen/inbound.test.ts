import { createHash } from 'node:crypto';
import { test } from 'tap';
import { arrangeUpstream, type Teardown } from '../support/arrange.ts';
import { startProvider } from '../support/provider.ts';
import { until } from '../support/until.ts';
import { type Echo, echo, type UpstreamHandler, valuesOf } from '../support/upstream.ts';
import { authority, type MemoryGateway, openMemoryGateway } from './memory-gateway.ts';
import type { ClientStream, Field } from './memory-stream.ts';

/** Requests by another protocol than HTTP/1.1, through every stage and on to a real upstream. */

async function arrange(t: Teardown, handler: UpstreamHandler = echo) {
  const upstream = await arrangeUpstream(t, handler);
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const routes = [
    { path: '/', upstream: upstream.url, allow: 'public' },
    { path: '/mine', upstream: upstream.url },
  ];
  const gateway = await openMemoryGateway(t, {
    provider,
    config: { routes, trustedProxies: ['127.0.0.1'] },
  });
  return { upstream, provider, gateway };
}

const head = (method: string, path: string, ...fields: readonly Field[]): Field[] => [
  [':method', method],
  [':scheme', 'https'],
  [':authority', authority],
  [':path', path],
  ...fields,
];

const get = (gateway: MemoryGateway, path: string, ...fields: readonly Field[]) =>
  gateway.open(head('GET', path, ...fields), true);

async function readAll({ bytes }: ClientStream): Promise<string> {
  let text = '';
  for await (const chunk of bytes) text += (chunk as Buffer).toString('latin1');
  return text;
}

async function echoed(stream: ClientStream): Promise<Echo> {
  return JSON.parse(await readAll(stream)) as Echo;
}

/** The head of the answer. */
const answered = ({ heads }: ClientStream) =>
  until('an answer', () => heads.find(({ status }) => status >= 200));
const fieldOf = (fields: readonly Field[], name: string) => fields.find(([each]) => each === name)?.[1];

test('a GET goes upstream as one of HTTP/1.1, and its answer has nothing of that', async (t) => {
  const { gateway } = await arrange(t);
  const stream = get(gateway, '/a?b=%20', ['cookie', 'one=1'], ['accept', 'x/y'], ['cookie', 'two=2']);
  const seen = await echoed(stream);
  t.same([seen.method, seen.url], ['GET', '/a?b=%20']);
  t.same(valuesOf(seen.rawHeaders, 'cookie'), ['one=1; two=2'], 'cookies are one field');
  t.same(valuesOf(seen.rawHeaders, 'x-forwarded-host'), [authority]);
  t.same(
    seen.rawHeaders.filter((name) => name.startsWith(':')),
    [],
  );
  t.same(valuesOf(seen.rawHeaders, 'transfer-encoding'), []);
  const { status, fields } = await answered(stream);
  t.equal(status, 200);
  for (const name of ['connection', 'transfer-encoding', 'keep-alive'])
    t.equal(fieldOf(fields, name), undefined);
  const line = await gateway.log.line(({ msg }) => msg === 'request');
  t.match(line, { method: 'GET', path: '/a', status: 200, peer: '127.0.0.1' });
});

test('the authority is the host, and nothing else may be', async (t) => {
  const { gateway, upstream } = await arrange(t);
  const same = get(gateway, '/', ['host', authority]);
  t.equal((await answered(same)).status, 200, 'the same, said twice');
  const two = get(gateway, '/', ['host', 'other.example']);
  t.equal((await answered(two)).status, 400, 'another in the field');
  const none = gateway.open(
    [...head('GET', '/')].filter(([name]) => name !== ':authority'),
    true,
  );
  t.equal((await answered(none)).status, 400, 'none at all');
  t.equal(upstream.requests.length, 1);
});

test('a body without a length goes upstream, as fast as that reads', async (t) => {
  let goOn = () => {};
  const { gateway } = await arrange(t, (request, response) => {
    goOn = () => {
      echo(request, response);
      request.resume();
    };
    request.pause();
  });
  const body = Buffer.alloc(16 * 1024 * 1024, 'sallyport');
  const stream = gateway.open(head('POST', '/upload'), false);
  let taken = 0;
  const writing = (async () => {
    for (let at = 0; at < body.length; at += 65_536) {
      const chunk = body.subarray(at, at + 65_536);
      await new Promise<void>((resolve) => stream.bytes.write(chunk, () => resolve()));
      taken += chunk.length;
    }
    stream.bytes.end();
  })();
  let before = -1;
  await until('a stop', () => {
    const isStill = taken === before && taken > 0;
    before = taken;
    return isStill;
  });
  t.ok(taken < body.length, `the client waits after ${taken} bytes`);
  goOn();
  await writing;
  const seen = await echoed(stream);
  t.same(valuesOf(seen.rawHeaders, 'transfer-encoding'), ['chunked']);
  t.equal(seen.body.sha256, createHash('sha256').update(body).digest('hex'));
});

test('an answer comes as fast as the client reads', async (t) => {
  const length = 32 * 1024 * 1024;
  let isDone = false;
  const { gateway } = await arrange(t, (_request, response) => {
    response.writeHead(200, { 'content-length': length });
    response.end(Buffer.alloc(length), () => (isDone = true));
  });
  const stream = get(gateway, '/large');
  await answered(stream);
  await until('a full stream', () => stream.bytes.readableLength >= stream.bytes.readableHighWaterMark);
  t.notOk(isDone, 'the upstream waits');
  t.equal((await readAll(stream)).length, length);
});

test('100 Continue is sent when the upstream takes the body', async (t) => {
  const { gateway } = await arrange(t);
  const stream = gateway.open(head('POST', '/', ['content-length', '4'], ['expect', '100-continue']), false);
  await until('the interim answer', () => stream.heads.length === 1);
  stream.bytes.end('body');
  t.equal((await echoed(stream)).body.length, 4);
  t.same(
    stream.heads.map(({ status }) => status),
    [100, 200],
  );
});

test('trailers of an answer come behind it', async (t) => {
  const { gateway } = await arrange(t, (_request, response) => {
    response.writeHead(200, { trailer: 'X-Checksum' });
    response.write('text');
    response.addTrailers({ 'X-Checksum': 'c0ffee' });
    response.end();
  });
  const stream = get(gateway, '/');
  t.equal(await readAll(stream), 'text');
  t.same(stream.trailers, [['x-checksum', 'c0ffee']]);
});

test('a client that leaves in the middle of its upload ends it upstream', async (t) => {
  const { gateway, upstream } = await arrange(t, (request) => request.resume());
  const stream = gateway.open(head('PUT', '/file', ['content-length', '100000']), false);
  stream.bytes.write('half');
  await until('the request', () => upstream.requests.length === 1);
  stream.bytes.destroy();
  t.ok(await upstream.aborted());
  t.match(await gateway.log.line(({ msg }) => msg === 'request'), { method: 'PUT', status: 499 });
});

test('half an answer looks like half an answer', async (t) => {
  const { gateway } = await arrange(t, (_request, response) => {
    response.writeHead(200, { 'content-length': 100 });
    response.write('half');
    setImmediate(() => response.destroy());
  });
  const stream = get(gateway, '/');
  let isWhole = false;
  stream.bytes.on('end', () => (isWhole = true)).resume();
  await until('the end', () => stream.bytes.destroyed);
  t.notOk(isWhole);
});

test('the question of a proxy is answered', async (t) => {
  const { gateway } = await arrange(t);
  const asks = (path: string) =>
    get(gateway, '/oauth2/forward-auth', ['x-forwarded-uri', path], ['x-forwarded-method', 'GET']);
  t.equal((await answered(asks('/open'))).status, 200);
  t.equal((await answered(asks('/mine'))).status, 401);
});

test('a page that needs somebody leads to the login', async (t) => {
  const { gateway, provider } = await arrange(t);
  const { status, fields } = await answered(get(gateway, '/mine', ['accept', 'text/html']));
  t.equal(status, 302);
  t.match(fieldOf(fields, 'location'), new RegExp(`^${provider.issuer}`));
  t.ok(fieldOf(fields, 'set-cookie'));
});

test('a form goes to an endpoint', async (t) => {
  const { gateway } = await arrange(t);
  const type = ['content-type', 'application/x-www-form-urlencoded'] as const;
  const stream = gateway.open(head('POST', '/oauth2/backchannel-logout', type), false);
  stream.bytes.end('logout_token=nonsense');
  t.equal((await answered(stream)).status, 400);
});

const connect = (path: string, ...fields: readonly Field[]): Field[] => [
  ...head('CONNECT', path, [':protocol', 'websocket'] as Field, ['sec-websocket-version', '13']),
  ...fields,
];

function acceptSockets({ server }: Awaited<ReturnType<typeof arrangeUpstream>>): string[][] {
  const seen: string[][] = [];
  server.on('upgrade', (request, socket) => {
    seen.push([request.method ?? '', ...request.rawHeaders]);
    socket.on('error', () => socket.destroy());
    if (request.url === '/refused') {
      socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\nConnection: close\r\n\r\nmine');
      return;
    }
    const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    const accept = createHash('sha1').update(key).digest('base64');
    socket.write(
      `HTTP/1.1 101 Yes\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    socket.pipe(socket);
  });
  return seen;
}

test('an extended CONNECT becomes a handshake, and a tunnel', async (t) => {
  const { gateway, upstream } = await arrange(t);
  const seen = acceptSockets(upstream);
  const stream = gateway.open(connect('/socket'), false);
  t.same(await answered(stream), { status: 200, fields: [] });
  const [[method, ...rawHeaders] = []] = seen;
  t.equal(method, 'GET');
  t.same(valuesOf(rawHeaders, 'upgrade'), ['websocket']);
  t.same(valuesOf(rawHeaders, 'sec-websocket-version'), ['13']);
  let text = '';
  stream.bytes.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  stream.bytes.write('there');
  await until('the echo', () => text === 'there');
  stream.bytes.write(' and back');
  await until('the echo', () => text === 'there and back');
  stream.bytes.destroy();
  t.match(await gateway.log.line(({ msg }) => msg === 'request'), {
    method: 'GET',
    path: '/socket',
    status: 101,
  });
});

test('an extended CONNECT passes the same rules, and a refusal is an answer', async (t) => {
  const { gateway, upstream } = await arrange(t);
  const seen = acceptSockets(upstream);
  const mine = gateway.open(connect('/mine'), false);
  t.equal((await answered(mine)).status, 401);
  t.equal(seen.length, 0);
  const refused = gateway.open(connect('/refused'), false);
  t.equal((await answered(refused)).status, 403, "the upstream's own");
  t.equal(await readAll(refused), 'mine');
});
