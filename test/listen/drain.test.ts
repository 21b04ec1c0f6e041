import { Agent } from 'node:http';
import { type Test, test } from 'tap';
import { sendExactly } from '../forward-auth/ask.ts';
import { arrangeUpstream } from '../support/arrange.ts';
import { makeCertificate } from '../support/certificate.ts';
import { createClient } from '../support/client.ts';
import { createWoundClock } from '../support/clock.ts';
import { freePort } from '../support/free-port.ts';
import { startTestGateway } from '../support/gateway.ts';
import { openRaw, readAnswers } from '../support/raw.ts';
import { until } from '../support/until.ts';

/** Asks until nobody listens any more; what comes at the very moment of it is reset. */
const untilRefused = (ask: () => Promise<unknown>) =>
  until('no new connection', () =>
    ask().then(
      () => false,
      ({ code }: NodeJS.ErrnoException) => code === 'ECONNREFUSED',
    ),
  );

/** A gateway whose time is wound, in front of an upstream that holds what is asked of `/held`. */
async function arrange(t: Test, config: Record<string, unknown> = {}) {
  const held: (() => void)[] = [];
  const upstream = await arrangeUpstream(t, (request, response) => {
    if (request.url === '/half') response.write('the first half, ');
    if (request.url === '/held' || request.url === '/half') held.push(() => response.end('whole'));
    else response.end('whole');
  });
  const clock = createWoundClock();
  const routes = [{ path: '/', upstream: upstream.url, allow: 'public' }];
  const admin = { listen: `127.0.0.1:${await freePort()}` };
  const gateway = await startTestGateway({ config: { routes, admin, ...config }, clock });
  t.teardown(() => {
    for (const release of held) release();
    return gateway.close();
  });
  const client = createClient();
  t.teardown(() => client.close());
  const get = (path: string) => client.get(gateway.url + path);
  const readiness = async () => (await client.get(`${gateway.adminUrl}/readyz`)).json();
  return { gateway, clock, upstream, held, client, get, readiness };
}

const shutdown = { delay: '5s', timeout: '25s' };

test('in shutdown.delay it is not ready, and takes requests whose answers end their connections', async (t) => {
  const { gateway, clock, held, upstream, get, readiness } = await arrange(t, { shutdown });
  const idle = await openRaw(gateway.url);
  const kept = await openRaw(gateway.url);
  const host = new URL(gateway.url).host;
  idle.write(`GET /a HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  await idle.until('whole');
  kept.write(`GET /a HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  await kept.until('whole');
  t.notMatch(idle.received(), /connection: close/i, 'until then they are kept');
  const underWay = [get('/held'), get('/half')];
  await until('both upstream', () => upstream.requests.length === 4);

  let isClosed = false;
  const closing = gateway.close().then(() => {
    isClosed = true;
  });
  t.match(await readiness(), { status: 'unavailable', missing: ['the gateway is stopping'] });
  t.match((await get('/new')).headers, { connection: 'close' }, 'new connections are taken');
  idle.write(`GET /b HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  await idle.closed();
  const answers = readAnswers(idle.received());
  t.same(
    answers.map(({ status, headers }) => [status, Object.fromEntries(headers).connection]),
    [
      [200, 'keep-alive'],
      [200, 'close'],
    ],
    'and so are requests on old ones',
  );
  const unused = await openRaw(gateway.url);
  clock.wind(3000);
  t.equal((await get('/late')).status, 200);
  clock.wind(2000);
  await untilRefused(() => get('/'));
  clock.wind(5000);
  await Promise.all([unused.closed(), kept.closed()]);
  t.notOk(isClosed, 'idle connections are closed, those under way are not');
  for (const release of held) release();
  const [whole, half] = await Promise.all(underWay);
  t.match(whole?.headers, { connection: 'close' });
  t.equal(half?.text, 'the first half, whole');
  await closing;
});

test('what takes longer than shutdown.timeout is cut, the delay included', async (t) => {
  const { gateway, clock, upstream, get } = await arrange(t, { shutdown });
  const answer = get('/half');
  await until('the request upstream', () => upstream.requests.length === 1);
  const cut = t.rejects(answer, 'half an answer looks like one');
  let isClosed = false;
  const closing = gateway.close().then(() => {
    isClosed = true;
  });
  clock.wind(5000);
  await untilRefused(() => get('/'));
  clock.wind(18_500);
  await new Promise((resolve) => setImmediate(resolve));
  t.notOk(isClosed);
  clock.wind(1400);
  await Promise.all([closing, cut]);
  const line = gateway.log.lines.find(({ msg }) => msg.startsWith('connections were still open'));
  t.equal(line?.connections, 1, 'and the log says how many there were');
});

test('a request that waits behind another one in its connection has its answer too', async (t) => {
  const { gateway, clock, held, upstream } = await arrange(t, { shutdown });
  const { host } = new URL(gateway.url);
  const ask = (path: string) => `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
  const connection = await openRaw(gateway.url);
  connection.write(ask('/held') + ask('/2') + ask('/3'));
  await until('the first upstream', () => upstream.requests.length === 1);
  const closing = gateway.close();
  held.shift()?.();
  await connection.closed();
  t.same(
    readAnswers(connection.received()).map(({ headers }) => Object.fromEntries(headers).connection),
    ['keep-alive', 'keep-alive', 'close'],
  );
  clock.wind(5000);
  await closing;
});

test('answers of forward-auth, of refusals and of the own endpoints end their connections too', async (t) => {
  const { gateway, clock } = await arrange(t, { shutdown, trustedProxies: ['127.0.0.1'] });
  const { host } = new URL(gateway.url);
  const closing = gateway.close();
  const agent = new Agent({ keepAlive: true });
  t.teardown(() => agent.destroy());
  const asked = ['X-Forwarded-Host', host, 'X-Forwarded-Uri', '/page'];
  for (const [target, status] of [
    ['/oauth2/auth', 202],
    ['/oauth2/forward-auth', 200],
    ['/oauth2/nowhere', 404],
    ['/a%2', 200],
  ] as const) {
    const answer = await sendExactly(host, { target, headers: asked }, agent);
    t.match([answer.status, answer.headers.connection], [status, 'close'], target);
  }
  const posted = await sendExactly(
    host,
    { method: 'POST', target: '/post', headers: ['Expect', '100-continue'], body: 'hello' },
    agent,
  );
  t.match([posted.status, posted.headers.connection], [200, 'close']);
  clock.wind(5000);
  await closing;
});

test('it is the same over TLS', async (t) => {
  const { cert: ca, certFile: cert, keyFile: key } = await makeCertificate();
  const port = await freePort();
  const { gateway, clock, held, upstream } = await arrange(t, {
    publicUrl: `https://localhost:${port}`,
    listen: { address: `127.0.0.1:${port}`, tls: { cert, key } },
    shutdown,
  });
  const url = `https://localhost:${port}`;
  const client = createClient({ ca });
  t.teardown(() => client.close());
  t.match((await client.get(`${url}/`)).headers, { connection: 'keep-alive' });
  const underWay = client.get(`${url}/held`);
  await until('it upstream', () => upstream.requests.length === 2);
  const closing = gateway.close();
  held.shift()?.();
  t.match((await underWay).headers, { connection: 'close' });
  t.match((await client.get(`${url}/`)).headers, { connection: 'close' });
  const late = client.get(`${url}/held`);
  await until('it upstream', () => upstream.requests.length === 4);
  const unused = await openRaw(url, { ca });
  const mute = await openRaw(gateway.url.replace('https:', 'http:'));
  for (const ms of [5000, 5000, 5000]) {
    clock.wind(ms);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all([unused.closed(), mute.closed()]);
  held.shift()?.();
  t.equal((await late).text, 'whole');
  await closing;
});

test('drain() has others take over and ends nothing', async (t) => {
  const { gateway, get, readiness } = await arrange(t);
  t.match((await get('/')).headers, { connection: 'keep-alive' });
  gateway.drain();
  gateway.drain();
  t.match(await readiness(), { status: 'unavailable', missing: ['the gateway is draining'] });
  for (let at = 0; at < 3; at++) t.match(await get('/'), { status: 200, headers: { connection: 'close' } });
  t.equal(gateway.log.lines.filter(({ msg }) => msg === 'draining').length, 1);
  await gateway.close();
  await t.rejects(get('/'), { code: 'ECONNREFUSED' });
});

test('the configuration in force says how it ends, and an address that comes while it drains does so too', async (t) => {
  const { parseConfig } = await import('../../src/config/load.ts');
  const { gateway, clock, client, get, readiness } = await arrange(t);
  gateway.drain();
  const port = await freePort();
  const yaml = gateway.yaml
    .replace(/^listen: .*$/m, `listen: 127.0.0.1:${port}`)
    .replace(/^session:$/m, 'shutdown: { delay: 1m, timeout: 2m }\nsession:');
  const { config } = parseConfig(yaml, { file: 'sallyport.yaml', env: {} });
  await gateway.adopt(config);
  const { host } = new URL(gateway.url);
  const moved = () => client.get(`http://127.0.0.1:${port}/`, { host });
  t.match(await moved(), { status: 200, headers: { connection: 'close' } });
  await untilRefused(() => get('/'));
  const closing = gateway.close();
  clock.wind(59_000);
  t.match(await moved(), { status: 200 });
  t.match(await readiness(), { missing: ['the gateway is stopping'] });
  await t.rejects(gateway.adopt(config), /is stopping/, 'nothing else is adopted any more');
  clock.wind(1000);
  await closing;
});
