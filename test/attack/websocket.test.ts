import { setTimeout as wait } from 'node:timers/promises';
import { test } from 'tap';
import { arrangeLogin, type LoginScene, type LoginSceneOptions } from '../login/steps.ts';
import { logIn } from '../support/log-in.ts';
import { openRaw, type RawConnection, readAnswers } from '../support/raw.ts';
import { until } from '../support/until.ts';
import { acceptHandshakes, handshake } from './handshake.ts';

const routes: LoginSceneOptions = {
  routes: (upstream) => [
    { path: '/public', upstream, allow: 'public' },
    { path: '/login', upstream, unauthenticated: 'login' },
    { path: '/pass', upstream, unauthenticated: 'pass' },
  ],
};

async function connect(
  { gateway }: LoginScene,
  path: string,
  headers: string[] = [],
): Promise<RawConnection> {
  const connection = await openRaw(gateway.url);
  connection.write(handshake(new URL(gateway.url).host, path, headers));
  return connection;
}

/** The Cookie line of somebody who signs in now. */
async function cookieOf({ gateway, client }: LoginScene): Promise<string> {
  await logIn(client, gateway.url, 'ada');
  return `Cookie: ${client.cookies.headerFor(gateway.url)}`;
}

test('a handshake without a session gets 401 and no redirect, and reaches nothing', async (t) => {
  const scene = await arrangeLogin(t, routes);
  const accepted = acceptHandshakes(scene.upstream);
  for (const path of ['/socket', '/login/socket', '/oauth2/userinfo', '/oauth2/none', '/oauth2/start']) {
    for (const headers of [
      [],
      ['Accept: text/html'],
      ['Cookie: sallyport=1garbage'],
      ['Authorization: Bearer x'],
    ]) {
      const connection = await connect(scene, path, headers);
      await connection.closed();
      const [answer] = readAnswers(connection.received());
      t.equal(answer?.status, path.startsWith('/oauth2/') ? 404 : 401, `${path} ${headers}`);
      t.notOk(answer?.headers.some(([name]) => name === 'location' || name === 'set-cookie'));
      t.ok(answer?.headers.some(([name]) => name === 'x-sallyport-error'));
    }
  }
  t.same(accepted, []);
});

test('F7 another site cannot open a WebSocket with the cookies of a person', async (t) => {
  const scene = await arrangeLogin(t, routes);
  const { gateway } = scene;
  const accepted = acceptHandshakes(scene.upstream);
  const cookie = await cookieOf(scene);
  const { host, port } = new URL(gateway.url);
  for (const origin of [
    'https://evil.example',
    `https://${host}`,
    'http://127.0.0.1',
    `http://localhost:${port}`,
    `${gateway.url}.evil.example`,
    `${gateway.url}/`,
    'null',
    '',
    `${gateway.url}, https://evil.example`,
    gateway.url.toUpperCase(),
  ]) {
    await t.test(`"${origin}"`, async (t) => {
      for (const path of ['/socket', '/public/socket', '/pass/socket']) {
        const connection = await connect(scene, path, [cookie, `Origin: ${origin}`]);
        await connection.closed();
        t.match(connection.received(), /^HTTP\/1\.1 403 /, `${path} from "${origin}"`);
      }
    });
  }
  t.same(accepted, [], 'nothing arrived');
  for (const headers of [[cookie, `Origin: ${gateway.url}`], [cookie]]) {
    const connection = await connect(scene, '/socket', headers);
    t.match(await connection.until('\r\n\r\n'), /^HTTP\/1\.1 101 /, `${headers.length} headers`);
    connection.destroy();
  }
});

test('F7 a WebSocket without a session of a person may come from anywhere on a public route', async (t) => {
  const scene = await arrangeLogin(t, routes);
  acceptHandshakes(scene.upstream);
  const connection = await connect(scene, '/public/socket', ['Origin: https://other.example']);
  t.match(await connection.until('\r\n\r\n'), /^HTTP\/1\.1 101 /);
  connection.destroy();
});

test('a path with two readings is refused on a handshake as on any request', async (t) => {
  const scene = await arrangeLogin(t, routes);
  const accepted = acceptHandshakes(scene.upstream);
  for (const path of [
    '/public/../secret',
    '/public/%2e%2e/secret',
    '/public%2f..%2fsecret',
    '//public/socket',
    '/public\\..\\secret',
  ]) {
    const connection = await connect(scene, path);
    await connection.closed();
    t.match(connection.received(), /^HTTP\/1\.1 40[01] /, path);
  }
  const twoHosts = await connect(scene, '/public/socket', ['Host: evil.example']);
  await twoHosts.closed();
  t.match(twoHosts.received(), /^HTTP\/1\.1 400 /);
  t.same(accepted, []);
});

test('clients that break off at any moment of a handshake leave nothing behind', async (t) => {
  const scene = await arrangeLogin(t, routes);
  const { gateway, upstream, client } = scene;
  const held: (() => void)[] = [];
  const tunnels = new Set<unknown>();
  upstream.server.on('upgrade', (_request, socket) => {
    tunnels.add(socket);
    socket.on('close', () => tunnels.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.resume();
    held.push(() =>
      socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'),
    );
  });
  const cookie = await cookieOf(scene);
  const bytes = handshake(new URL(gateway.url).host, '/socket', [cookie]);
  for (const leave of ['reset', 'destroy', 'end'] as const) {
    for (const at of [1, 20, bytes.length - 2, bytes.length]) {
      for (const delay of [0, 5, 30]) {
        const connection = await openRaw(gateway.url);
        connection.write(bytes.slice(0, at));
        if (delay > 0) await wait(delay);
        connection[leave]();
      }
    }
  }
  for (const answer of held) answer();
  await until('the end of the last tunnel', () => tunnels.size === 0);
  t.equal((await client.get(`${gateway.url}/public`)).status, 200, 'the gateway goes on');
  t.notOk(gateway.log.lines.some(({ level }) => level === 'error'));
});

test('an application that breaks off during the handshake is 502, and one that refuses is heard', async (t) => {
  const scene = await arrangeLogin(t, routes);
  const { upstream } = scene;
  const answers: Record<string, { bytes: string; expected: RegExp }> = {
    'a reset': { bytes: '', expected: /^HTTP\/1\.1 502 / },
    garbage: { bytes: 'garbage\r\n\r\n', expected: /^HTTP\/1\.1 502 / },
    'its 403': {
      bytes: 'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno',
      expected: /^HTTP\/1\.1 403 /,
    },
    'a plain 200': { bytes: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', expected: /^HTTP\/1\.1 200 / },
    'two answers': {
      bytes:
        'HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nplanted',
      expected: /^HTTP\/1\.1 403 /,
    },
    'cookies of ours': {
      bytes: 'HTTP/1.1 403 Forbidden\r\nSet-Cookie: sallyport=planted\r\nContent-Length: 0\r\n\r\n',
      expected: /^HTTP\/1\.1 403 /,
    },
  };
  let bytes = '';
  upstream.server.on('upgrade', (_request, socket) => {
    socket.on('error', () => socket.destroy());
    if (bytes === '') socket.destroy();
    else socket.end(bytes);
  });
  const cookie = await cookieOf(scene);
  for (const [name, { bytes: sent, expected }] of Object.entries(answers)) {
    bytes = sent;
    const connection = await connect(scene, '/socket', [cookie]);
    await connection.closed();
    t.match(connection.received(), expected, name);
    t.notMatch(connection.received(), 'planted', name);
  }
});

test('a handshake behind an answer that is under way waits for its turn', async (t) => {
  const scene = await arrangeLogin(t, routes);
  const { gateway, upstream } = scene;
  const { host } = new URL(gateway.url);
  acceptHandshakes(upstream);
  upstream.server.removeAllListeners('request');
  upstream.server.on('request', (_request, response) => {
    response.writeHead(200, { 'content-length': '20' });
    response.write('x'.repeat(10));
    setTimeout(() => response.end('x'.repeat(10)), 150);
  });
  const connection = await openRaw(gateway.url);
  connection.write(`GET /public HTTP/1.1\r\nHost: ${host}\r\n\r\n${handshake(host, '/public/socket')}hello`);
  const text = await connection.until('hello');
  const [, body = ''] = text.split('\r\n\r\n');
  t.match(body, new RegExp(`^${'x'.repeat(20)}HTTP/1\\.1 101 `), 'first the whole answer, then the tunnel');
  connection.destroy();
});

test('what a client sends behind its handshake reaches an application only when it is allowed', async (t) => {
  const scene = await arrangeLogin(t, routes);
  const { gateway, upstream } = scene;
  const { host } = new URL(gateway.url);
  const smuggled = `GET /secret HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
  const connection = await openRaw(gateway.url);
  connection.write(handshake(host, '/socket') + smuggled);
  await connection.closed();
  t.equal(readAnswers(connection.received()).length, 1);
  t.same(upstream.requests, []);
});

test('signing out closes the WebSockets of the session, and no other', async (t) => {
  const scene = await arrangeLogin(t, routes);
  const { gateway, client } = scene;
  acceptHandshakes(scene.upstream);
  const cookie = await cookieOf(scene);
  const own = await connect(scene, '/socket', [cookie]);
  await own.until('\r\n\r\n');
  const others = await connect(scene, '/public/socket');
  await others.until('\r\n\r\n');
  await client.navigate(`${gateway.url}/oauth2/sign_out`);
  t.ok(await own.closed(), 'the tunnel of the session ends');
  const late = await connect(scene, '/socket', [cookie]);
  await late.closed();
  t.match(late.received(), /^HTTP\/1\.1 401 /, 'and its cookie opens no other');
  others.write('still here');
  await others.until('still here');
  others.destroy();
});
