import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

/**
 * A WebSocket application: it sends every message back as it came. Some text messages are orders: `headers`
 * gives the headers of the handshake, `close CODE REASON` closes, `ping` sends a ping with the payload `are you there`,
 * `flood N` sends N messages of 64 KiB. Of the subprotocols it takes `v2.echo` only; it refuses the path
 * `/refused` with 403. Prints `listening PORT`.
 */
const server = new WebSocketServer({
  host: '127.0.0.1',
  port: 0,
  maxPayload: 256 * 1024 * 1024,
  perMessageDeflate: true,
  handleProtocols: (offered) => (offered.has('v2.echo') ? 'v2.echo' : false),
  verifyClient: ({ req }, decide) =>
    decide(req.url !== '/refused', 403, 'Not here', { 'x-reason': 'closed' }),
});

server.on('connection', (socket, request) => {
  socket.on('error', () => socket.terminate());
  socket.on('pong', (payload) => socket.send(`pong ${payload}`));
  socket.on('message', (message, isBinary) => {
    const text = isBinary ? '' : String(message);
    const [order, first = '', ...rest] = text.length < 200 ? text.split(' ') : [];
    if (order === 'headers') socket.send(JSON.stringify(request.rawHeaders));
    else if (order === 'close') socket.close(Number(first), rest.join(' '));
    else if (order === 'ping') socket.ping('are you there');
    else if (order === 'flood') flood(socket, Number(first));
    else socket.send(message as Buffer, { binary: isBinary });
  });
});

/** Sends as fast as the other side reads. */
function flood(socket: WebSocket, messages: number): void {
  if (messages > 0) {
    socket.send(Buffer.alloc(64 * 1024, messages % 256), () => flood(socket, messages - 1));
  }
}

server.on('listening', () => {
  console.log(`listening ${(server.address() as AddressInfo).port}`);
});
