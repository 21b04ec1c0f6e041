import { createServer } from 'node:http';
import { Pool } from 'undici';
import { startGateway } from './gateway.mjs';

/**
 * What a refused request costs beside a served one, in time of the gateway's processor.
 *
 *     npm run build && node bench/limits/refused.mjs
 */
const rounds = 5;
const requests = 6400;
const atOnce = 32;
const everyMs = 16;

const upstream = createServer((_request, response) => response.end('x'.repeat(100))).listen(0, '127.0.0.1');
await new Promise((resolve) => upstream.once('listening', resolve));
const gateway = await startGateway(`http://127.0.0.1:${upstream.address().port}`, {
  rateLimit: [{ match: { path: '/refused' }, requests: 1, per: '24h' }],
});
const pool = new Pool(`http://127.0.0.1:${gateway.port}`, { connections: atOnce });

/** So many at a time, and the next ones when that time is over: a gateway that is done sooner does not get more to do. */
async function measure(path, headers, expected) {
  const ask = async () => {
    const { statusCode, body } = await pool.request({ path, method: 'GET', headers });
    await body.dump();
    if (statusCode !== expected) throw new Error(`${path}: ${statusCode}`);
  };
  const before = gateway.cpu();
  for (let sent = 0; sent < requests; sent += atOnce) {
    const pause = new Promise((resolve) => setTimeout(resolve, everyMs));
    await Promise.all(Array.from({ length: atOnce }, ask));
    await pause;
  }
  return ((gateway.cpu() - before) / requests) * 1e6;
}

const median = (all) => all.sort((a, b) => a - b)[all.length >> 1];
const page = { accept: 'text/html', 'sec-fetch-mode': 'navigate' };
/** Each beside one that is served to the same kind of client: a browser sends more headers. */
const kinds = {
  'served, a program': () => measure('/served', {}, 200),
  'refused, problem JSON': () => measure('/refused', {}, 429),
  'served, a browser': () => measure('/served', page, 200),
  'refused, a page': () => measure('/refused', page, 429),
};
const beside = { 'refused, a page': 'served, a browser' };
await (await pool.request({ path: '/refused', method: 'GET' })).body.dump();
for (const run of Object.values(kinds)) await run();
const found = Object.fromEntries(Object.keys(kinds).map((name) => [name, []]));
for (let round = 0; round < rounds; round++)
  for (const [name, run] of Object.entries(kinds)) found[name].push(await run());
for (const [name, all] of Object.entries(found)) {
  const each = median(all);
  const served = median(found[beside[name] ?? 'served, a program']);
  console.log(
    `${name.padEnd(24)} ${each.toFixed(0)} µs of the processor, ${(each / served).toFixed(2)} of a served one`,
  );
}
await pool.destroy();
gateway.stop();
upstream.close();
