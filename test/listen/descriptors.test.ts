import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { test } from 'tap';
import { systemClock } from '../../src/clock.ts';
import { keepDescriptors } from '../../src/listen/descriptors.ts';
import { listenOnLoopback } from '../support/listening.ts';
import { observeInto } from '../support/observe.ts';
import { until } from '../support/until.ts';

test('connections are turned away while there are descriptors left, and the log says so once', async (t) => {
  const written: string[] = [];
  const { emit } = observeInto((line) => written.push(line));
  const server = createServer();
  keepDescriptors(server, emit, systemClock, 84);
  const { port, open, close } = await listenOnLoopback(server);
  t.teardown(close);
  const clients: Socket[] = [];
  for (let count = 0; count < 25; count++) {
    const client = connect(port, '127.0.0.1');
    client.on('error', () => {});
    clients.push(client);
    await once(client, 'connect');
  }
  const [line] = await until('the line', () => written.length > 0 && written);
  t.equal(open.size, 10, 'two descriptors for each of these, and 64 for the rest');
  t.match(JSON.parse(line ?? ''), { level: 'warn', connections: 10, openFiles: 84 });
  for (const client of clients) client.destroy();
  await until('the end of the connections', () => open.size === 0);
  const next = connect(port, '127.0.0.1');
  await until('a new connection', () => open.size === 1);
  next.destroy();
});
