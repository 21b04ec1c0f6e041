import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { test } from 'tap';
import { createTurnEnds } from '../../src/forward/end-of-turn.ts';
import { arrangePublic, arrangeUpstream } from '../support/arrange.ts';
import { listenOnLoopback } from '../support/listening.ts';
import { openRaw, readAnswers, sendRaw } from '../support/raw.ts';
import { until } from '../support/until.ts';

test('what leaves does so once, after the events of the turn, in order', async (t) => {
  const turnEnds = createTurnEnds();
  const left: string[] = [];
  turnEnds.add({ write: () => left.push('first') });
  turnEnds.add({
    write() {
      left.push('second');
      turnEnds.add({ write: () => left.push('of the next turn') });
    },
  });
  await Promise.resolve();
  t.strictSame(left, []);
  await new Promise((resolve) => setImmediate(resolve));
  t.strictSame(left, ['first', 'second']);
  await new Promise((resolve) => setImmediate(resolve));
  t.strictSame(left, ['first', 'second', 'of the next turn']);
});

test('writes of one turn write together, and all of them', async (t) => {
  const chunks: string[] = [];
  const peer = await listenOnLoopback(
    createServer((socket) => socket.on('data', (chunk) => chunks.push(String(chunk)))),
  );
  t.teardown(() => peer.close());
  const socket = connect(peer.port, '127.0.0.1');
  await once(socket, 'connect');
  createTurnEnds().hold(socket);
  socket.write('a');
  socket.write(Buffer.from('b'));
  t.equal(socket.writableLength, 2, 'held back');
  await new Promise<void>((resolve) => socket.write('c', 'latin1', () => resolve()));
  t.equal(socket.writableLength, 0);
  await new Promise<void>((resolve) => socket.end('d', () => resolve()));
  await until('all that was written', () => chunks.join('') === 'abcd');
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
  const asked = Array.from({ length: 70 }, (_, index) => index);
  const { host } = new URL(gateway.url);
  const received = await sendRaw(
    gateway.url,
    asked.map((index) => `GET /${index} HTTP/1.1\r\nHost: ${host}\r\n\r\n`).join(''),
  );
  const answers = readAnswers(received);
  t.equal(answers.length, asked.length);
  for (const [index, { headers, body }] of answers.entries()) {
    const size = sizes[index % sizes.length] ?? 0;
    t.equal(
      headers.find(([name]) => name === 'content-length')?.[1],
      String(size),
      `answer ${index} has its length`,
    );
    t.equal(body, String(index % 10).repeat(size), 'and its body');
  }
});

test('a client that leaves before its answer does disturbs nobody', async (t) => {
  const upstream = await arrangeUpstream(t, (_request, response) => response.end('x'.repeat(500)));
  const { gateway, client } = await arrangePublic(t, upstream);
  const { host } = new URL(gateway.url);
  for (let round = 0; round < 50; round++) {
    const connection = await openRaw(gateway.url);
    connection.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    if (round % 2 === 0) setTimeout(connection.reset, round / 10);
    else connection.reset();
    t.equal((await client.get(gateway.url)).status, 200);
  }
});
