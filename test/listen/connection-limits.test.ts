import { connect } from 'node:net';
import { type Test, test } from 'tap';
import { parseConfig } from '../../src/config/load.ts';
import { acceptHandshakes, handshake } from '../attack/handshake.ts';
import { arrangeGateway, arrangeUpstream } from '../support/arrange.ts';
import { makeCertificate } from '../support/certificate.ts';
import { freePort } from '../support/free-port.ts';
import { openRaw, type RawConnection } from '../support/raw.ts';
import { until } from '../support/until.ts';

async function arrange(t: Test, limits: Record<string, unknown>, more: Record<string, unknown> = {}) {
  const held: (() => void)[] = [];
  const upstream = await arrangeUpstream(t, (request, response) => {
    if (request.url === '/held') held.push(() => response.end('x'));
    else response.end('x');
  });
  acceptHandshakes(upstream);
  const scene = await arrangeGateway(t, {
    awaitProvider: false,
    config: { routes: [{ path: '/', upstream: upstream.url, allow: 'public' }], limits, ...more },
  });
  const open: RawConnection[] = [];
  t.teardown(() => {
    for (const raw of open) raw.destroy();
    for (const release of held) release();
  });
  const { host } = new URL(scene.gateway.url);
  const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
  /** A connection with an answer on it; undefined for one that was closed. */
  const use = async () => {
    const raw = await openRaw(scene.gateway.url);
    open.push(raw);
    raw.socket.on('error', () => {});
    raw.write(get('/'));
    const isUsed = await Promise.race([
      raw.until('200 OK').then(
        () => true,
        () => false,
      ),
      raw.closed().then(() => false),
    ]);
    return isUsed ? raw : undefined;
  };
  const useAll = async (count: number) => {
    const found: boolean[] = [];
    for (let each = 0; each < count; each++) found.push((await use()) !== undefined);
    return found;
  };
  return { ...scene, host, open, use, useAll, get, held };
}

test('more connections of one client than it may have are closed at once, and the log counts them', async (t) => {
  const { useAll, open, gateway } = await arrange(t, { connectionsPerClient: 3 });
  t.same(await useAll(5), [true, true, true, false, false]);
  const line = await gateway.log.line(({ limit }) => limit === 'limits.connectionsPerClient');
  t.match(line, { level: 'warn', peer: '127.0.0.1', refused: 1 });
  open[0]?.destroy();
  await until('room for another', async () => (await useAll(1))[0]);
  t.same(await useAll(1), [false]);
});

test('a trusted proxy has no limit of its own, and the whole gateway has one for all', async (t) => {
  const { useAll } = await arrange(
    t,
    { connectionsPerClient: 2, connections: 4 },
    { trustedProxies: ['127.0.0.1'] },
  );
  t.same(await useAll(6), [true, true, true, true, false, false]);
});

test('a limit that is changed counts from then on, with what is open', async (t) => {
  const { useAll, gateway } = await arrange(t, { connections: 2 });
  t.same(await useAll(3), [true, true, false]);
  const yaml = gateway.yaml.replace('connections: 2', 'connections: 4');
  await gateway.adopt(parseConfig(yaml, { file: 'sallyport.yaml', env: {} }).config);
  t.same(await useAll(3), [true, true, false]);
});

test('with TLS a connection that is one too many is closed before its handshake', async (t) => {
  const { certFile: cert, keyFile: key } = await makeCertificate();
  const upstream = await arrangeUpstream(t);
  const port = await freePort();
  await arrangeGateway(t, {
    awaitProvider: false,
    config: {
      publicUrl: `https://localhost:${port}`,
      listen: { address: `127.0.0.1:${port}`, tls: { cert, key } },
      routes: [{ path: '/', upstream: upstream.url, allow: 'public' }],
      limits: { connectionsPerClient: 1 },
    },
  });
  const first = connect(port, '127.0.0.1');
  t.teardown(() => first.destroy());
  await until('the first', () => first.readyState === 'open');
  const second = connect(port, '127.0.0.1');
  t.teardown(() => second.destroy());
  second.on('error', () => {});
  // Without the limit, it would stay open for as long as a handshake may take.
  second.resume();
  await until('the second to be closed', () => second.destroyed || second.readableEnded);
  t.equal(first.readyState, 'open');
});

test('more requests than are taken at once get 503 at once, and the health is told all the same', async (t) => {
  const { client, gateway, host, open, get, held } = await arrange(t, { requestsInFlight: 2 });
  const raw = await openRaw(gateway.url);
  open.push(raw);
  raw.write(get('/held'));
  await until('the first at the application', () => held.length === 1);
  const socket = await openRaw(gateway.url);
  open.push(socket);
  socket.write(handshake(host));
  await socket.until('101 Switching');
  const refused = await client.get(`${gateway.url}/`);
  t.equal(refused.status, 503);
  t.equal(refused.headers['x-sallyport-error'], 'overloaded');
  t.equal(refused.headers['retry-after'], '1');
  t.equal((await client.get(`${gateway.url}/oauth2/health`)).headers['x-sallyport-error'], undefined);
  await gateway.log.line(({ limit }) => limit === 'limits.requestsInFlight');
  socket.destroy();
  await until('room for another', async () => (await client.get(`${gateway.url}/`)).status === 200);
  for (const release of held.splice(0)) release();
  await raw.until('200 OK');
  for (let each = 0; each < 20; each++) t.equal((await client.get(`${gateway.url}/`)).status, 200);
});
