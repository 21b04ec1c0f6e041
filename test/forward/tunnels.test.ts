import { readFile } from 'node:fs/promises';
import type { Duplex } from 'node:stream';
import { test } from 'tap';
import { acceptHandshakes, handshake } from '../attack/handshake.ts';
import { arrangeGateway, arrangeUpstream } from '../support/arrange.ts';
import { makeCertificate } from '../support/certificate.ts';
import { createWoundClock } from '../support/clock.ts';
import { freePort } from '../support/free-port.ts';
import { startTestGateway } from '../support/gateway.ts';
import { openRaw, readAnswers } from '../support/raw.ts';
import { until } from '../support/until.ts';

type Scene = Parameters<typeof arrangeUpstream>[0];

/** An application that switches protocols and does with the connection what it likes. */
async function arrangeSwitching(
  t: Scene,
  protocol = 'websocket',
  then: (socket: Duplex) => void = () => undefined,
) {
  const upstream = await arrangeUpstream(t);
  upstream.server.on('upgrade', (_request, socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('end', () => socket.end());
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`);
    then(socket);
  });
  return upstream;
}

async function arrangeTunnels(t: Scene, upstream: { url: string }, config: Record<string, unknown> = {}) {
  const clock = createWoundClock();
  const { gateway } = await arrangeGateway(t, {
    config: { routes: [{ path: '/', upstream: upstream.url, allow: 'public' }], ...config },
    clock,
  });
  const open = async () => {
    const connection = await openRaw(gateway.url, { allowHalfOpen: true });
    t.teardown(() => connection.destroy());
    connection.write(handshake(new URL(gateway.url).host));
    return connection;
  };
  return { gateway, clock, open };
}

test('an upstream that switches to anything but WebSocket opens nothing', async (t) => {
  for (const protocol of ['h2c', 'websocket, h2c', 'h2c, websocket', 'TLS/1.0', 'tcp']) {
    const upstream = await arrangeSwitching(t, protocol, (socket) =>
      socket.write('bytes of another protocol'),
    );
    const { gateway, open } = await arrangeTunnels(t, upstream);
    const connection = await open();
    await connection.until(/\r\n\r\n/);
    connection.write('GET /secret HTTP/1.1\r\nHost: x\r\n\r\n');
    connection.end();
    await connection.closed();
    const [answer] = readAnswers(connection.received());
    t.equal(answer?.status, 502, protocol);
    t.notMatch(connection.received(), 'another protocol');
    t.ok(await gateway.log.line(({ code }) => code === 'upstream_invalid'));
    await until('the end upstream', () => upstream.open.size === 0);
  }
});

test('the token counts in any case', async (t) => {
  const { open } = await arrangeTunnels(t, await arrangeSwitching(t, 'WebSocket'));
  await (await open()).until('HTTP/1.1 101 ');
});

test('a handshake with a body is a request like any other', async (t) => {
  const upstream = await arrangeUpstream(t);
  const accepted = acceptHandshakes(upstream);
  const { gateway } = await arrangeTunnels(t, upstream);
  const { host } = new URL(gateway.url);
  for (const framing of ['Content-Length: 5', 'Transfer-Encoding: chunked']) {
    const connection = await openRaw(gateway.url);
    connection.write(
      handshake(host, '/socket', [framing, 'X-End: 1']) +
        (framing.startsWith('C') ? 'hello' : '5\r\nhello\r\n0\r\n\r\n'),
    );
    t.match(await connection.until('"length":5'), /^HTTP\/1\.1 200 /, framing);
    connection.destroy();
  }
  t.same(accepted, []);
});

test('when one end has closed its side, both connections are gone within seconds', async (t) => {
  const opened: Duplex[] = [];
  const manners: Record<string, (socket: Duplex) => void> = {
    'an application that reads and goes on to send': (socket) => socket.resume(),
    'an application that does not read': () => undefined,
    'an application that closes its side': (socket) => socket.end(),
  };
  for (const [name, behave] of Object.entries(manners)) {
    const upstream = await arrangeSwitching(t, 'websocket', (socket) => {
      opened.push(socket);
      socket.removeAllListeners('end');
      behave(socket);
    });
    const { clock, open } = await arrangeTunnels(t, upstream);
    const connection = await open();
    await connection.until('HTTP/1.1 101 ');
    const isOurs = name !== 'an application that closes its side';
    if (isOurs) connection.end();
    await until(`the end of ${name}`, () => {
      clock.wind(1000);
      // What is written to a connection that has gone breaks it, so that both sides are seen to have gone.
      if (isOurs) opened.at(-1)?.write('x');
      else connection.write('x');
      return isOurs ? upstream.open.size === 0 : connection.socket.closed;
    });
    t.pass(name);
    connection.destroy();
    opened.at(-1)?.destroy();
  }
});

test('when one end is broken, so is the other', async (t) => {
  const sockets: Duplex[] = [];
  const upstream = await arrangeSwitching(t, 'websocket', (socket) => {
    socket.resume();
    sockets.push(socket);
  });
  const { open } = await arrangeTunnels(t, upstream);
  for (const leave of ['reset', 'destroy'] as const) {
    const connection = await open();
    await connection.until('HTTP/1.1 101 ');
    connection[leave]();
    await until('the end upstream', () => upstream.open.size === 0);
  }
  const connection = await open();
  await connection.until('HTTP/1.1 101 ');
  sockets.at(-1)?.destroy();
  connection.end();
  await connection.closed();
});

/** The timer of each TCP connection between two ports of this machine; 2 is the one of keep-alive (proc(5)). */
async function timerOf(local: number, remote: number): Promise<string | undefined> {
  const hex = (port: number) => port.toString(16).toUpperCase().padStart(4, '0');
  const text = await readFile('/proc/net/tcp', 'utf8');
  const line = text
    .split('\n')
    .find((each) => new RegExp(`:${hex(local)} [0-9A-F]+:${hex(remote)} `).test(each));
  return line?.trim().split(/\s+/)[5]?.split(':')[0];
}

test('both ends of a WebSocket are asked whether they are there, so that a vanished one is noticed', async (t) => {
  let port = 0;
  const upstream = await arrangeSwitching(t, 'websocket', (socket) => {
    port = (socket as import('node:net').Socket).remotePort ?? 0;
  });
  const { gateway, open } = await arrangeTunnels(t, upstream);
  const connection = await open();
  await connection.until('HTTP/1.1 101 ');
  const gatewayPort = Number(new URL(gateway.url).port);
  await until(
    'the timer of the client',
    async () => (await timerOf(gatewayPort, connection.socket.localPort ?? 0)) === '02',
  );
  await until('the timer of the upstream', async () => (await timerOf(port, upstream.port)) === '02');
});

test('with websocket.idle a silent WebSocket is closed in order, and one that is used is not', async (t) => {
  const upstream = await arrangeSwitching(t, 'websocket', (socket) => socket.pipe(socket));
  const { clock, open } = await arrangeTunnels(t, upstream, { websocket: { idle: '1m' } });
  const used = await open();
  const silent = await open();
  await Promise.all([used, silent].map((connection) => connection.until('HTTP/1.1 101 ')));
  let rounds = 0;
  await until(
    'the end of the silent one',
    async () => {
      used.write(`<${++rounds}>`);
      await used.until(`<${rounds}>`);
      clock.wind(20_000);
      return silent.socket.readableEnded;
    },
    20_000,
  );
  t.ok(rounds >= 3);
  t.match(silent.received(), '\x03\xe9nothing passed', 'with the close code 1001');
  used.write('<still>');
  await used.until('<still>');
});

test('without it, a WebSocket may be silent for days', async (t) => {
  const upstream = await arrangeSwitching(t, 'websocket', (socket) => socket.pipe(socket));
  const { gateway, clock, open } = await arrangeTunnels(t, upstream);
  const connection = await open();
  await connection.until('HTTP/1.1 101 ');
  for (let day = 0; day < 3; day++) {
    clock.wind(86_400_000);
    // A connection that is closed at its limit shows that the limits were looked at.
    const other = await openRaw(gateway.url, { allowHalfOpen: true });
    other.write('no HTTP\r\n\r\n');
    await other.until('HTTP/1.1 400');
    await until('the end of another', () => {
      clock.wind(1000);
      other.write('x');
      return other.socket.errored !== null;
    });
  }
  connection.write('hello');
  await connection.until('hello');
});

test('a client that leaves during its handshake is 499, and no outage', async (t) => {
  const upstream = await arrangeUpstream(t);
  const waiting: Duplex[] = [];
  upstream.server.on('upgrade', (_request, socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('end', () => socket.end()).resume();
    waiting.push(socket);
  });
  for (const leave of ['end', 'destroy', 'reset'] as const) {
    const { gateway, open } = await arrangeTunnels(t, upstream);
    const connection = await open();
    await until('the handshake upstream', () => waiting.length > 0);
    connection[leave]();
    const line = await gateway.log.line(({ msg }) => msg === 'request');
    t.equal(line.status, 499, leave);
    t.same(
      gateway.log.lines.filter(({ code }) => code !== undefined),
      [],
    );
    waiting.length = 0;
  }
});

test('a refused handshake whose client leaves ends upstream too', async (t) => {
  const upstream = await arrangeUpstream(t);
  upstream.server.on('upgrade', (_request, socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('end', () => socket.end()).resume();
    socket.write('HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nnever\r\n');
  });
  const { open } = await arrangeTunnels(t, upstream);
  const connection = await open();
  await connection.until('never');
  connection.destroy();
  await until('the end upstream', () => upstream.open.size === 0);
});

test('an offer of h2c over TLS is answered as over plain text', async (t) => {
  const { cert: ca, certFile: cert, keyFile: key } = await makeCertificate();
  const upstream = await arrangeUpstream(t);
  const port = await freePort();
  const gateway = await startTestGateway({
    config: {
      publicUrl: `https://localhost:${port}`,
      listen: { address: `127.0.0.1:${port}`, tls: { cert, key } },
      routes: [{ path: '/', upstream: upstream.url, allow: 'public' }],
    },
  });
  t.teardown(() => gateway.close());
  const connection = await openRaw(gateway.url.replace('http:', 'https:'), { ca });
  t.teardown(() => connection.destroy());
  const offer = (method: string, path: string, more = '') =>
    `${method} ${path} HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: Upgrade, HTTP2-Settings\r\n` +
    `Upgrade: h2c\r\nHTTP2-Settings: AAEA\r\n${more}\r\n`;
  for (let at = 0; at < 3; at++) {
    connection.write(offer('GET', `/a${at}`));
    await connection.until(`"url":"/a${at}"`);
    connection.write(`${offer('POST', `/b${at}`, 'Content-Length: 5\r\n')}hel`);
    connection.write('lo');
    await connection.until(`"url":"/b${at}"`);
  }
  connection.write(offer('GET', '/c') + offer('GET', '/d') + offer('GET', '/e'));
  await connection.until('"url":"/e"');
  t.same(
    readAnswers(connection.received()).map(({ status }) => status),
    Array(9).fill(200),
  );
});
