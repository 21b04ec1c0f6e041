import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

/**
 * Gives a connection back as if the request had not asked for an upgrade, which a server may ignore (RFC 9110
 * §7.8), for versions of Node that leave no choice. Clients offer `h2c` on ordinary requests; passing that on would open a way
 * around every check. The header itself stays, since what it says of a question counts; it never goes upstream.
 */
export function withoutUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Duplex {
  const { method, url, httpVersion, rawHeaders } = request;
  let text = `${method} ${url} HTTP/${httpVersion}\r\n`;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? '';
    const value = rawHeaders[at + 1] ?? '';
    if (/^connection$/i.test(name)) text += connectionWithoutUpgrade(value);
    else if (!/^http2-settings$/i.test(name)) text += `${name}: ${value}\r\n`;
  }
  socket.removeAllListeners('timeout');
  socket.unshift(Buffer.concat([Buffer.from(`${text}\r\n`, 'latin1'), head]));
  return socket;
}

/** Without this option the parser sees no upgrade (RFC 9110 §7.8). */
function connectionWithoutUpgrade(value: string): string {
  const options = value.split(',').filter((option) => !/^\s*(upgrade|http2-settings)\s*$/i.test(option));
  return options.length > 0 ? `connection: ${options.join(',')}\r\n` : '';
}
