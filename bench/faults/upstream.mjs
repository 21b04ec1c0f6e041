import { createServer } from 'node:net';
import { listenOnLoopback } from '../../dist/test/support/listening.js';
import { oddAnswers } from '../../dist/test/support/old-servers.js';

export const oldServerNames = Object.keys(oddAnswers);
const oldServers = Object.values(oddAnswers);
const plain = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello';
const slowMs = 1000;

/**
 * An upstream that writes literal bytes: `/slow` is answered after a second, `/old/N` as the Nth of the old servers
 * does, which then closes. Another POST is never answered, since its body never comes to its end.
 */
export async function startUpstream() {
  const atWork = new Set();
  let most = 0;
  const server = createServer((socket) => {
    let unread = '';
    let waiting = Promise.resolve();
    socket.on('close', () => atWork.delete(socket));
    socket.on('data', (chunk) => {
      unread += chunk.toString('latin1');
      for (let end = unread.indexOf('\r\n\r\n'); end >= 0; end = unread.indexOf('\r\n\r\n')) {
        const head = unread.slice(0, end);
        unread = unread.slice(end + 4);
        waiting = waiting.then(async () => {
          atWork.add(socket);
          most = Math.max(most, atWork.size);
          await answer(socket, head);
          atWork.delete(socket);
        });
      }
    });
  });
  const listening = await listenOnLoopback(server);
  return {
    port: listening.port,
    close: () => listening.close(),
    /** The most connections that had a request at once; one that is kept or closing costs nothing. */
    most: () => most,
  };
}

async function answer(socket, head) {
  const [, method, path] = /^(\w+) (\S+)/.exec(head) ?? [];
  const old = /^\/old\/(\d+)/.exec(path);
  if (old) {
    socket.end(Buffer.from(oldServers[Number(old[1])] ?? '', 'latin1'));
    return;
  }
  if (method === 'POST') return;
  if (path.startsWith('/slow')) await new Promise((resolve) => setTimeout(resolve, slowMs));
  if (socket.writable) socket.write(plain);
}
