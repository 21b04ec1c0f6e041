import { EventEmitter } from 'node:events';
import type { Server } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { test } from 'tap';
import { boundConnections } from '../../src/admin/connections.ts';

function arrange() {
  const server = new EventEmitter();
  boundConnections(server as Server);
  const connect = (remoteAddress: string | undefined) => {
    const socket = Object.assign(new EventEmitter(), {
      remoteAddress,
      isClosed: false,
      destroy() {
        socket.isClosed = true;
        socket.emit('close');
      },
    });
    server.emit('connection', socket);
    return socket;
  };
  type Connection = ReturnType<typeof connect>;
  const ask = (socket: Connection) => {
    const response = new EventEmitter();
    server.emit('request', { socket }, response);
    return () => response.emit('close');
  };
  /** Until those that are too many have been found. */
  const settle = async () => {
    for (let turn = 0; turn < 4; turn++) await nextTurn();
  };
  const closed = (connections: readonly Connection[]) =>
    connections.filter(({ isClosed }) => isClosed).length;
  return { connect, ask, settle, closed };
}

test('a network of IPv6 has the connections of one address, and its own oldest one gives way', async (t) => {
  const { connect, settle, closed } = arrange();
  const many = Array.from({ length: 64 }, (_, index) => connect(`2001:db8::${index.toString(16)}`));
  const next = connect('2001:db8:0:1::1');
  await settle();
  t.equal(closed([...many, next]), 0);
  const more = connect('2001:db8::ffff');
  await settle();
  t.same([closed(many), many[0]?.isClosed, more.isClosed, next.isClosed], [1, true, false, false]);
  const other = Array.from({ length: 64 }, () => connect('::ffff:192.0.2.1'));
  const same = connect('192.0.2.1');
  await settle();
  t.same([closed(other), other[0]?.isClosed, same.isClosed], [1, true, false], 'both spellings of IPv4');
});

test('what asks, or has asked, stays before what never did', async (t) => {
  const { connect, ask, settle, closed } = arrange();
  const busy = connect('192.0.2.1');
  ask(busy);
  const kept = connect('192.0.2.1');
  ask(kept)();
  const silent = Array.from({ length: 62 }, () => connect('192.0.2.1'));
  const late = Array.from({ length: 62 }, () => connect('192.0.2.1'));
  await settle();
  t.same([busy.isClosed, kept.isClosed, closed(silent), closed(late)], [false, false, 62, 0]);
  for (const each of late) ask(each);
  connect('192.0.2.1');
  connect('192.0.2.1');
  await settle();
  t.same(
    [busy.isClosed, kept.isClosed, closed(late)],
    [false, false, 0],
    'those that came and asked nothing',
  );
});

test('of all together, who has most of them gives way, be it in which order', async (t) => {
  const { connect, settle, closed } = arrange();
  const one = connect('192.0.2.250');
  const many = Array.from({ length: 640 }, (_, index) => connect(`192.0.2.${index % 10}`));
  const probe = connect('192.0.2.251');
  await settle();
  t.same([one.isClosed, probe.isClosed, closed(many)], [false, false, 130]);
});

test('over a Unix socket they count together', async (t) => {
  const { connect, settle, closed } = arrange();
  const many = Array.from({ length: 600 }, () => connect(undefined));
  const probe = connect(undefined);
  await settle();
  t.same([closed(many), probe.isClosed], [89, false]);
});
