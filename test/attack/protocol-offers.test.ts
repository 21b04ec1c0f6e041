import { setTimeout as wait } from 'node:timers/promises';
import { test } from 'tap';
import { arrangeLogin, type LoginSceneOptions } from '../login/steps.ts';
import { arrangeUpstream } from '../support/arrange.ts';
import { openRaw, readAnswers, sendRaw } from '../support/raw.ts';
import { spawnGateway } from '../support/spawned-gateway.ts';
import { acceptHandshakes, handshake } from './handshake.ts';

/** Everybody may go to /public; everything else takes a session. */
const twoRoutes: LoginSceneOptions = {
  routes: (upstream) => [{ path: '/public', upstream, allow: 'public' }],
};

test('an offer to speak HTTP/2 is not taken, and what follows is decided like anything else', async (t) => {
  const { gateway, upstream } = await arrangeLogin(t, twoRoutes);
  const { host } = new URL(gateway.url);
  const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0';
  for (const path of ['/public', '/secret']) {
    for (const lines of [
      ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA'],
      ['Connection: Upgrade', 'Upgrade: h2c, websocket'],
      ['Connection: Upgrade', 'Upgrade: websocket, h2c'],
      ['Connection: Upgrade', 'Upgrade: TLS/1.0'],
      ['Connection: HTTP2-Settings', 'Upgrade: h2c'],
    ]) {
      const head = `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${lines.join('\r\n')}\r\n\r\n`;
      const text = await sendRaw(gateway.url, head + preface);
      const [answer] = readAnswers(text);
      t.equal(answer?.status, path === '/public' ? 200 : 401, `${path} ${lines}`);
      t.notMatch(text, 'HTTP/1.1 101');
    }
  }
  t.same([...new Set(upstream.requests.map(({ url }) => url))], ['/public']);
  const sent = upstream.requests.map(({ rawHeaders }) => rawHeaders.join('\n').toLowerCase()).join('\n');
  t.notMatch(sent, /http2-settings|h2c|tls\/1/, 'and the offer is not passed on');
});

test('a request behind an offer of another protocol is decided on its own', async (t) => {
  const { gateway, upstream } = await arrangeLogin(t, twoRoutes);
  const { host } = new URL(gateway.url);
  const first = `GET /public HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n`;
  const second = `GET /secret HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
  const third = `POST /public HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: ${second.length}\r\n\r\n${second}`;
  const answers = readAnswers(await sendRaw(gateway.url, first + second + third + second));
  t.same(
    answers.map(({ status }) => status),
    [200, 401, 200, 401],
  );
  t.notOk(upstream.requests.some(({ url }) => url === '/secret'));
});

test('a WebSocket handshake that is none opens no tunnel', async (t) => {
  const { gateway, upstream } = await arrangeLogin(t, twoRoutes);
  const { host } = new URL(gateway.url);
  const accepted = acceptHandshakes(upstream);
  const good = handshake(host, '/public');
  const smuggled = `GET /secret HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
  const attempts: Record<string, string> = {
    POST: good.replace('GET', 'POST') + smuggled,
    'POST with a body':
      good.replace('GET', 'POST').replace('\r\n\r\n', '\r\nContent-Length: 5\r\n\r\nhello') + smuggled,
    'HTTP/1.0': good.replace('HTTP/1.1', 'HTTP/1.0') + smuggled,
    'without Connection': good.replace('Connection: Upgrade\r\n', '') + smuggled,
  };
  for (const [name, bytes] of Object.entries(attempts)) {
    const text = await sendRaw(gateway.url, bytes);
    t.notMatch(text, 'HTTP/1.1 101', name);
    t.match(text, /^HTTP\/1\.[01] (200|400|401|405)/, name);
  }
  t.same(accepted, [], 'no handshake arrived');
  t.notOk(
    upstream.requests.some(({ url }) => url === '/secret'),
    'and nothing that came behind it',
  );
});

test('what follows a refused handshake is not taken for a request of the application', async (t) => {
  const { gateway, client, upstream } = await arrangeLogin(t, twoRoutes);
  const { host } = new URL(gateway.url);
  const smuggled = `GET /secret HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
  // The application knows no WebSocket: it answers the handshake like any request, and keeps its connection.
  const refused = await openRaw(gateway.url);
  refused.write(handshake(host, '/public/socket') + smuggled);
  await refused.closed();
  const answers = readAnswers(refused.received());
  t.equal(answers.length, 1, 'one answer, then the end');
  t.not(answers[0]?.status, 101);
  t.notOk(upstream.requests.some(({ url }) => url === '/secret'));
  t.equal((await client.get(`${gateway.url}/public/after`)).status, 200, 'others are served');
});

test('offers of other protocols behind requests that are still answered do not end the process', async (t) => {
  const upstream = await arrangeUpstream(t);
  const gateway = await spawnGateway({
    config: { routes: [{ path: '/', upstream: upstream.url, allow: 'public' }] },
  });
  t.teardown(() => gateway.stop());
  const { host } = new URL(gateway.url);
  const get = (path: string, lines = '') => `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${lines}\r\n`;
  const offers = [
    get('/b', 'Connection: Upgrade\r\nUpgrade: h2c\r\n'),
    get('/b', 'Connection: Upgrade\r\nUpgrade: h2c\r\n').replace('GET', 'POST'),
    handshake(host, '/b'),
    `CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
    'garbage\r\n\r\n',
  ];
  for (const offer of offers) {
    for (const pause of [0, 30]) {
      const connection = await openRaw(gateway.url);
      connection.write(get('/a') + offer);
      await connection.until('"url":"/a"');
      if (pause > 0) await wait(pause);
      connection.write(get('/c') + offer.replaceAll('/b', '/d') + get('/e', 'Connection: close\r\n'));
      await connection.closed();
      const urls = [...connection.received().matchAll(/"url":"([^"]+)"/g)].map(([, url]) => url);
      t.same(urls, [...urls].sort(), 'every answer comes in its turn');
      connection.destroy();
    }
  }
  t.equal(gateway.process.exitCode, null, 'the gateway still runs');
  t.match(await sendRaw(gateway.url, get('/after')), /^HTTP\/1\.1 200 /);
});

test('a connection that offers another protocol with every request gathers no listeners', async (t) => {
  const { gateway } = await arrangeLogin(t, twoRoutes);
  const { host } = new URL(gateway.url);
  const warnings: Error[] = [];
  const note = (warning: Error) => warnings.push(warning);
  process.on('warning', note);
  t.teardown(() => process.off('warning', note));
  const connection = await openRaw(gateway.url);
  for (let at = 0; at < 30; at++) {
    connection.write(
      `GET /public/${at}- HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n`,
    );
    await connection.until(`/public/${at}-`);
  }
  connection.destroy();
  t.same(warnings, []);
});
