import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type Test, test } from 'tap';
import { type WebSocket as ServerSocket, WebSocket, WebSocketServer } from 'ws';
import { FrameBoundary } from '../../src/forward/frame-boundary.ts';
import { handshake } from '../attack/handshake.ts';
import { closeOf } from '../logout/live.ts';
import { frame, startRawWebSocket } from '../logout/raw-websocket.ts';
import { createClient } from '../support/client.ts';
import { createWoundClock } from '../support/clock.ts';
import { startTestGateway } from '../support/gateway.ts';
import { listenOnLoopback } from '../support/listening.ts';
import { openRaw } from '../support/raw.ts';
import { until } from '../support/until.ts';

const goingAway = { code: 1001, reason: 'the gateway is stopping' };

async function arrange(t: Test, upstream: { url: string }, config: Record<string, unknown> = {}) {
  const clock = createWoundClock();
  const routes = [{ path: '/', upstream: upstream.url, allow: 'public' }];
  const gateway = await startTestGateway({ config: { routes, ...config }, clock });
  t.teardown(() => gateway.close());
  const client = createClient();
  t.teardown(() => client.close());
  return { gateway, clock, client };
}

/** A gateway that ends has told those who are there when it takes nobody any more. */
const hasBegunToEnd = ({ url }: { url: string }) =>
  until('no new connection', () =>
    openRaw(url).then(
      (connection) => {
        connection.destroy();
        return false;
      },
      () => true,
    ),
  );

type Told = Promise<{ code: number; reason: string }>;

function closeTold(socket: WebSocket): Told {
  return new Promise((resolve) => {
    socket.on('close', (code, reason) => resolve({ code, reason: String(reason) }));
  });
}

async function openSocket(t: Test, gatewayUrl: string, options: { perMessageDeflate?: boolean } = {}) {
  const socket = new WebSocket(gatewayUrl.replace('http', 'ws'), { perMessageDeflate: false, ...options });
  t.teardown(() => socket.terminate());
  const messages: Buffer[] = [];
  socket.on('error', () => undefined);
  socket.on('message', (message) => messages.push(message as Buffer));
  const closed = closeTold(socket);
  await once(socket, 'open');
  return { socket, messages, closed };
}

/** A real application with WebSockets that echo, and event streams. */
async function startApplication(t: Test) {
  const sockets: ServerSocket[] = [];
  const closes: Told[] = [];
  const received: string[] = [];
  const streams: ServerResponse[] = [];
  const server = createServer((request, response) => {
    const headers: Record<string, string> = { 'content-type': 'text/event-stream' };
    if (request.url === '/sized') headers['content-length'] = '1000';
    response.writeHead(200, headers);
    response.write('data: first\n\n');
    streams.push(response);
  });
  new WebSocketServer({ server, perMessageDeflate: true }).on('connection', (socket) => {
    sockets.push(socket);
    closes.push(closeTold(socket));
    socket.on('error', () => undefined);
    socket.on('message', (message, binary) => {
      received.push(String(message));
      socket.send(message as Buffer, { binary });
    });
  });
  const listening = await listenOnLoopback(server);
  t.teardown(() => listening.close());
  return { ...listening, sockets, closes, received, streams };
}

test('both ends of a WebSocket are told that the gateway goes away, and it ends at once', async (t) => {
  const application = await startApplication(t);
  const { gateway } = await arrange(t, application);
  for (const perMessageDeflate of [false, true])
    await openSocket(t, gateway.url, { perMessageDeflate }).then(async ({ socket, messages }) => {
      socket.send('x'.repeat(5000));
      await until('an echo', () => messages.length === 1);
    });
  const [one, other] = await Promise.all([openSocket(t, gateway.url), openSocket(t, gateway.url)]);
  const asked = performance.now();
  await gateway.close();
  t.ok(performance.now() - asked < 2500, 'nobody is waited for who has answered');
  t.same(await Promise.all([one.closed, other.closed]), [goingAway, goingAway]);
  t.same(
    (await Promise.all(application.closes)).map(({ code }) => code),
    [1001, 1001, 1001, 1001],
    'the application has the answer of the client',
  );
  t.notMatch(gateway.log.text(), 'still open');
});

test('what a client sends before it answers still reaches the application', async (t) => {
  const application = await startApplication(t);
  const { gateway } = await arrange(t, application);
  const { socket, closed } = await openSocket(t, gateway.url);
  // A client that is busy: it answers when it has sent what it wanted to send.
  (socket as unknown as { _socket: Socket })._socket.pause();
  const closing = gateway.close();
  await hasBegunToEnd(gateway);
  socket.send('last words');
  await until('them upstream', () => application.received.includes('last words'));
  (socket as unknown as { _socket: Socket })._socket.resume();
  t.same(await closed, goingAway);
  t.same(await Promise.all(application.closes), [goingAway]);
  await closing;
});

for (const [what, begin, rest] of [
  ['frame', (bytes: Buffer) => bytes.subarray(0, 1000), (bytes: Buffer) => bytes.subarray(1000)],
  ['header', (bytes: Buffer) => bytes.subarray(0, 3), (bytes: Buffer) => bytes.subarray(3)],
  [
    'message of several frames',
    () => frame(Buffer.alloc(3000, 1), { last: false }),
    () => Buffer.concat([Buffer.of(0x89, 0), frame(Buffer.alloc(3000, 1), { first: false })]),
  ],
] as const) {
  test(`the close frame does not come into the middle of a ${what}`, async (t) => {
    const payload = Buffer.alloc(6000, 1);
    const sockets: Socket[] = [];
    const heard: Buffer[] = [];
    const application = await startRawWebSocket(t, (socket) => {
      socket.on('data', (chunk: Buffer) => heard.push(chunk));
      socket.write(begin(frame(payload)));
      sockets.push(socket);
    });
    const { gateway, clock } = await arrange(t, application);
    const { messages, closed, socket } = await openSocket(t, gateway.url);
    await until('the application', () => sockets.length === 1);
    const closing = gateway.close();
    for (let at = 0; at < 20; at++) {
      const before = heard.length;
      socket.ping();
      await until('it upstream', () => heard.length > before);
    }
    clock.wind(2000);
    t.equal(socket.readyState, WebSocket.OPEN);
    // What comes behind the message is nobody's.
    sockets[0]?.write(Buffer.concat([rest(frame(payload)), frame(payload).subarray(0, 50)]));
    t.same(await closed, goingAway);
    t.equal(messages.length, 1);
    t.ok(messages[0]?.equals(payload));
    await until('the close frame upstream', () => {
      const boundary = new FrameBoundary();
      boundary.pass(Buffer.concat(heard));
      return boundary.hasClosed && boundary.atFrameEnd;
    });
    clock.wind(3000);
    clock.wind(6000);
    await closing;
  });
}

/** The close frame of a client in what an application has heard, unmasked. */
function maskedClose(heard: Buffer): { code: number; reason: string } | undefined {
  if (heard[0] !== 0x88 || heard.length < 8) return undefined;
  assertMasked(heard[1] as number);
  const mask = heard.subarray(2, 6);
  const payload = Buffer.from(heard.subarray(6).map((byte, index) => byte ^ (mask[index % 4] as number)));
  return { code: payload.readUInt16BE(0), reason: payload.subarray(2).toString() };
}

function assertMasked(second: number): void {
  if ((second & 0x80) === 0) throw new Error('RFC 6455 §5.3: a client masks its frames');
}

for (const [who, leave] of [
  ['does not answer', 'stay'],
  ['closes its connection without an answer', 'end'],
] as const) {
  test(`a client that ${who} does not keep the application from being told`, async (t) => {
    const heard: Buffer[] = [];
    const ends: string[] = [];
    const application = await startRawWebSocket(t, (socket) => {
      socket.on('data', (chunk: Buffer) => heard.push(chunk));
      socket.on('end', () => ends.push('end'));
    });
    const { gateway, clock } = await arrange(t, application);
    const connection = await openRaw(gateway.url, { allowHalfOpen: true });
    connection.write(handshake(new URL(gateway.url).host));
    await connection.until('101 Switching');
    const closing = gateway.close();
    await connection.until(goingAway.reason);
    if (leave === 'end') connection.end();
    await until('the close frame', () => {
      if (leave === 'stay') clock.wind(1000);
      return heard.length > 0;
    });
    t.same(maskedClose(Buffer.concat(heard)), goingAway);
    await until('the end', () => ends.length > 0);
    connection.end();
    clock.wind(6000);
    await closing;
    t.equal(connection.received().split(goingAway.reason).length, 2, 'it is told once');
  });
}

test('a client in the middle of a message gets the time for it, as long as it goes on', async (t) => {
  const application = await startApplication(t);
  const { gateway, clock } = await arrange(t, application);
  const connection = await openRaw(gateway.url);
  connection.write(handshake(new URL(gateway.url).host));
  await connection.until('101 Switching');
  const text = 'x'.repeat(100);
  connection.write(Buffer.concat([Buffer.of(0x81, 0x80 | 100, 0, 0, 0, 0), Buffer.from(text.slice(0, 10))]));
  const closing = gateway.close();
  await connection.until(goingAway.reason);
  for (let at = 10; at < 100; at += 10) {
    connection.write(text.slice(at, at + 10));
    await new Promise((resolve) => setTimeout(resolve, 10));
    clock.wind(2000);
  }
  await until('it upstream', () => application.received.includes(text));
  connection.write(Buffer.of(0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe9));
  t.match(await application.closes[0], { code: 1001 });
  await closing;
});

test('a WebSocket that closes by itself at that moment is not closed twice', async (t) => {
  const own = Buffer.concat([Buffer.of(0x88, 5, 0x0f, 0xa0), Buffer.from('bye')]);
  const sockets: Socket[] = [];
  const application = await startRawWebSocket(t, (socket) => {
    socket.on('data', () => undefined);
    socket.write(own);
    sockets.push(socket);
  });
  const { gateway, clock } = await arrange(t, application);
  const connection = await openRaw(gateway.url);
  connection.write(handshake(new URL(gateway.url).host));
  await connection.until('bye');
  const closing = gateway.close();
  await hasBegunToEnd(gateway);
  sockets[0]?.end();
  await connection.closed();
  t.ok(connection.received().endsWith('bye'));
  clock.wind(6000);
  await closing;
});

test('a handshake that is answered when the gateway ends opens a WebSocket that is told', async (t) => {
  let accept: (() => void) | undefined;
  const server = createServer();
  const webSockets = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, socket, head) => {
    accept = () => webSockets.handleUpgrade(request, socket, head, () => undefined);
  });
  const application = await listenOnLoopback(server);
  t.teardown(() => application.close());
  const { gateway } = await arrange(t, application);
  const socket = new WebSocket(gateway.url.replace('http', 'ws'));
  const closed = closeTold(socket);
  const answer = await until('the handshake upstream', () => accept);
  const closing = gateway.close();
  await hasBegunToEnd(gateway);
  answer();
  t.same(await closed, goingAway);
  await closing;
});

test('an event stream ends in order, so that its client opens it elsewhere', async (t) => {
  const application = await startApplication(t);
  const { gateway, client } = await arrange(t, application);
  const { answer } = await client.open(`${gateway.url}/events`);
  answer.resume();
  const ended = closeOf(answer);
  const sized = (await client.open(`${gateway.url}/sized`)).answer;
  sized.resume();
  const broken = closeOf(sized);
  await until('both', () => application.streams.length === 2);
  const asked = performance.now();
  await gateway.close();
  t.ok(performance.now() - asked < 2500);
  t.equal(await ended, true, 'with the last chunk');
  t.equal(await broken, false, 'one that has said how long it is cannot end sooner');
  await until('the end upstream', () => application.streams.every(({ destroyed }) => destroyed));
});

test('in the delay, and with drain(), what is open stays open', async (t) => {
  const application = await startApplication(t);
  const { gateway, clock, client } = await arrange(t, application, { shutdown: { delay: '5s' } });
  const early = await openSocket(t, gateway.url);
  gateway.drain();
  const late = await openSocket(t, gateway.url);
  const { answer } = await client.open(`${gateway.url}/events`);
  answer.resume();
  const ended = closeOf(answer);
  const closing = gateway.close();
  for (const { socket, messages } of [early, late]) {
    socket.send('still');
    await until('an echo', () => messages.length === 1);
  }
  application.streams[0]?.write('data: second\n\n');
  t.notOk(answer.closed);
  clock.wind(5000);
  t.same(await Promise.all([early.closed, late.closed, ended]), [goingAway, goingAway, true]);
  await closing;
});
