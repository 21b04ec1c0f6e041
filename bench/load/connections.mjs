import { connect } from 'node:net';

const handshakeKey = 'dGhlIHNhbXBsZSBub25jZQ==';
const message = Buffer.alloc(64, 'x');

/** A masked text frame of 64 bytes, as a client sends it (RFC 6455 §5.2). */
const outgoingFrame = Buffer.concat([Buffer.of(0x81, 0x80 | message.length, 0, 0, 0, 0), message]);
const incomingFrameBytes = 2 + message.length;

/** The head of a request, with the target's headers. */
function head({ port, headers }, path, more) {
  const all = { Host: `127.0.0.1:${port}`, ...headers, ...more };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

/** Sends a head on a new connection; resolves with the connection when the first bytes come back. */
function open(target, text, expected) {
  return new Promise((resolve, reject) => {
    const socket = connect(target.port, '127.0.0.1');
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('a connection was closed early')));
    socket.write(text);
    socket.once('data', (bytes) => {
      const start = bytes.toString('latin1', 0, 40);
      if (start.startsWith(expected)) resolve(socket);
      else reject(new Error(`answered with ${start}`));
    });
  });
}

/** Opens many of something, a few at a time. */
async function openMany(count, openOne) {
  const all = [];
  while (all.length < count) {
    const batch = Math.min(50, count - all.length);
    all.push(...(await Promise.all(Array.from({ length: batch }, openOne))));
  }
  return all;
}

/** Connections that have had one answer and are kept alive. */
export function openKeepAlive(target, count) {
  return openMany(count, () => open(target, head(target, '/1k', {}), 'HTTP/1.1 200'));
}

/** WebSockets after their handshake. */
export function openWebSockets(target, count) {
  const upgrade = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': handshakeKey,
  };
  return openMany(count, () => open(target, head(target, '/ws', upgrade), 'HTTP/1.1 101'));
}

/** Lets every WebSocket send its next message when the echo of the last has come; gives the number of echoes. */
export async function exchangeMessages(sockets, seconds) {
  let echoes = 0;
  let going = true;
  for (const socket of sockets) {
    let received = 0;
    socket.removeAllListeners('data');
    socket.on('data', (bytes) => {
      received += bytes.length;
      while (received >= incomingFrameBytes) {
        received -= incomingFrameBytes;
        echoes++;
        if (going) socket.write(outgoingFrame);
      }
    });
    socket.write(outgoingFrame);
  }
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  going = false;
  return echoes;
}

/** Closes connections without listening to what they say about it. */
export function closeAll(sockets) {
  for (const socket of sockets) {
    socket.removeAllListeners('close');
    socket.destroy();
  }
}
