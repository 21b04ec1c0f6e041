import { spawnSync } from 'node:child_process';
import { connect } from 'node:net';
import { type Test, test } from 'tap';
import { formatOf } from '../../../src/observe/metrics/exposition.ts';
import { arrangeAdmin } from '../../admin/scene.ts';
import { arrangeGateway, arrangeSignedIn, arrangeUpstream } from '../../support/arrange.ts';
import { freePort } from '../../support/free-port.ts';
import { spawnGateway } from '../../support/spawned-gateway.ts';
import { until } from '../../support/until.ts';
import { floodOf, sendFlood } from './flood.ts';
import { scrape, sumOf } from './scrape.ts';

const admin = { listen: '127.0.0.1:0' };

/** A public page, and one for people of a group. */
async function arrangeRoutes(t: Test) {
  const { url: upstream } = await arrangeUpstream(t, (request, response) => {
    request.resume();
    response.end('hello');
  });
  return [
    { path: '/', upstream, allow: 'public' },
    { path: '/api', upstream, allow: [{ groups: ['nobody'] }] },
  ];
}

test('promtool and Prometheus find nothing wrong with a scrape, in either format', async (t) => {
  const routes = await arrangeRoutes(t);
  const { gateway, client } = await arrangeGateway(t, { config: { admin, routes } });
  await client.get(`${gateway.url}/x`);
  const plain = await scrape(gateway.adminUrl ?? '');
  t.equal(plain.status, 200);
  t.equal(plain.type, 'text/plain; version=0.0.4; charset=utf-8');
  const { status, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: plain.text });
  t.equal(status, 0, String(stderr));
  const open = await scrape(gateway.adminUrl ?? '', { accept: 'application/openmetrics-text;version=1.0.0' });
  t.equal(open.type, 'application/openmetrics-text; version=1.0.0; charset=utf-8');
  t.match(open.text, '# TYPE sallyport_requests counter');
  t.match(open.text, /\nsallyport_requests_total\{route="\/",/);
  t.notMatch(open.text, 'total_total');
  t.match(open.text, /\n# EOF\n$/);
});

test('the format that is asked for', async (t) => {
  t.equal(formatOf(undefined), 'prometheus');
  t.equal(formatOf('*/*'), 'prometheus');
  t.equal(formatOf('text/plain;version=0.0.4;q=0.5,*/*;q=0.1'), 'prometheus');
  t.equal(
    formatOf('application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5'),
    'openmetrics',
  );
  t.equal(formatOf('application/openmetrics-text; version=0.0.1; q=0.2, text/plain; q=0.9'), 'prometheus');
  t.equal(formatOf('application/openmetrics-text;q=0'), 'prometheus');
});

test('random paths, methods, hosts and users make fewer than 500 series', async (t) => {
  const routes = await arrangeRoutes(t);
  const { gateway } = await arrangeGateway(t, { config: { admin, routes } });
  const before = await scrape(gateway.adminUrl ?? '');
  const seed = Math.floor(Math.random() * 2 ** 31);
  const requests = floodOf(3000, seed);
  t.equal(await sendFlood(gateway.url, requests), requests.length, `seed ${seed}`);
  const after = await scrape(gateway.adminUrl ?? '');
  t.ok(after.values.size < 500, `${before.values.size} series before, ${after.values.size} after`);
  t.ok(sumOf(after.values, 'sallyport_requests_total') >= requests.length);
});

test('what is open is told: requests, WebSockets and event streams', async (t) => {
  const { url: upstream } = await arrangeUpstream(t, (request, response) => {
    if (request.url === '/events') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: x\n\n');
    }
  });
  const routes = [{ path: '/', upstream, allow: 'public' }];
  const { gateway } = await arrangeGateway(t, { config: { admin, routes } });
  const { hostname, port, host } = new URL(gateway.url);
  const open = (path: string) => {
    const socket = connect({ host: hostname, port: Number(port) });
    socket.on('error', () => {});
    socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    return socket;
  };
  const sockets = [open('/events'), open('/slow'), open('/slow')];
  const inFlight = async () => {
    const { values } = await scrape(gateway.adminUrl ?? '');
    return ['http', 'event-stream', 'websocket']
      .map((kind) => sumOf(values, 'sallyport_in_flight', `kind="${kind}"`))
      .join(' ');
  };
  await until('all are open', async () => (await inFlight()) === '2 1 0');
  for (const socket of sockets) socket.destroy();
  await until('none is open', async () => (await inFlight()) === '0 0 0');
  t.pass();
});

test('a person who signs in is counted, and named nowhere', async (t) => {
  const { gateway } = await arrangeSignedIn(t, {
    upstream: (await arrangeUpstream(t)).url,
    config: { admin },
  });
  const { text, values } = await scrape(gateway.adminUrl ?? '');
  t.equal(values.get('sallyport_logins_total{provider="default",result="ok"}'), 1);
  t.equal(values.get('sallyport_provider_up{provider="default"}'), 1);
  t.ok(sumOf(values, 'sallyport_provider_request_duration_seconds_count', 'endpoint="token"') > 0);
  t.notMatch(text, /\bada\b/i);
});

test('a target that takes no connections and a provider that is out are down', async (t) => {
  const gone = `http://127.0.0.1:${await freePort()}`;
  const { gateway, client } = await arrangeGateway(t, {
    config: { admin, routes: [{ path: '/', upstream: gone, allow: 'public' }] },
    awaitProvider: false,
  });
  t.equal((await client.get(`${gateway.url}/`)).status, 502);
  const down = async () => {
    const { values } = await scrape(gateway.adminUrl ?? '');
    return [
      values.get(`sallyport_target_up{route="/",target="${gone}"}`),
      values.get('sallyport_provider_up{provider="default"}'),
    ].join(' ');
  };
  await until('both are down', async () => (await down()) === '0 0');
  t.pass();
});

test('many who ask at once cost what one costs, and get the same', async (t) => {
  let asked = 0;
  const { admin } = await arrangeAdmin(t, {
    token: undefined,
    controls: {
      async metrics(format) {
        asked += 1;
        await new Promise((resolve) => setTimeout(resolve, 300));
        return { type: 'text/plain', text: `${format} ${asked}\n` };
      },
    },
  });
  const answers = await Promise.all(Array.from({ length: 30 }, () => scrape(admin.url)));
  t.strictSame([...new Set(answers.map(({ text }) => text))], ['prometheus 1\n']);
  t.equal((await scrape(admin.url, { accept: 'application/openmetrics-text' })).text, 'openmetrics 2\n');
});

test('metrics that are off are 404', async (t) => {
  const { gateway } = await arrangeGateway(t, { config: { admin, metrics: 'off', upstream: 'http://x' } });
  const { status, text } = await scrape(gateway.adminUrl ?? '');
  t.equal(status, 404);
  t.match(text, 'metrics_off');
});

test('all workers are in one scrape, and the death of one takes nothing away', async (t) => {
  const routes = await arrangeRoutes(t);
  const adminUrl = `http://127.0.0.1:${await freePort()}`;
  const gateway = await spawnGateway({
    config: { admin: { listen: new URL(adminUrl).host }, workers: 2, routes },
    awaitProvider: false,
  });
  t.teardown(() => gateway.stop());
  const count = 60;
  const get = 'GET / HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n';
  const counted = async () =>
    sumOf((await scrape(adminUrl)).values, 'sallyport_requests_total', 'route="/",method="GET",status="200"');
  await sendFlood(gateway.url, Array(count).fill(get), 8);
  await until('all are counted', async () => (await counted()) === count);
  const { values } = await scrape(adminUrl);
  t.equal(sumOf(values, 'sallyport_build_info'), 1);
  const started = values.get('process_start_time_seconds') ?? 0;
  t.ok(Math.abs(started - Date.now() / 1000) < 600, 'one start, not the sum of three');

  const [worker = 0] = workersOf(gateway.pid);
  process.kill(worker, 'SIGKILL');
  await until('another worker is there', () => {
    const now = workersOf(gateway.pid);
    return now.length === 2 && !now.includes(worker);
  });
  t.equal(await counted(), count);

  const [next = 0] = workersOf(gateway.pid);
  await sendFlood(gateway.url, Array(count).fill(get), 8);
  // In order, and without a scrape before: it says by itself what it has counted.
  process.kill(next, 'SIGTERM');
  await until('it has ended', () => !workersOf(gateway.pid).includes(next), 20_000);
  t.equal(await counted(), 2 * count);
});

function workersOf(pid: number): number[] {
  const { stdout } = spawnSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' });
  return stdout.split('\n').map(Number).filter(Boolean);
}
