import { createServer as createHttp2Server, createSecureServer, type ServerHttp2Stream } from 'node:http2';
import { createServer } from 'node:https';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { type Test, test } from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import { parseConfig } from '../../src/config/load.ts';
import { arrangeGateway, arrangeUpstream } from '../support/arrange.ts';
import { makeCertificate } from '../support/certificate.ts';
import { freePort } from '../support/free-port.ts';
import { gatewayYaml } from '../support/gateway-config.ts';
import { listenOnLoopback } from '../support/listening.ts';
import { onlyByProxy, startSquid } from '../support/squid.ts';
import { type Echo, echo, valuesOf } from '../support/upstream.ts';

const open = (upstream: string, route: Record<string, unknown> = {}) => ({
  config: { routes: [{ path: '/', upstream, allow: 'public', ...route }] },
});

/** A WebSocket that echoes, of an application at a server. */
function echoSockets(t: Test, server: ConstructorParameters<typeof WebSocketServer>[0]) {
  const sockets = new WebSocketServer(server);
  t.teardown(() => sockets.close());
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(`echo ${String(data)}`)));
}

async function talk(url: string): Promise<string> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/socket`);
  return new Promise((resolve, reject) => {
    socket.on('open', () => socket.send('hello'));
    socket.on('message', (data) => {
      resolve(String(data));
      socket.close();
    });
    socket.on('error', reject);
    socket.on('unexpected-response', (_request, answer) => resolve(String(answer.statusCode)));
  });
}

test('routes[].proxy: requests and WebSockets of an http upstream go through it, byte for byte', async (t) => {
  const user = { name: 'gateway', password: 'pr0xy-s3cret' };
  const squid = await startSquid(t, { user });
  const upstream = await arrangeUpstream(t);
  echoSockets(t, { server: upstream.server });
  const { port } = new URL(upstream.url);
  const proxy = `http://gateway:pr0xy-s3cret@127.0.0.1:${squid.port}`;
  const { gateway, client } = await arrangeGateway(t, open(`http://${onlyByProxy}:${port}`, { proxy }));
  const path = '/A%7e//b;x?q=%zz&r=1';
  const answer = await client.request(gateway.url + path, {
    method: 'POST',
    headers: ['X-Twice', 'a', 'X-Twice', 'b', 'Proxy-Authorization', 'Basic bWluZTptaW5l'],
    body: 'a body',
  });
  t.equal(answer.status, 200);
  const seen = answer.json() as Echo;
  t.equal(seen.url, path, 'a proxy that read it would have changed it');
  t.strictSame(valuesOf(seen.rawHeaders, 'x-twice'), ['a', 'b']);
  t.strictSame(valuesOf(seen.rawHeaders, 'host'), [`${onlyByProxy}:${port}`]);
  t.strictSame(valuesOf(seen.rawHeaders, 'proxy-authorization'), [], 'of nobody');
  t.equal(seen.body.length, 6);
  t.equal(await talk(gateway.url), 'echo hello');
  await gateway.close();
  const asked = await squid.asked();
  t.ok(
    asked.length >= 2 && asked.every((line) => line === `CONNECT ${onlyByProxy}:${port} 200`),
    asked.join(),
  );
});

test('an https upstream behind a proxy: its own certificate is checked, for its own name', async (t) => {
  const certificate = await makeCertificate('upstream', { names: `DNS:${onlyByProxy}` });
  const server = createServer({ cert: certificate.cert, key: certificate.key }, echo);
  const { port, close } = await listenOnLoopback(server, 'https');
  t.teardown(close);
  echoSockets(t, { server });
  const squid = await startSquid(t);
  const upstream = `https://${onlyByProxy}:${port}`;
  const good = { proxy: squid.url, tls: { ca: certificate.certFile } };
  const { gateway, client } = await arrangeGateway(t, open(upstream, good));
  t.equal((await client.get(`${gateway.url}/x`)).status, 200);
  t.equal(await talk(gateway.url), 'echo hello');

  for (const tls of [undefined, { ca: certificate.certFile, serverName: 'another.test' }]) {
    const wrong = await arrangeGateway(t, open(upstream, { proxy: squid.url, ...(tls && { tls }) }));
    t.equal((await wrong.client.get(`${wrong.gateway.url}/x`)).status, 502);
    t.equal(await talk(wrong.gateway.url), '502');
  }
});

test('HTTP/2 goes through a proxy too, agreed on or known beforehand', async (t) => {
  const squid = await startSquid(t);
  const certificate = await makeCertificate('upstream', { names: `DNS:${onlyByProxy}` });
  const answer = (stream: ServerHttp2Stream) => {
    stream.respond({ ':status': 200, 'content-type': 'text/plain' });
    stream.end('by HTTP/2');
  };
  const plain = createHttp2Server().on('stream', answer);
  const secure = createSecureServer({ cert: certificate.cert, key: certificate.key }).on('stream', answer);
  for (const [server, scheme] of [
    [plain, 'http'],
    [secure, 'https'],
  ] as const) {
    const { port, close } = await listenOnLoopback(server as unknown as Server, scheme);
    t.teardown(close);
    const tls = scheme === 'https' ? { tls: { ca: certificate.certFile } } : {};
    const route = { proxy: squid.url, http2: true, ...tls };
    const { gateway, client } = await arrangeGateway(t, open(`${scheme}://${onlyByProxy}:${port}`, route));
    const { status, text } = await client.get(`${gateway.url}/`);
    t.strictSame([status, text], [200, 'by HTTP/2'], scheme);
  }
});

test('no proxy of the environment is for upstreams, and one route’s is not for another’s', async (t) => {
  const squid = await startSquid(t);
  const upstream = await arrangeUpstream(t);
  echoSockets(t, { server: upstream.server });
  const nobody = await freePort();
  const env = {
    HTTP_PROXY: squid.url,
    HTTPS_PROXY: squid.url,
    ALL_PROXY: squid.url,
    NODE_USE_ENV_PROXY: '1',
  };
  const routes = [
    { path: '/', upstream: upstream.url, allow: 'public' },
    { path: '/far', upstream: upstream.url, allow: 'public', proxy: `http://127.0.0.1:${nobody}` },
  ];
  const { gateway, client } = await arrangeGateway(t, { config: { routes }, env });
  t.equal((await client.get(`${gateway.url}/`)).status, 200);
  t.equal(await talk(gateway.url), 'echo hello');
  t.equal((await client.get(`${gateway.url}/far`)).status, 502, 'the same address by another way');
  t.equal((await client.get(`${gateway.url}/`)).status, 200);
  await gateway.close();
  t.strictSame(await squid.asked(), []);
});

test('a proxy that is out, refuses or is silent: 502 or 504, and the log names it without credentials', async (t) => {
  const strict = await startSquid(t, { user: { name: 'gateway', password: 'right-one' } });
  const upstream = await arrangeUpstream(t);
  const silent = createTcpServer((socket: Socket) => socket.on('error', () => {}).resume());
  const quiet = await listenOnLoopback(silent);
  t.teardown(() => quiet.close());
  const nobody = await freePort();
  const cases: [port: number, status: number, said: string][] = [
    [nobody, 502, 'cannot be reached: ECONNREFUSED'],
    [strict.port, 502, 'does not take these credentials'],
    [quiet.port, 504, 'did not answer in time'],
  ];
  for (const [port, status, said] of cases) {
    const route = { proxy: `http://gateway:wr0ng-pass@127.0.0.1:${port}`, timeout: { connect: '1s' } };
    const { gateway, client } = await arrangeGateway(t, open(upstream.url, route));
    t.equal((await client.get(`${gateway.url}/`)).status, status, said);
    t.equal(await talk(gateway.url), String(status), `${said}, for a WebSocket`);
    const line = await gateway.log.line((each) => JSON.stringify(each).includes(said));
    t.match(JSON.stringify(line), `the proxy http://127.0.0.1:${port} ${said}`);
    t.notMatch(gateway.log.text(), /wr0ng-pass/);
  }
  t.strictSame(upstream.requests, []);
});

test('of several targets behind a proxy, one that it gives no way to is passed by', async (t) => {
  const squid = await startSquid(t);
  const upstream = await arrangeUpstream(t);
  echoSockets(t, { server: upstream.server });
  const nobody = await freePort();
  const routes = [
    { path: '/', upstream: [`http://127.0.0.1:${nobody}`, upstream.url], allow: 'public', proxy: squid.url },
  ];
  for (const ask of ['request', 'socket'] as const) {
    const { gateway, client } = await arrangeGateway(t, { config: { routes } });
    for (let times = 0; times < 2; times++) {
      if (ask === 'request') t.equal((await client.get(`${gateway.url}/`)).status, 200);
      else t.equal(await talk(gateway.url), 'echo hello');
    }
  }
});

test('a handshake that went through a proxy and is not answered is not sent to another target', async (t) => {
  let handshakes = 0;
  const startSocketless = async () => {
    const upstream = await arrangeUpstream(t);
    upstream.server.on('upgrade', (_request, socket: Socket) => {
      handshakes += 1;
      socket.destroy();
    });
    return `http://${onlyByProxy}:${new URL(upstream.url).port}`;
  };
  const squid = await startSquid(t);
  const targets = [await startSocketless(), await startSocketless()].map((url) => ({ url }));
  const { gateway } = await arrangeGateway(t, {
    config: { routes: [{ path: '/', upstream: { targets }, allow: 'public', proxy: squid.url }] },
  });
  t.equal(await talk(gateway.url), '502');
  t.equal(handshakes, 1);
});

test('a proxy over TLS, whose certificate is checked; what it says behind its answer is the upstream’s', async (t) => {
  const certificate = await makeCertificate('proxy');
  const answers =
    'HTTP/1.1 200 ready\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nearly';
  const server = createTlsServer({ cert: certificate.cert, key: certificate.key }, (socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.write(answers));
  });
  const { port, close } = await listenOnLoopback(server, 'https');
  t.teardown(close);
  const proxy = `https://localhost:${port}`;
  const { gateway, client } = await arrangeGateway(t, open('http://legacy.test', { proxy }));
  t.equal((await client.get(`${gateway.url}/`)).status, 502, 'nobody knows who that is');
  await gateway.log.line((line) => JSON.stringify(line).includes('DEPTH_ZERO_SELF_SIGNED_CERT'));
});

test('a socket of this machine has no proxy', async (t) => {
  const config = { routes: [{ path: '/', upstream: 'unix:/run/app.sock', proxy: 'http://proxy.test' }] };
  t.throws(
    () => parseConfig(gatewayYaml({ config }, 1), { env: {} }),
    /routes\[0\]\.proxy: no proxy has a way/,
  );
});

test('the certificate of an upstream is for its own name, whatever Host goes along', async (t) => {
  const certificate = await makeCertificate('upstream', { names: 'DNS:localhost' });
  const server = createServer({ cert: certificate.cert, key: certificate.key }, echo);
  const { port, close } = await listenOnLoopback(server, 'https');
  t.teardown(close);
  const ask = async (tls: object, keys: object = {}) => {
    const route = { tls: { ca: certificate.certFile, ...tls }, ...keys };
    const { gateway, client } = await arrangeGateway(t, open(`https://localhost:${port}`, route));
    const { status } = await client.get(`${gateway.url}/`);
    await gateway.close();
    return status;
  };
  t.equal(await ask({}), 200);
  t.equal(await ask({}, { preserveHost: true }), 200);
  t.equal(await ask({ serverName: 'another.test' }), 502, 'of an upstream with a name, too');
});
