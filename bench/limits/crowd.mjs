import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { leaveProxyCore, proxyCore } from '../machine.mjs';
import { startGateway } from './gateway.mjs';

/**
 * Many clients against `limits.requestsInFlight`, in front of an application that takes 200 ms: how long those wait that
 * are served, beside a gateway with nothing else to do, how soon the rest hear of it, and what memory that takes. The
 * gateway has one core and the clients, in a process of their own, the other. What they see is told beside what the
 * gateway has counted itself, which the clients cannot spoil.
 *
 *     npm run build && node bench/limits/crowd.mjs [clients]
 */
const clients = Number(process.argv[2] ?? 4000);
const seconds = 20;
/** Each client asks once in this time. */
const everyMs = 5000;
const mostInFlight = 100;
const answerMs = 200;

leaveProxyCore();
const upstream = createServer((_request, response) => setTimeout(() => response.end('x'), answerMs));
upstream.listen(0, '127.0.0.1');
await once(upstream, 'listening');
const gateway = await startGateway(
  `http://127.0.0.1:${upstream.address().port}`,
  { limits: { requestsInFlight: mostInFlight, keepAlive: '5m' } },
  proxyCore,
);
const program = fileURLToPath(new URL('crowd-clients.mjs', import.meta.url));

async function run(count, every, forSeconds) {
  const args = [gateway.port, count, every, forSeconds].map(String);
  const before = await countNow();
  const [found] = await once(fork(program, args), 'message');
  const after = await countNow();
  const counted = Object.fromEntries(Object.keys(after).map((name) => [name, after[name] - before[name]]));
  return { ...found, counted };
}

/** Those that are served take 200 ms: what ends sooner was refused. */
async function countNow() {
  return {
    refused: await gateway.counted('sallyport_requests_total', 'status="503"'),
    soon: await gateway.counted('sallyport_request_duration_seconds_bucket', 'le="0.01"'),
  };
}

const at = (all, share) => all.sort((a, b) => a - b)[Math.floor(all.length * share)] ?? Number.NaN;
function say(name, all = []) {
  const within = all.filter((ms) => ms < 10).length;
  console.log(
    `${name.padEnd(22)} ${String(all.length).padStart(6)} requests, median ${at(all, 0.5).toFixed(1)} ms, ` +
      `p99 ${at(all, 0.99).toFixed(1)} ms, the longest ${at(all, 0.9999).toFixed(1)} ms, ` +
      `within 10 ms ${((within / all.length) * 100).toFixed(1)} %`,
  );
}

const alone = await run(20, 300, 10);
const before = gateway.rss();
const crowd = await run(clients, everyMs, seconds);
say('served, unloaded', alone.times['200']);
say('served, in the crowd', crowd.times['200']);
say('refused with 503', crowd.times['503']);
const { refused, soon } = crowd.counted;
console.log(`the gateway itself: ${refused} refused, ${((soon / refused) * 100).toFixed(1)} % within 10 ms`);
console.log(
  `the clients were held up themselves: p99 ${crowd.heldUpMs.toFixed(1)} ms (unloaded ${alone.heldUpMs.toFixed(1)} ms)`,
);
console.log(`to connect ${clients} clients at once took ${crowd.connectMs.toFixed(0)} ms`);
console.log(`broken: ${crowd.times.broken?.length ?? 0}`);
console.log(
  `p99 of the served: ${(at(crowd.times['200'], 0.99) / at(alone.times['200'], 0.99)).toFixed(2)} of the unloaded one`,
);
const mib = (bytes) => (bytes / 1024 / 1024).toFixed(0);
console.log(`memory: ${mib(before)} MiB before, ${mib(gateway.rss())} MiB after ${clients} clients`);
gateway.stop();
upstream.close();
process.exit();
