import { createServer as createNetServer } from 'node:net';
import { fastify } from 'fastify';
import { test } from 'tap';
import { listen } from '../../src/listen/listen.ts';
import { freePort } from '../support/free-port.ts';
import { openRaw } from '../support/raw.ts';

const both = async () => ['127.0.0.1', '::1'];

test('every address of localhost leads to the one server, with all that is set up on it', async (t) => {
  const app = fastify();
  app.get('/', () => 'here');
  const connections: unknown[] = [];
  app.server.on('connection', (socket) => connections.push(socket));
  const port = await freePort();
  t.equal(await listen(app, { host: 'localhost', port }, both), `http://127.0.0.1:${port}`);
  for (const host of ['127.0.0.1', '[::1]']) {
    const connection = await openRaw(`http://${host}:${port}`);
    connection.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await connection.until('here');
    connection.destroy();
  }
  t.equal(connections.length, 2);
  await app.close();
  await t.rejects(openRaw(`http://[::1]:${port}`), { code: 'ECONNREFUSED' }, 'and all of them close');
});

test('one address is enough', async (t) => {
  const taken = createNetServer();
  const port = await new Promise<number>((resolve) => {
    taken.listen(0, '::1', () => resolve((taken.address() as { port: number }).port));
  });
  t.teardown(() => taken.close());
  const app = fastify();
  app.get('/', () => 'here');
  await listen(app, { host: 'localhost', port }, both);
  t.teardown(() => app.close());
  const connection = await openRaw(`http://127.0.0.1:${port}`);
  connection.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await connection.until('here');
  connection.destroy();
});
