import { EventEmitter } from 'node:events';
import type { Server } from 'node:net';
import { test } from 'tap';
import { boundConnections } from '../../src/admin/connections.ts';

test('a network of IPv6 has the connections of one address', (t) => {
  const server = new EventEmitter();
  boundConnections(server as Server);
  const connect = (remoteAddress: string) => {
    const socket = Object.assign(new EventEmitter(), {
      remoteAddress,
      isClosed: false,
      destroy() {
        socket.isClosed = true;
      },
    });
    server.emit('connection', socket);
    return socket;
  };
  const many = Array.from({ length: 64 }, (_, index) => connect(`2001:db8::${index.toString(16)}`));
  t.notOk(many.some(({ isClosed }) => isClosed));
  t.ok(connect('2001:db8::ffff').isClosed, 'another address of the same network');
  t.notOk(connect('2001:db8:0:1::1').isClosed, 'another network');
  many[0]?.emit('close');
  t.notOk(connect('2001:db8::1:1').isClosed, 'there is room again');
  for (let count = 0; count < 64; count++) connect('::ffff:192.0.2.1');
  t.ok(connect('192.0.2.1').isClosed, 'one address of IPv4, in both spellings');
  t.notOk(connect('192.0.2.2').isClosed);
  t.end();
});
