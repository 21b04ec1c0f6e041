import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import tap, { type Test, test } from 'tap';
import { type WebSocket as ServerSocket, WebSocket, WebSocketServer } from 'ws';
import { closeFrame } from '../../src/forward/frame-boundary.ts';
import { arrangeUpstream } from '../support/arrange.ts';
import { startByteUpstream } from '../support/byte-upstream.ts';
import type { OpenAnswer } from '../support/client.ts';
import { type GatewayParts, startTestGateway } from '../support/gateway.ts';
import { listenOnLoopback } from '../support/listening.ts';
import type { ProviderOptions } from '../support/provider.ts';
import { spawnGateway } from '../support/spawned-gateway.ts';
import { until } from '../support/until.ts';
import { makeLogoutToken, sendLogout } from './forge.ts';
import { signIn, startLogoutProvider, type Visitor } from './scene.ts';

/** Most of the time is waiting for things to expire, so the tests wait together. */
tap.jobs = 4;
const waiting = { buffered: true };

/** An application with event streams at `/events` and WebSockets everywhere. */
async function startLiveApplication(t: Test) {
  const streams: ServerResponse[] = [];
  const sockets: ServerSocket[] = [];
  const server = createServer((request, response) => {
    if (request.url !== '/events') {
      response.end('hello');
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: first\n\n');
    streams.push(response);
  });
  const webSockets = new WebSocketServer({ server });
  webSockets.on('connection', (socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.on('message', (message, binary) => socket.send(message as Buffer, { binary }));
  });
  const listening = await listenOnLoopback(server);
  t.teardown(() => listening.close());
  return { ...listening, streams, sockets };
}

async function arrange(
  t: Test,
  upstream: { url: string },
  config: GatewayParts['config'] = {},
  options: ProviderOptions = {},
) {
  const provider = await startLogoutProvider(t, options);
  const gateway = await startTestGateway({ provider, upstream, config });
  t.teardown(() => gateway.close());
  const ada = await signIn(t, gateway.url, 'ada');
  const signOut = () => ada.client.navigate(`${gateway.url}/oauth2/sign_out`);
  return { provider, gateway, ada, signOut };
}

interface LiveSocket {
  socket: WebSocket;
  /** Its messages so far. */
  messages: Buffer[];
  /** Resolves when it was closed; 1006 stands for a connection that just broke. */
  closed: Promise<{ code: number; reason: string }>;
}

function connectSocket(t: Test, gatewayUrl: string, visitor: Visitor): LiveSocket {
  const socket = new WebSocket(gatewayUrl.replace('http', 'ws'), {
    headers: { cookie: visitor.copiedCookie() },
    maxPayload: 64 << 20,
    perMessageDeflate: false,
  });
  const messages: Buffer[] = [];
  socket.on('error', () => undefined);
  socket.on('message', (message) => messages.push(message as Buffer));
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on('close', (code, reason) => resolve({ code, reason: String(reason) }));
  });
  t.teardown(() => socket.terminate());
  return { socket, messages, closed };
}

async function openSocket(t: Test, gatewayUrl: string, visitor: Visitor): Promise<LiveSocket> {
  const live = connectSocket(t, gatewayUrl, visitor);
  await once(live.socket, 'open');
  return live;
}

/** Whether messages still come back. */
async function echoes({ socket, messages }: LiveSocket): Promise<boolean> {
  const text = randomBytes(8).toString('hex');
  socket.send(text);
  return until('an echo', () => messages.some((message) => String(message) === text));
}

async function openStream(t: Test, gatewayUrl: string, visitor: Visitor) {
  const stream: OpenAnswer = await visitor.client.open(`${gatewayUrl}/events`);
  t.teardown(() => stream.destroy());
  let text = '';
  stream.answer.on('data', (chunk) => {
    text += String(chunk);
  });
  const ended = closeOf(stream.answer);
  await until('the first event', () => text.includes('first'));
  return { ended, isOpen: () => !stream.answer.closed, text: () => text };
}

/** Resolves when nothing more of an answer will come: true when it is complete. */
function closeOf(answer: IncomingMessage): Promise<boolean> {
  answer.on('error', () => undefined);
  return new Promise((resolve) => {
    answer.on('close', () => resolve(answer.complete));
  });
}

const within = <T>(promise: Promise<T>, ms = 5000): Promise<T | 'still open'> =>
  Promise.race([promise, wait(ms, 'still open' as const, { ref: false })]);

const ends: Record<string, (scene: Awaited<ReturnType<typeof arrange>>) => Promise<unknown>> = {
  'its person signs out': ({ signOut }) => signOut(),
  'the provider ends it': async ({ provider, gateway }) => {
    const token = await makeLogoutToken(provider, { claims: { sub: 'ada' } });
    await sendLogout(gateway.url, { logout_token: token });
  },
};

for (const [when, end] of Object.entries(ends)) {
  test(`what is open ends with its session when ${when}`, waiting, async (t) => {
    const application = await startLiveApplication(t);
    const scene = await arrange(t, application);
    const { gateway, ada } = scene;
    const grace = await signIn(t, gateway.url, 'grace');
    const adas = await openSocket(t, gateway.url, ada);
    const graces = await openSocket(t, gateway.url, grace);
    const adasStream = await openStream(t, gateway.url, ada);
    const gracesStream = await openStream(t, gateway.url, grace);
    t.ok((await echoes(adas)) && (await echoes(graces)));

    await end(scene);
    t.match(await within(adas.closed, 1000), { code: 4401, reason: /session/ });
    t.equal(await within(adasStream.ended, 1000), true, 'the stream ends in order');
    await until('the application to know', () => application.sockets[0]?.readyState === WebSocket.CLOSED);
    await until('its stream to end', () => application.streams[0]?.destroyed);
    t.ok(await echoes(graces), 'a socket of somebody else goes on');
    application.streams[1]?.write('data: second\n\n');
    await until('the second event', () => gracesStream.text().includes('second'));
    t.ok(gracesStream.isOpen(), 'and a stream');
  });
}

test('what is open ends at session.maxLifetime', waiting, async (t) => {
  const application = await startLiveApplication(t);
  const config = { session: { maxLifetime: '4s', idleTimeout: '4s' } };
  const { gateway, ada } = await arrange(t, application, config);
  const socket = await openSocket(t, gateway.url, ada);
  const stream = await openStream(t, gateway.url, ada);
  await wait(2000);
  const later = await signIn(t, gateway.url, 'grace');
  const graces = await openSocket(t, gateway.url, later);
  t.match(await within(socket.closed), { code: 4401 });
  t.equal(await within(stream.ended), true);
  t.ok(await echoes(graces), 'and nothing before its own');
});

for (const onExpiry of ['close', 'keep'] as const) {
  test(`at the end of the access token, websocket.onExpiry: ${onExpiry}`, waiting, async (t) => {
    const application = await startLiveApplication(t);
    const { gateway, ada } = await arrange(
      t,
      application,
      { websocket: { onExpiry } },
      { ttl: { accessToken: 3 } },
    );
    const socket = await openSocket(t, gateway.url, ada);
    const stream = await openStream(t, gateway.url, ada);
    const closed = await within(socket.closed, 6000);
    if (onExpiry === 'keep') {
      t.equal(closed, 'still open');
      t.ok(await echoes(socket));
      t.ok(stream.isOpen());
    } else {
      t.match(closed, { code: 4401 });
      t.equal(await within(stream.ended, 1000), true);
      t.equal((await ada.client.get(`${gateway.url}/`)).status, 200, 'the session goes on');
      t.ok(await echoes(await openSocket(t, gateway.url, ada)), 'and opens the next');
    }
  });
}

test('a sign-out closes what is open in every worker', waiting, async (t) => {
  const application = await startLiveApplication(t);
  const provider = await startLogoutProvider(t);
  const gateway = await spawnGateway({ provider, upstream: application, config: { workers: 2 } });
  t.teardown(() => gateway.stop());
  const ada = await signIn(t, gateway.url, 'ada');
  const sockets = await Promise.all(Array.from({ length: 6 }, () => openSocket(t, gateway.url, ada)));
  await ada.client.navigate(`${gateway.url}/oauth2/sign_out`);
  for (const { closed } of sockets) t.match(await within(closed), { code: 4401 });
});

test('what opens while its session ends is closed too', waiting, async (t) => {
  const held: (() => void)[] = [];
  const server = createServer((_request, response) => {
    held.push(() => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: first\n\n');
    });
  });
  const webSockets = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, socket, head) => {
    held.push(() => webSockets.handleUpgrade(request, socket, head, () => undefined));
  });
  const application = await listenOnLoopback(server);
  t.teardown(() => application.close());
  const upstream = await arrangeUpstream(t);
  const routes = [
    { path: '/', upstream: upstream.url },
    { path: '/slow', upstream: application.url },
  ];
  const { gateway, ada, signOut } = await arrange(t, upstream, { upstream: undefined, routes });
  const socket = connectSocket(t, `${gateway.url}/slow`, ada);
  const cookie = ada.copiedCookie();
  const opening = ada.client.open(`${gateway.url}/slow/events`, { headers: { cookie } });
  await until('both to be under way', () => held.length === 2);
  await signOut();
  for (const answer of held) answer();
  t.match(await within(socket.closed), { code: 4401 });
  const { answer, destroy } = await opening;
  t.teardown(destroy);
  answer.resume();
  t.equal(await within(closeOf(answer)), true);
});

/** An application that accepts any WebSocket and then does with the connection what it likes. */
function startRawWebSocket(t: Test, then: (socket: Socket) => void) {
  return startByteUpstream((socket, head) => {
    const key = /sec-websocket-key: (.*)\r\n/i.exec(head)?.[1] ?? '';
    if (key === '') {
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok');
      return;
    }
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    then(socket);
  }).then((upstream) => {
    t.teardown(() => upstream.close());
    return upstream;
  });
}

/** A binary frame as servers send it: not masked; the first of a message unless it goes on with one. */
function frame(payload: Buffer, { last = true, first = true } = {}): Buffer {
  const head = Buffer.alloc(10);
  head[0] = (last ? 0x80 : 0) | (first ? 2 : 0);
  head[1] = 127;
  head.writeBigUInt64BE(BigInt(payload.length), 2);
  return Buffer.concat([head, payload]);
}

test(
  'a frame that is under way when the session ends arrives whole, and then the close',
  waiting,
  async (t) => {
    const payload = randomBytes(300_000);
    const bytes = frame(payload);
    let goOn = () => {};
    const application = await startRawWebSocket(t, (socket) => {
      socket.write(bytes.subarray(0, 100_000));
      goOn = () => {
        socket.write(bytes.subarray(100_000, 200_000));
        setTimeout(() => socket.write(Buffer.concat([bytes.subarray(200_000), bytes.subarray(0, 50)])), 100);
      };
    });
    const { gateway, ada, signOut } = await arrange(t, application);
    const live = await openSocket(t, gateway.url, ada);
    await wait(50);
    await signOut();
    t.equal(await within(live.closed, 200), 'still open');
    goOn();
    t.match(await within(live.closed), { code: 4401 });
    t.equal(live.messages.length, 1);
    t.ok(live.messages[0]?.equals(payload));
  },
);

test('a message of several frames is not cut either', waiting, async (t) => {
  const parts = [randomBytes(1000), randomBytes(70_000), randomBytes(10)];
  let goOn = () => {};
  const application = await startRawWebSocket(t, (socket) => {
    const [begin = Buffer.of(), middle = Buffer.of(), end = Buffer.of()] = parts;
    socket.write(frame(begin, { last: false }));
    goOn = () => {
      socket.write(frame(middle, { first: false, last: false }));
      // A ping may stand between the frames of a message (RFC 6455 §5.4).
      socket.write(Buffer.of(0x89, 0));
      setTimeout(() => socket.write(frame(end, { first: false })), 100);
    };
  });
  const { gateway, ada, signOut } = await arrange(t, application);
  const live = await openSocket(t, gateway.url, ada);
  await wait(50);
  await signOut();
  goOn();
  t.match(await within(live.closed), { code: 4401 });
  t.equal(live.messages.length, 1);
  t.ok(live.messages[0]?.equals(Buffer.concat(parts)));
});

test('an application that never stops to send is closed at the end of a message', waiting, async (t) => {
  const payload = randomBytes(40_000);
  const bytes = frame(payload);
  const application = await startRawWebSocket(t, (socket) => {
    // Every piece ends in the middle of a frame.
    const endless = Buffer.concat([bytes, bytes, bytes]);
    let at = 0;
    const send = () => {
      if (socket.destroyed) return;
      const next = at + 30_001;
      const piece = endless.subarray(at, next);
      at = next % bytes.length;
      socket.write(piece, () => setTimeout(send, 5));
    };
    send();
  });
  const { gateway, ada, signOut } = await arrange(t, application);
  const live = await openSocket(t, gateway.url, ada);
  await until('messages', () => live.messages.length > 5);
  await signOut();
  t.match(await within(live.closed), { code: 4401 });
  t.ok(live.messages.every((message) => message.equals(payload)));
});

/**
 * Opens a WebSocket by hand.
 * @param manner slow: takes a little, rests, and takes a little again; stubborn: leaves its side open when the
 * other side closes
 */
async function openByHand(t: Test, gatewayUrl: string, visitor: Visitor, manner: 'slow' | 'stubborn') {
  const { hostname, port, host } = new URL(gatewayUrl);
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: manner === 'stubborn' });
  t.teardown(() => socket.destroy());
  const key = randomBytes(16).toString('base64');
  socket.write(
    `GET / HTTP/1.1\r\nHost: ${host}\r\nCookie: ${visitor.copiedCookie()}\r\nConnection: Upgrade\r\n` +
      `Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
  );
  const chunks: Buffer[] = [];
  let length = 0;
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    length += chunk.length;
    if (manner === 'stubborn') return;
    socket.pause();
    setTimeout(() => socket.resume(), 2);
  });
  const closed = new Promise<string>((resolve) => {
    socket.on('error', ({ message }) => resolve(message));
    socket.on('close', () => resolve('in order'));
  });
  await until('the handshake', () => Buffer.concat(chunks.slice(0, 4)).includes('\r\n\r\n'));
  const frames = () => {
    const all = Buffer.concat(chunks);
    return all.subarray(all.indexOf('\r\n\r\n') + 4);
  };
  return { socket, closed, length: () => length, frames };
}

test('a client that reads slowly gets the message that is under way, and the close', waiting, async (t) => {
  const bytes = frame(randomBytes(12 << 20));
  const application = await startRawWebSocket(t, (socket) => {
    socket.write(bytes);
    socket.write(bytes);
  });
  const { gateway, ada, signOut } = await arrange(t, application);
  const { closed, length, frames } = await openByHand(t, gateway.url, ada, 'slow');
  await until('some of it', () => length() > 100_000);
  await signOut();
  t.equal(await within(closed), 'in order');
  const got = frames();
  const close = got.lastIndexOf('the session was ended');
  t.equal(close, got.length - 'the session was ended'.length, 'the close frame is the last');
  const messages = (close - 4) / bytes.length;
  t.ok(messages === 1 || messages === 2, `it comes behind ${messages} messages`);
  t.ok(got.subarray(0, bytes.length).equals(bytes));
});

test('the last words of an application that closes reach a client that reads slowly', waiting, async (t) => {
  const lastWords = Buffer.concat([frame(randomBytes(24 << 20)), closeFrame(4000, 'bye')]);
  const application = await startRawWebSocket(t, (socket) => socket.end(lastWords));
  const { gateway, ada } = await arrange(t, application);
  const { closed, frames } = await openByHand(t, gateway.url, ada, 'slow');
  t.equal(await within(closed), 'in order');
  t.equal(frames().length, lastWords.length);
  t.ok(frames().equals(lastWords));
});

test('a client that never stops to send gets the close all the same', waiting, async (t) => {
  const application = await startLiveApplication(t);
  const { gateway, ada, signOut } = await arrange(t, application);
  const live = await openSocket(t, gateway.url, ada);
  const message = randomBytes(16_000);
  const sending = setInterval(() => {
    if (live.socket.readyState === WebSocket.OPEN) live.socket.send(message);
  }, 1);
  t.teardown(() => clearInterval(sending));
  await until('echoes', () => live.messages.length > 20);
  await signOut();
  t.match(await within(live.closed), { code: 4401 });
});

test('a client that ignores the close loses its connection', waiting, async (t) => {
  const application = await startLiveApplication(t);
  const { gateway, ada, signOut } = await arrange(t, application);
  const { socket, closed, frames } = await openByHand(t, gateway.url, ada, 'stubborn');
  // An empty text frame, masked, again and again: as if nothing had come.
  const sending = setInterval(() => socket.write(Buffer.of(0x81, 0x80, 1, 2, 3, 4)), 100);
  t.teardown(() => clearInterval(sending));
  await signOut();
  await until('the close frame', () => frames().equals(closeFrame(4401, 'the session was ended')));
  t.match(await within(closed, 8000), /ECONNRESET|EPIPE/);
});

test('an event stream to a client that does not read ends without harm', waiting, async (t) => {
  const event = `data: ${'x'.repeat(60_000)}\n\n`;
  const application = await arrangeUpstream(t, (request, response) => {
    if (request.url !== '/events') {
      response.end('hello');
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const sending = setInterval(() => response.write(event), 2);
    response.on('close', () => clearInterval(sending));
  });
  const { gateway, ada, signOut } = await arrange(t, application);
  const cookie = ada.copiedCookie();
  const { answer, destroy } = await ada.client.open(`${gateway.url}/events`, { headers: { cookie } });
  t.teardown(destroy);
  await wait(500);
  await signOut();
  t.match(await application.aborted(), { url: '/events' }, 'the application is let go at once');
  await wait(500);
  let text = '';
  answer.on('data', (chunk) => {
    text += String(chunk);
  });
  t.equal(await within(closeOf(answer)), true);
  t.ok(text.length > event.length, 'what was sent arrives');
  t.equal((await ada.client.get(`${gateway.url}/oauth2/userinfo`)).status, 401, 'the gateway is well');
});
