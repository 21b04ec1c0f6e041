import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { test } from 'tap';
import { holdUntilEndOfTurn, leaveAtEndOfTurn } from '../../src/forward/end-of-turn.ts';
import { arrangePublic, arrangeUpstream } from '../support/arrange.ts';
import { listenOnLoopback } from '../support/listening.ts';

test('what leaves does so once, after the events of the turn, in order', async (t) => {
  const left: string[] = [];
  leaveAtEndOfTurn({ leave: () => left.push('first') });
  leaveAtEndOfTurn({
    leave() {
      left.push('second');
      leaveAtEndOfTurn({ leave: () => left.push('of the next turn') });
    },
  });
  await Promise.resolve();
  t.strictSame(left, []);
  await new Promise((resolve) => setImmediate(resolve));
  t.strictSame(left, ['first', 'second']);
  await new Promise((resolve) => setImmediate(resolve));
  t.strictSame(left, ['first', 'second', 'of the next turn']);
});

test('writes of one turn leave together, and all of them', async (t) => {
  const chunks: string[] = [];
  const peer = await listenOnLoopback(
    createServer((socket) => socket.on('data', (chunk) => chunks.push(String(chunk)))),
  );
  t.teardown(() => peer.close());
  const socket = connect(peer.port, '127.0.0.1');
  await once(socket, 'connect');
  holdUntilEndOfTurn(socket);
  socket.write('a');
  socket.write(Buffer.from('b'));
  t.equal(socket.writableLength, 2, 'held back');
  await new Promise<void>((resolve) => socket.write('c', 'latin1', () => resolve()));
  t.equal(socket.writableLength, 0);
  await new Promise<void>((resolve) => socket.end('d', () => resolve()));
  while (chunks.join('') !== 'abcd') await new Promise((resolve) => setTimeout(resolve, 5));
  t.equal(chunks[0]?.slice(0, 3), 'abc');
});

test('many requests on one connection are answered whole and in order, small answers and large ones', async (t) => {
  const sizes = [1, 0, 5000, 12 * 1024, 12 * 1024 + 1, 200_000, 3];
  const upstream = await arrangeUpstream(t, (request, response) => {
    const index = Number(request.url?.slice(1));
    const body = String(index % 10).repeat(sizes[index % sizes.length] ?? 0);
    response.end(body);
  });
  const { gateway } = await arrangePublic(t, upstream);
  const count = 70;
  const asked = Array.from({ length: count }, (_, index) => index);
  const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
  const head = `HTTP/1.1\r\nHost: ${new URL(gateway.url).host}\r\n`;
  for (const index of asked) {
    socket.write(`GET /${index} ${head}${index === count - 1 ? 'Connection: close\r\n' : ''}\r\n`);
  }
  let received = '';
  for await (const chunk of socket) received += chunk;
  for (const index of asked) {
    const end = received.indexOf('\r\n\r\n') + 4;
    const length = Number(/content-length: (\d+)/i.exec(received.slice(0, end))?.[1]);
    t.equal(length, sizes[index % sizes.length], `answer ${index} has its length`);
    t.equal(received.slice(end, end + length), String(index % 10).repeat(length), 'and its body');
    received = received.slice(end + length);
  }
  t.equal(received, '');
});

test('a client that leaves before its answer does disturbs nobody', async (t) => {
  const upstream = await arrangeUpstream(t, (_request, response) => response.end('x'.repeat(500)));
  const { gateway, client } = await arrangePublic(t, upstream);
  const { port, host } = new URL(gateway.url);
  for (let round = 0; round < 50; round++) {
    const socket = connect(Number(port), '127.0.0.1');
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    if (round % 2 === 0) setTimeout(() => socket.resetAndDestroy(), round / 10);
    else socket.resetAndDestroy();
    t.equal((await client.get(gateway.url)).status, 200);
  }
});
