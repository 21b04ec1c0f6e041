import { Socket } from 'node:net';
import { test } from 'tap';
import { Agent, type Dispatcher } from 'undici';
import { systemClock } from '../../src/clock.ts';
import { type ConnectionOptions, createConnector } from '../../src/forward/connector.ts';
import { createTurnEnds } from '../../src/forward/end-of-turn.ts';
import { closeTarget, openTarget, targetAddress } from '../../src/forward/targets.ts';
import type { Teardown } from '../support/arrange.ts';
import { startByteUpstream } from '../support/byte-upstream.ts';

const addressOf = (url: string) =>
  targetAddress(url, { timeout: { connect: 1000, response: 0, idle: 0 }, http2: false }, String);

/** Says of each write to a connection whether it is held back. */
function recordWrites(socket: Socket, wasHeld: boolean[]): void {
  const write = socket.write as (...args: unknown[]) => boolean;
  socket.write = (...args: unknown[]) => {
    wasHeld.push(socket.writableCorked > 0);
    return write.apply(socket, args);
  };
}

/** An agent of undici's with connections of these options, and those that it has opened. */
function arrangeAgent(t: Teardown, url: string, options: Partial<ConnectionOptions> = {}) {
  const opened: Socket[] = [];
  const address = addressOf(url);
  const agent = new Agent({
    connect: createConnector(address, {
      opened: (socket) => opened.push(socket),
      ...options,
    }),
  });
  t.teardown(() => agent.destroy());
  const get = async () => {
    const { statusCode, body } = await agent.request({ origin: address.origin, path: '/', method: 'GET' });
    return { status: statusCode, text: await body.text() };
  };
  return { opened, get };
}

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello';

/** Answers each request on a connection, which stays open. */
const keepsOpen = () =>
  startByteUpstream((socket) => {
    socket.write(ok);
    socket.on('data', () => socket.write(ok));
  });

test('opened: every connection that undici makes is given out once, as it was opened', async (t) => {
  const upstream = await keepsOpen();
  t.teardown(() => upstream.close());
  const { opened, get } = arrangeAgent(t, upstream.url);
  const rounds = 20;
  for (let round = 0; round < rounds; round++) t.same(await get(), { status: 200, text: 'hello' });
  t.ok(opened.length < rounds, 'connections are used again');
  t.equal(opened.length, upstream.accepted);
  t.equal(new Set(opened).size, opened.length);
  for (const socket of opened) {
    t.ok(socket instanceof Socket);
    t.equal(`http://${socket.remoteAddress}:${socket.remotePort}`, upstream.url);
  }
  const read = opened.reduce((sum, { bytesRead }) => sum + bytesRead, 0);
  t.equal(read, rounds * ok.length, 'the answers came over them');
});

test('holdsWrites: what undici writes leaves at the end of the turn, and without it at once', async (t) => {
  for (const holdsWrites of [true, false]) {
    const upstream = await keepsOpen();
    t.teardown(() => upstream.close());
    const wasHeld: boolean[] = [];
    const { opened, get } = arrangeAgent(t, upstream.url, {
      ...(holdsWrites && { holdsWrites: createTurnEnds() }),
      opened(socket) {
        opened.push(socket);
        recordWrites(socket, wasHeld);
      },
    });
    for (let round = 0; round < 3; round++) t.same(await get(), { status: 200, text: 'hello' });
    t.same(wasHeld, [holdsWrites, holdsWrites, holdsWrites], `${holdsWrites}: undici wrote three requests`);
    for (const { writableCorked, writableLength } of opened) t.same([writableCorked, writableLength], [0, 0]);
  }
});

test('repairs: undici reads the repaired answer, and it is asked of each connection', async (t) => {
  const upstream = await startByteUpstream('HTTP/1.1 200 OK\nContent-Length: 5\n\nhello');
  t.teardown(() => upstream.close());
  let isOdd = false;
  const { opened, get } = arrangeAgent(t, upstream.url, {
    repairs: { isNeeded: () => isOdd, clock: systemClock },
  });
  await t.rejects(get(), { name: 'HTTPParserError' });
  isOdd = true;
  t.same(await get(), { status: 200, text: 'hello' });
  isOdd = false;
  await t.rejects(get(), { name: 'HTTPParserError' });
  t.equal(opened.length, 3, 'those that are repaired are given out as they were opened too');
});

test('the connections of a target hold what is written, and those for one request are repaired', async (t) => {
  const upstream = await startByteUpstream('HTTP/1.1 200 OK\nContent-Length: 5\n\nhello');
  t.teardown(() => upstream.close());
  const wasHeld: boolean[] = [];
  const opened: Socket[] = [];
  const target = openTarget(addressOf(upstream.url), {
    opened(socket) {
      opened.push(socket);
      recordWrites(socket, wasHeld);
    },
    clock: systemClock,
    turnEnds: createTurnEnds(),
  });
  t.teardown(() => closeTarget(target));
  const ask = async (dispatcher: Dispatcher) =>
    (await dispatcher.request({ origin: target.origin, path: '/', method: 'GET' })).body.text();
  await t.rejects(ask(target.dispatcher), { name: 'HTTPParserError' });
  t.same(wasHeld, [true]);
  await t.rejects(ask(target.single), { name: 'HTTPParserError' }, 'it is not known as odd');
  target.isOdd = true;
  t.equal(await ask(target.single), 'hello');
  t.equal(opened.length, 3);
});
