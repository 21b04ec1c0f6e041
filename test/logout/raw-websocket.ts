import { createHash, randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import type { Test } from 'tap';
import { startByteUpstream } from '../support/byte-upstream.ts';
import { until } from '../support/until.ts';
import type { Visitor } from './scene.ts';

/** An application that accepts any WebSocket and then does with the connection what it likes. */
export function startRawWebSocket(t: Test, then: (socket: Socket) => void) {
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
export function frame(payload: Buffer, { last = true, first = true } = {}): Buffer {
  const head = Buffer.alloc(10);
  head[0] = (last ? 0x80 : 0) | (first ? 2 : 0);
  head[1] = 127;
  head.writeBigUInt64BE(BigInt(payload.length), 2);
  return Buffer.concat([head, payload]);
}

/**
 * Opens a WebSocket by hand.
 * @param manner slow: takes a little, rests, and takes a little again; stubborn: leaves its side open when the
 * other side closes
 */
export async function openByHand(t: Test, gatewayUrl: string, visitor: Visitor, manner: 'slow' | 'stubborn') {
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
