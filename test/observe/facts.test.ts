import { type Test, test } from 'tap';
import type { ToldOf } from '../../src/observe/events.ts';
import {
  authenticationOf,
  bytesInOf,
  bytesOutOf,
  clientOf,
  decisionOf,
  gatewayMsOf,
  hostOf,
  reasonOf,
  requestKindOf,
  routeOf,
  targetOf,
  upstreamMsOf,
  upstreamTotalMsOf,
  userAgentOf,
  userOf,
} from '../../src/observe/facts.ts';
import type { OpenSink } from '../../src/observe/sinks/sink.ts';
import { acceptHandshakes, handshake } from '../attack/handshake.ts';
import { arrangeBearer } from '../bearer/scene.ts';
import { arrangeGateway, arrangeUpstream } from '../support/arrange.ts';
import { navigationHeaders } from '../support/client.ts';
import { createWoundClock } from '../support/clock.ts';
import { logIn } from '../support/log-in.ts';
import { startProvider } from '../support/provider.ts';
import { openRaw } from '../support/raw.ts';
import { startRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';
import type { UpstreamHandler } from '../support/upstream.ts';

type Ended = ToldOf<'request-finished' | 'request-left' | 'websocket-closed'>;

/** All that a sink can tell of a request, when it is told of it. */
const factsOf = (event: Ended) => {
  const { exchange, durationMs } = event;
  return {
    kind: event.kind,
    path: 'error' in exchange.destination ? undefined : exchange.destination.target.path,
    status: event.kind === 'request-finished' ? event.status : undefined,
    requestId: exchange.requestId,
    client: clientOf(exchange),
    host: hostOf(exchange),
    userAgent: userAgentOf(exchange),
    user: userOf(exchange),
    route: routeOf(exchange),
    target: targetOf(exchange),
    bytesIn: bytesInOf(exchange),
    bytesOut: bytesOutOf(exchange),
    decision: decisionOf(exchange),
    reason: reasonOf(exchange),
    by: authenticationOf(exchange),
    requestKind: requestKindOf(exchange),
    durationMs,
    gatewayMs: gatewayMsOf(exchange, durationMs),
    upstreamMs: upstreamMsOf(exchange, durationMs),
    upstreamTotalMs: upstreamTotalMsOf(exchange, durationMs),
  };
};

/** A sink that keeps what it is told, and the facts of each request. */
function watching() {
  const facts: ReturnType<typeof factsOf>[] = [];
  const told: Record<string, unknown>[] = [];
  const sink: OpenSink = () => ({
    name: 'watch',
    take(event) {
      if (!('exchange' in event)) told.push({ ...event });
      else if (event.kind !== 'request-refused') facts.push(factsOf(event));
    },
  });
  const of = (path: string) =>
    until(`the end of ${path}`, () => facts.findLast((each) => each.path === path));
  return { sink, facts, told, of };
}

/** A gateway with several kinds of routes, its upstreams, and somebody who may sign in. */
async function arrange(t: Test, handler?: UpstreamHandler, more: Record<string, unknown> = {}) {
  const watch = watching();
  const clock = createWoundClock();
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t, handler);
  const { url } = upstream;
  const routes = [
    { path: '/', upstream: url },
    { path: '/open', upstream: url, allow: 'public' },
    { path: '/admins', upstream: url, allow: [{ groups: ['nobody'] }, { emails: ['x@example.com'] }] },
    { path: '/strong', upstream: url, stepUp: { acr: ['gold'] } },
    { path: '/away', upstream: 'http://127.0.0.1:9', allow: 'public' },
  ];
  const config = { routes, trustedProxies: ['127.0.0.1'], ...more };
  const scene = await arrangeGateway(t, { provider, config, clock, sinks: [watch.sink] });
  return { ...watch, ...scene, upstream, provider, clock };
}

const front = { 'x-forwarded-for': '203.0.113.7', 'user-agent': 'Reader/1.0' };

test('of a request that is forwarded, a sink knows who sent it, what answered and how much passed', async (t) => {
  const { gateway, client, upstream, of } = await arrange(t);
  await logIn(client, gateway.url, 'ada');
  const answer = await client.request(`${gateway.url}/page?q=secret`, {
    method: 'POST',
    headers: { ...front, 'x-request-id': 'mine' },
    body: 'twelve bytes',
  });
  const { host } = new URL(gateway.url);
  t.match(await of('/page'), {
    kind: 'request-finished',
    status: 200,
    requestId: 'mine',
    client: '203.0.113.7',
    host,
    userAgent: 'Reader/1.0',
    user: 'ada',
    route: '/',
    target: upstream.url,
    bytesIn: 12,
    bytesOut: answer.body.length,
    decision: 'allow',
    reason: 'signed in',
    by: 'session',
    requestKind: 'http',
  });
  t.notMatch(JSON.stringify(await of('/page')), 'secret', 'the query is in no fact');
  await client.get(`${gateway.url}/open`);
  t.match(await of('/open'), { client: undefined, reason: 'the route is public', bytesIn: 0 });
});

test('each share of the time is its own', async (t) => {
  const times = { head: 0, body: 0 };
  const { gateway, client, clock, of } = await arrange(t, (request, response) => {
    request.resume().on('end', () => {
      clock.wind(times.head);
      response.writeHead(200, { 'content-length': '8' }).write('half');
      setTimeout(() => {
        clock.wind(times.body);
        response.end('half');
      }, 50);
    });
  });
  Object.assign(times, { head: 40_000, body: 20_000 });
  await client.get(`${gateway.url}/open/slow`, front);
  const { gatewayMs, upstreamMs = 0, upstreamTotalMs = 0, durationMs } = await of('/open/slow');
  t.ok(upstreamMs >= 40_000 && upstreamMs < 50_000, `to the head ${upstreamMs}`);
  t.ok(upstreamTotalMs >= 60_000 && upstreamTotalMs <= durationMs, `in total ${upstreamTotalMs}`);
  t.ok(gatewayMs > 0 && gatewayMs < 10_000, `the gateway's own ${gatewayMs}`);
});

test('where no target answers, the failure ends its share', async (t) => {
  const { gateway, client, of } = await arrange(t);
  const answer = await client.get(`${gateway.url}/away`, front);
  const found = await of('/away');
  t.match(found, { status: 502, target: 'http://127.0.0.1:9', bytesOut: answer.body.length });
  t.equal(found.decision, 'allow', 'it was let pass');
  t.ok((found.upstreamMs ?? -1) >= 0 && found.gatewayMs > 0);
  t.ok(found.gatewayMs + (found.upstreamMs ?? 0) <= found.durationMs);
});

test('what a client waits for counts for nobody but the upstream', async (t) => {
  const { gateway, clock, upstream, of } = await arrange(t, () => {});
  const connection = await openRaw(gateway.url);
  connection.write(`GET /open/left HTTP/1.1\r\nHost: ${new URL(gateway.url).host}\r\n\r\n`);
  await until('the request upstream', () => upstream.requests.find(({ url }) => url === '/open/left'));
  clock.wind(5000);
  connection.destroy();
  const { status, upstreamMs = 0, gatewayMs } = await of('/open/left');
  t.equal(status, 499);
  t.ok(upstreamMs >= 5000, `upstream ${upstreamMs}`);
  t.ok(gatewayMs < 5000, `gateway ${gatewayMs}`);
});

test('each decision has its word and the rule that made it, with nothing of a person in it', async (t) => {
  const { gateway, client, of, facts } = await arrange(t);
  const go = async (path: string, headers = {}) => {
    await client.request(gateway.url + path, { headers: { ...front, ...headers } });
    const { decision, reason, by } = await of(path);
    return [decision, reason, by];
  };
  t.same(await go('/page', navigationHeaders), ['login', 'not signed in: sent to the login', 'none']);
  t.same(await go('/script'), ['deny', 'not signed in', 'none']);
  t.same(await go('/oauth2/nothing'), ['refuse', 'unknown_endpoint', 'none']);
  t.same(await go('/oauth2/sign_in', navigationHeaders), ['answer', "the gateway's own", 'none']);
  await logIn(client, gateway.url, 'ada');
  t.same(await go('/admins/x'), ['deny', 'none holds: allow[0].groups, allow[1].emails', 'session']);
  t.same(await go('/strong/page', navigationHeaders), ['step-up', 'stepUp.acr', 'session']);
  t.same(await go('/strong/script'), ['step-up', 'stepUp.acr', 'session']);
  await client.request(`${gateway.url}/a%2f..%2fadmins`, { headers: front });
  const refused = await until('a refusal', () => facts.findLast((each) => each.path === undefined));
  t.match(refused, { decision: 'refuse', reason: 'ambiguous_path', status: 400, user: undefined });
});

test('bytes that are no HTTP are a refusal of nobody, of whom the address is known', async (t) => {
  const { gateway, facts } = await arrange(t);
  const connection = await openRaw(gateway.url);
  connection.write('NONSENSE\r\n\r\n');
  await connection.closed();
  const found = await until('a refusal', () => facts.find(({ status }) => status === 400));
  t.match(found, { decision: 'refuse', reason: 'malformed_request', by: 'none', host: undefined });
});

test('a program with a token is told from a person with a session', async (t) => {
  const watch = watching();
  const first = await arrangeBearer(t);
  const routes = [{ path: '/', upstream: first.upstream.url }];
  const { gateway, client } = await arrangeGateway(t, {
    provider: first.provider,
    config: {
      routes,
      bearer: [{ issuer: first.provider.issuer, audience: 'https://api.example.com' }],
    },
    sinks: [watch.sink],
  });
  const authorization = `Bearer ${await first.token()}`;
  t.equal((await client.get(`${gateway.url}/api`, { authorization })).status, 200);
  const calls = watch.told.filter(({ kind, endpoint }) => kind === 'provider-called' && endpoint === 'keys');
  t.match(calls, [{ provider: new URL(first.provider.issuer).host, outcome: 'ok' }]);
  t.match(await watch.of('/api'), { by: 'bearer', user: 'ada', decision: 'allow', client: '127.0.0.1' });
});

test('the kinds of requests are told apart: WebSocket, event stream, the question of a proxy', async (t) => {
  const { gateway, client, upstream, of, facts } = await arrange(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: 1\n\n');
  });
  acceptHandshakes(upstream);
  const { host } = new URL(gateway.url);

  const socket = await openRaw(gateway.url);
  socket.write(handshake(host, '/open/socket', ['X-Forwarded-For: 203.0.113.7']));
  await socket.until('\r\n\r\n');
  const shaken = await of('/open/socket');
  t.match(shaken, { kind: 'request-finished', status: 101, requestKind: 'websocket', target: upstream.url });
  socket.write(Buffer.from([0x82, 0x83, 0, 0, 0, 0, 1, 2, 3]));
  await until('the echo', () => socket.received().endsWith('\u0001\u0002\u0003'));
  socket.destroy();
  const closed = await until('its end', () => facts.find(({ kind }) => kind === 'websocket-closed'));
  t.match(closed, { requestId: shaken.requestId, bytesIn: 9, bytesOut: 9, client: '203.0.113.7' });

  const stream = await client.open(`${gateway.url}/open/events`, { headers: front });
  await new Promise((resolve) => stream.answer.once('data', resolve));
  stream.destroy();
  t.match(await of('/open/events'), { requestKind: 'event-stream', bytesOut: 9 });

  await client.request(`${gateway.url}/oauth2/forward-auth`, {
    headers: {
      ...front,
      'x-forwarded-uri': '/open/asked',
      'x-forwarded-method': 'PUT',
      'x-forwarded-host': host,
    },
  });
  t.match(await of('/open/asked'), {
    requestKind: 'forward-auth',
    decision: 'allow',
    target: undefined,
    host,
  });
  const line = await gateway.log.line(({ path }) => path === '/open/asked');
  t.equal(line.method, 'PUT', 'the method is that of the request that was asked about');
});

test('logins, failed ones and sign-outs name their request and where it came from', async (t) => {
  const { gateway, client, told } = await arrange(t);
  const from = { ...navigationHeaders, ...front };
  await client.request(`${gateway.url}/oauth2/callback?code=a&state=forged`, { headers: from });
  const who = { requestId: /./, client: '203.0.113.7' };
  t.match(told.at(-1), { kind: 'login-failed', provider: undefined, code: 'login_cookie_missing', ...who });
  const started = await client.request(`${gateway.url}/page`, { headers: from });
  const state = new URL(started.headers.location ?? '').searchParams.get('state') ?? '';
  const query = new URLSearchParams({ error: 'access_denied', state });
  await client.request(`${gateway.url}/oauth2/callback?${query}`, { headers: from });
  t.match(told.at(-1), { kind: 'login-failed', provider: 'default', ...who });
  await logIn(client, gateway.url, 'ada');
  t.match(
    told.find(({ kind }) => kind === 'login-finished'),
    { provider: 'default', subject: 'ada', requestId: /./ },
  );
  await client.request(`${gateway.url}/oauth2/sign_out`, { headers: from });
  t.match(
    told.find(({ kind }) => kind === 'signed-out'),
    { subject: 'ada', ...who },
  );
  const line = await gateway.log.line(({ msg }) => msg === 'logout');
  t.match(line, who);
});

test('calls to the provider and to the store are told to a sink, and have no line', async (t) => {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  const { gateway, client, told } = await arrange(t, undefined, { session: { store: redis.url } });
  await gateway.log.line(({ msg }) => msg === 'Redis is reachable');
  await logIn(client, gateway.url, 'ada');
  const calls = told.filter(({ kind }) => kind === 'provider-called');
  const endpoints = calls.map(({ endpoint }) => endpoint);
  for (const endpoint of ['discovery', 'token', 'keys'])
    t.ok(endpoints.includes(endpoint), `${endpoint} of ${endpoints}`);
  for (const call of calls) t.match(call, { provider: 'default', outcome: 'ok', ms: Number });
  const asked = told.filter(({ kind }) => kind === 'store-asked');
  for (const operation of ['session-set', 'session-get', 'claim', 'listing'])
    t.ok(
      asked.some((each) => each.operation === operation),
      operation,
    );
  for (const each of asked) t.match(each, { ms: Number });
  t.notMatch(gateway.log.text(), /provider-called|store-asked|token_endpoint/);
});
