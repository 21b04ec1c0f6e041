import { randomBytes } from 'node:crypto';
import tap, { test } from 'tap';
import { WebSocket } from 'ws';
import { closeFrame } from '../../src/forward/frame-boundary.ts';
import { arrangeUpstream } from '../support/arrange.ts';
import { until } from '../support/until.ts';
import { arrangeLive, closeOf, openSocket, startLiveApplication, within } from './live.ts';
import { frame, openByHand, startRawWebSocket } from './raw-websocket.ts';

/** Most of the time is waiting, so the tests wait together. */
tap.jobs = 4;
/** Options of its own for each test: tap keeps the outcome of a test in them. */
const waiting = () => ({ buffered: true });

test(
  'a frame that is under way when the session ends arrives whole, and then the close',
  waiting(),
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
    const { gateway, ada, signOut, clock } = await arrangeLive(t, application);
    const live = await openSocket(t, gateway.url, ada);
    await until('the first part', () => live.bytesRead() > 100_000);
    await signOut();
    clock.wind(2000);
    t.equal(live.socket.readyState, WebSocket.OPEN);
    goOn();
    t.match(await within(live.closed), { code: 4401 });
    t.equal(live.messages.length, 1);
    t.ok(live.messages[0]?.equals(payload));
  },
);

test('a message of several frames is not cut either', waiting(), async (t) => {
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
  const { gateway, ada, signOut } = await arrangeLive(t, application);
  const live = await openSocket(t, gateway.url, ada);
  await until('the first frame', () => live.bytesRead() > 1000);
  await signOut();
  goOn();
  t.match(await within(live.closed), { code: 4401 });
  t.equal(live.messages.length, 1);
  t.ok(live.messages[0]?.equals(Buffer.concat(parts)));
});

test('an application that never stops to send is closed at the end of a message', waiting(), async (t) => {
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
  const { gateway, ada, signOut } = await arrangeLive(t, application);
  const live = await openSocket(t, gateway.url, ada);
  await until('messages', () => live.messages.length > 5);
  await signOut();
  t.match(await within(live.closed), { code: 4401 });
  t.ok(live.messages.every((message) => message.equals(payload)));
});

test('a client that reads slowly gets the message that is under way, and the close', waiting(), async (t) => {
  const bytes = frame(randomBytes(4 << 20));
  const application = await startRawWebSocket(t, (socket) => {
    socket.write(bytes);
    socket.write(bytes);
  });
  const { gateway, ada, signOut } = await arrangeLive(t, application);
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

test(
  'the last words of an application that closes reach a client that reads slowly',
  waiting(),
  async (t) => {
    const lastWords = Buffer.concat([frame(randomBytes(12 << 20)), closeFrame(4000, 'bye')]);
    const application = await startRawWebSocket(t, (socket) => socket.end(lastWords));
    const { gateway, ada } = await arrangeLive(t, application);
    const { closed, frames } = await openByHand(t, gateway.url, ada, 'slow');
    t.equal(await within(closed), 'in order');
    t.equal(frames().length, lastWords.length);
    t.ok(frames().equals(lastWords));
  },
);

test('a client that never stops to send gets the close all the same', waiting(), async (t) => {
  const application = await startLiveApplication(t);
  const { gateway, ada, signOut } = await arrangeLive(t, application);
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

test('a client that ignores the close loses its connection', waiting(), async (t) => {
  const application = await startLiveApplication(t);
  const { gateway, ada, signOut, clock } = await arrangeLive(t, application);
  const { socket, closed, frames } = await openByHand(t, gateway.url, ada, 'stubborn');
  // An empty text frame, masked, again and again: as if nothing had come.
  const sending = setInterval(() => socket.write(Buffer.of(0x81, 0x80, 1, 2, 3, 4)), 20);
  t.teardown(() => clearInterval(sending));
  await signOut();
  await until('the close frame', () => frames().equals(closeFrame(4401, 'the session was ended')));
  clock.wind(6000);
  t.match(await within(closed), /ECONNRESET|EPIPE/);
});

test('an event stream to a client that does not read ends without harm', waiting(), async (t) => {
  const event = `data: ${'x'.repeat(60_000)}\n\n`;
  let unsent = () => 0;
  const application = await arrangeUpstream(t, (request, response) => {
    if (request.url !== '/events') {
      response.end('hello');
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const sending = setInterval(() => response.write(event), 2);
    unsent = () => response.writableLength;
    response.on('close', () => clearInterval(sending));
  });
  const { gateway, ada, signOut, clock } = await arrangeLive(t, application);
  const cookie = ada.copiedCookie();
  const { answer, destroy } = await ada.client.open(`${gateway.url}/events`, { headers: { cookie } });
  t.teardown(destroy);
  await until('everything on the way to be full', () => unsent() > 20 * event.length);
  await signOut();
  t.match(await application.aborted(), { url: '/events' }, 'the application is let go at once');
  clock.wind(1000);
  let text = '';
  answer.on('data', (chunk) => {
    text += String(chunk);
  });
  t.equal(await within(closeOf(answer)), true);
  t.ok(text.length > event.length, 'what was sent arrives');
  t.equal((await ada.client.get(`${gateway.url}/oauth2/userinfo`)).status, 401, 'the gateway is well');
});
