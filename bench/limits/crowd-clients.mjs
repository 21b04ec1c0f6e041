import { connect } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';

/**
 * Many clients of `crowd.mjs`, in a process of their own: it says how long each waited, and how long the process was held
 * up itself, since a client that is late to look takes its answer for a late one.
 *
 *     node crowd-clients.mjs PORT CLIENTS EVERY_MS SECONDS
 */
const [port, count, everyMs, seconds] = process.argv.slice(2).map(Number);
const request = `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const times = {};
const took = (status, ms) => {
  times[status] ??= [];
  times[status].push(ms);
};

function open() {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket));
    socket.on('error', () => {
      took('broken', 0);
      resolve(undefined);
    });
  });
}

/** The status of one answer, once it is there to its end. */
function ask(socket) {
  socket.write(request);
  let text = '';
  return new Promise((resolve) => {
    const read = (chunk) => {
      text += chunk;
      const end = text.indexOf('\r\n\r\n');
      if (end < 0) return;
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
      if (text.length < end + 4 + length) return;
      socket.off('data', read);
      resolve(text.slice(9, 12));
    };
    socket.on('data', read);
  });
}

async function goOn(socket, end) {
  await pause(Math.random() * everyMs);
  while (performance.now() < end && !socket.destroyed) {
    const begun = performance.now();
    took(await ask(socket), performance.now() - begun);
    await pause(Math.max(0, everyMs - (performance.now() - begun)));
  }
  socket.destroy();
}

const begun = performance.now();
const sockets = (await Promise.all(Array.from({ length: count }, open))).filter(Boolean);
const connectMs = performance.now() - begun;
// What the gateway does for so many new connections at once is another matter than what it does for their requests.
await pause(2000);
const late = monitorEventLoopDelay({ resolution: 1 });
late.enable();
const end = performance.now() + seconds * 1000;
await Promise.all(sockets.map((socket) => goOn(socket, end)));
late.disable();
process.send({ times, connectMs, heldUpMs: late.percentile(99) / 1e6 }, () => process.exit());
