// What metrics cost: of a request, of a scrape, and what a flood makes of them.
// `npm run build && node bench/metrics.mjs [--flood=100000]`.
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { systemClock } from '../dist/src/clock.js';
import { renderMetrics } from '../dist/src/observe/metrics/exposition.js';
import { openMeters } from '../dist/src/observe/metrics/meters.js';
import { openMetrics } from '../dist/src/observe/sinks/metrics.js';
import { exchange } from '../dist/test/observe/exchange.js';
import { floodOf, sendFlood } from '../dist/test/observe/metrics/flood.js';
import { scrape, sumOf } from '../dist/test/observe/metrics/scrape.js';
import { freePort } from '../dist/test/support/free-port.js';
import { startProvider } from '../dist/test/support/provider.js';
import { spawnGateway } from '../dist/test/support/spawned-gateway.js';
import { startUpstream } from '../dist/test/support/upstream.js';
import { median } from './statistics.mjs';

const flood = Number(/--flood=(\d+)/.exec(process.argv.join(' '))?.[1] ?? 100_000);
const config = { buckets: [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 10_000], routeLabel: true };

await ofRequest();
await ofScrape();
await ofRunning();

/** Processor time, in nanoseconds, with eight routes in turn. */
async function ofRequest() {
  const meters = openMeters();
  meters.configure(config);
  const sink = openMetrics({}, { clock: systemClock, emit() {}, meters });
  const events = Array.from({ length: 64 }, (_, at) => ({
    kind: 'request-finished',
    exchange: {
      ...exchange,
      method: ['GET', 'POST', 'PUT'][at % 3],
      destination: {
        target: { path: '/', host: 'app.example' },
        resolution: { kind: 'route', route: { label: `app.example/${at % 8}` } },
      },
    },
    status: [200, 304, 404][at % 3],
    durationMs: at,
  }));
  const times = 500_000;
  const round = () => {
    const before = process.cpuUsage();
    for (let at = 0; at < times; at++) sink.take(events[at & 63]);
    const { user, system } = process.cpuUsage(before);
    return ((user + system) * 1000) / times;
  };
  round();
  const rounds = Array.from({ length: 9 }, round);
  console.log(`a request: ${median(rounds).toFixed(0)} ns (median of 9 rounds of ${times})`);
  console.log(`the same by prom-client alone: ${(await byPromClient(events, times / 10)).toFixed(0)} ns`);
}

/** The counters and histograms of prom-client, with the labels of each request. */
async function byPromClient(events, times) {
  const { Counter, Histogram, Registry } = (await import('prom-client')).default;
  const registers = [new Registry()];
  const make = (Kind, name, labelNames) => new Kind({ name, help: name, labelNames, registers });
  const requests = make(Counter, 'requests', ['route', 'method', 'status', 'outcome']);
  const decisions = make(Counter, 'decisions', ['route', 'decision', 'reason']);
  const duration = make(Histogram, 'duration', ['route']);
  const own = make(Histogram, 'own', []);
  const upstream = make(Histogram, 'upstream', ['route', 'target']);
  const round = () => {
    const before = process.cpuUsage();
    for (let at = 0; at < times; at++) {
      const { exchange, status, durationMs } = events[at & 63];
      const route = exchange.destination.resolution.route.label;
      requests.inc({ route, method: exchange.method, status, outcome: 'allow' });
      decisions.inc({ route, decision: 'allow', reason: exchange.outcome.reason });
      duration.observe({ route }, durationMs / 1000);
      own.observe(0.0006);
      upstream.observe({ route, target: exchange.passage.target }, 0.01);
    }
    const { user, system } = process.cpuUsage(before);
    return ((user + system) * 1000) / times;
  };
  round();
  return median(Array.from({ length: 5 }, round));
}

/** How long the event loop is held by a scrape of about 500 series. */
async function ofScrape() {
  const meters = openMeters();
  meters.configure(config);
  const sink = openMetrics({}, { clock: systemClock, emit() {}, meters });
  for (let at = 0; at < 14; at++) {
    const resolution = { kind: 'route', route: { label: `app.example/${at}` } };
    const destination = { target: { path: '/', host: 'app.example' }, resolution };
    sink.take({
      kind: 'request-finished',
      exchange: { ...exchange, destination },
      status: 200,
      durationMs: at,
    });
  }
  const own = [];
  const whole = [];
  let series = 0;
  for (let at = 0; at < 200; at++) {
    const begun = performance.now();
    const read = await meters.read();
    own.push(performance.now() - begun);
    const { text } = renderMetrics([read], 'prometheus');
    whole.push(performance.now() - begun);
    series = text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
  }
  console.log(
    `a scrape of ${series} series: ${median(whole).toFixed(2)} ms, of which a worker takes ${median(own).toFixed(2)} ms`,
  );
}

/** Of a gateway of two workers, in its own processes: what a flood leaves, and what scraping costs at rest. */
async function ofRunning() {
  const upstream = await startUpstream((request, response) => {
    request.resume();
    response.end('hello');
  });
  const provider = await startProvider();
  const adminUrl = `http://127.0.0.1:${await freePort()}`;
  const routes = [
    { path: '/', upstream: upstream.url, allow: 'public' },
    { path: '/api', upstream: upstream.url, allow: [{ groups: ['nobody'] }] },
  ];
  const gateway = await spawnGateway({
    provider,
    config: {
      admin: { listen: new URL(adminUrl).host },
      workers: 2,
      routes,
      logging: { level: 'error' },
    },
  });
  try {
    const chunk = 10_000;
    let answered = 0;
    for (let sent = 0; sent < flood; sent += chunk)
      answered += await sendFlood(gateway.url, floodOf(Math.min(chunk, flood - sent), sent + 1), 64);
    const { values } = await scrape(adminUrl);
    const requests = sumOf(values, 'sallyport_requests_total');
    console.log(
      `after ${flood} random requests (${answered} answered, ${requests} counted): ${values.size} series`,
    );
    const pairs = [];
    for (let pair = 0; pair < 5; pair++) {
      const idle = await share(gateway.pid, async () => {});
      const scraped = await share(gateway.pid, () => scrape(adminUrl));
      pairs.push(100 * (scraped - idle));
    }
    const each = pairs.map((percent) => percent.toFixed(2)).join(', ');
    console.log(
      `scraped once a second: ${median(pairs).toFixed(2)} % of a core more than at rest, all three processes (pairs: ${each})`,
    );
  } finally {
    await gateway.stop();
    await upstream.close();
    await provider.stop();
  }
}

/** The share of one core that a process and its children take while something is done once a second. */
async function share(pid, once) {
  const seconds = 20;
  const before = runningOf(pid);
  const begun = performance.now();
  for (let second = 1; second <= seconds; second++) {
    await once();
    await wait(Math.max(0, begun + second * 1000 - performance.now()));
  }
  return (runningOf(pid) - before) / (performance.now() - begun);
}

/** Milliseconds that the threads of a process and its children have run. */
function runningOf(pid) {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
  const threads = [pid, ...children].flatMap((each) =>
    readdirSync(`/proc/${each}/task`).map((thread) => `/proc/${each}/task/${thread}/schedstat`),
  );
  return threads.reduce((sum, file) => sum + Number(readFileSync(file, 'utf8').split(' ')[0]), 0) / 1e6;
}
