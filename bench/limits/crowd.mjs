import { createServer } from 'node:http';
import { connect } from 'node:net';
import { startGateway } from './gateway.mjs';

/**
 * Many clients against `limits.requestsInFlight`, in front of an application that takes 200 ms: how long those wait that
 * are served, beside a gateway with nothing else to do, how soon the rest hear of it, and what memory that takes.
 *
 *     npm run build && node bench/limits/crowd.mjs [clients]
 */
const clients = Number(process.argv[2] ?? 4000);
const seconds = 20;
/** Each client asks once in this time. */
const everyMs = 5000;
const mostInFlight = 100;
const answerMs = 200;

const upstream = createServer((_request, response) => setTimeout(() => response.end('x'), answerMs));
upstream.listen(0, '127.0.0.1');
await new Promise((resolve) => upstream.once('listening', resolve));
const gateway = await startGateway(`http://127.0.0.1:${upstream.address().port}`, {
  limits: { requestsInFlight: mostInFlight, keepAlive: '5m' },
});
const request = `GET / HTTP/1.1\r\nHost: 127.0.0.1:${gateway.port}\r\n\r\n`;

/** A client on one connection, which asks again and again. */
async function startClient(took, every, until, firstIn) {
  const socket = connect(gateway.port, '127.0.0.1');
  socket.on('error', () => took('broken', 0));
  await new Promise((resolve) => socket.once('connect', resolve));
  await new Promise((resolve) => setTimeout(resolve, firstIn));
  while (performance.now() < until()) {
    const begun = performance.now();
    socket.write(request);
    let text = '';
    const status = await new Promise((resolve) => {
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
    const ms = performance.now() - begun;
    took(status, ms);
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, every - ms)));
  }
  socket.destroy();
}

async function run(count, every, forSeconds) {
  const times = {};
  const end = performance.now() + forSeconds * 1000;
  const took = (status, ms) => {
    times[status] ??= [];
    times[status].push(ms);
  };
  await Promise.all(
    Array.from({ length: count }, () => startClient(took, every, () => end, Math.random() * every)),
  );
  return times;
}

const at = (all, share) => all.sort((a, b) => a - b)[Math.floor(all.length * share)] ?? Number.NaN;
function say(name, all = []) {
  console.log(
    `${name.padEnd(22)} ${String(all.length).padStart(6)} requests, median ${at(all, 0.5).toFixed(1)} ms, ` +
      `p99 ${at(all, 0.99).toFixed(1)} ms, the longest ${at(all, 0.9999).toFixed(1)} ms`,
  );
}

const alone = await run(20, 300, 10);
const before = gateway.rss();
const crowd = await run(clients, everyMs, seconds);
say('served, unloaded', alone['200']);
say('served, in the crowd', crowd['200']);
say('refused with 503', crowd['503']);
console.log(`broken: ${crowd.broken?.length ?? 0}`);
console.log(
  `p99 of the served: ${(at(crowd['200'], 0.99) / at(alone['200'], 0.99)).toFixed(2)} of the unloaded one`,
);
const mib = (bytes) => (bytes / 1024 / 1024).toFixed(0);
console.log(`memory: ${mib(before)} MiB before, ${mib(gateway.rss())} MiB after ${clients} clients`);
gateway.stop();
upstream.close();
process.exit();
