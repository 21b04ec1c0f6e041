import { median, ratio } from './statistics.mjs';
import { clientCookie, sharedMemory } from './subjects/apache.mjs';
import { stockPlugin } from './subjects/fastify.mjs';
import { nginx } from './subjects/plain.mjs';
import { cookieStore, publicRoute } from './subjects/sallyport.mjs';

/** What the gateway promises, as ratios that hold on any machine. */
const promises = [
  {
    promise: '1 KiB: CPU against mod_auth_openidc with client cookies',
    scenario: '1k',
    other: clientCookie,
    most: 0.38,
  },
  {
    promise: '1 KiB: CPU against mod_auth_openidc with shared memory',
    scenario: '1k',
    other: sharedMemory,
    most: 0.48,
  },
  { promise: '1 KiB: CPU against bare nginx', scenario: '1k', other: nginx, most: 3.8 },
  {
    promise: '1 KiB: CPU against bare @fastify/http-proxy, which asks nobody',
    scenario: '1k',
    other: stockPlugin,
    most: 1,
  },
  {
    promise: '1 KiB: CPU against the public route, so the price of authentication',
    scenario: '1k',
    other: publicRoute,
    most: 1.2,
  },
  {
    promise: '64 KiB: CPU against mod_auth_openidc with client cookies',
    scenario: '64k',
    other: clientCookie,
    most: 0.5,
  },
  {
    promise: '10 MiB: throughput against bare nginx',
    scenario: '10m',
    other: nginx,
    figure: 'mbPerSecond',
    least: 0.8,
  },
  {
    promise: 'p99 at 2,000 requests a second against mod_auth_openidc with client cookies',
    scenario: 'steady',
    other: clientCookie,
    figure: 'p99',
    most: 1,
  },
];

/** Compares what was measured with the promises; rows of text, with `kept`. */
export function checkPromises(results) {
  return promises.flatMap(({ promise, scenario, other, figure = 'cpuUs', most, least }) => {
    const rounds = results.get(scenario);
    const measured = rounds && ratio(rounds, cookieStore.name, other.name, figure);
    return measured ? [verdict(promise, measured, { most, least })] : [];
  });
}

/** The promises that are not ratios between subjects of the rounds. */
export function checkOtherPromises({ workers, idle }) {
  const rows = [];
  if (workers) {
    const ratios = workers.map((round) => round.get(2).cpuUs / round.get(1).cpuUs);
    rows.push(verdict('2 workers: CPU against one', { median: median(ratios) }, { most: 1.1 }));
  }
  const gateway = idle?.get(cookieStore.name);
  if (gateway) {
    const kib = (bytes) => ({ median: bytes / 1024 });
    rows.push(verdict('an idle keep-alive connection, KiB', kib(gateway.keepAlive), { most: 12 }));
    rows.push(verdict('an idle WebSocket, KiB', kib(gateway.webSocket), { most: 40 }));
  }
  return rows;
}

function verdict(promise, measured, { most, least }) {
  const kept = most === undefined ? measured.median >= least : measured.median <= most;
  return { promise, measured, limit: most === undefined ? `at least ${least}` : `at most ${most}`, kept };
}
