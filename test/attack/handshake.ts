import type { Upstream } from '../support/upstream.ts';

/** The bytes of a WebSocket handshake (RFC 6455 §4.1). */
export function handshake(host: string, path = '/socket', headers: readonly string[] = []): string {
  const lines = [
    `GET ${path} HTTP/1.1`,
    `Host: ${host}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ...headers,
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** Lets the echo application accept every handshake; gives the raw headers of each. */
export function acceptHandshakes({ server }: Upstream): string[][] {
  const accepted: string[][] = [];
  server.on('upgrade', (request, socket) => {
    accepted.push(request.rawHeaders);
    socket.on('error', () => socket.destroy());
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n',
    );
    socket.pipe(socket);
  });
  return accepted;
}
