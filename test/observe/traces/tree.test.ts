import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { test } from 'tap';
import { introspectingEntry, introspectionPath, startIssuer } from '../../bearer/scene.ts';
import { startRawWebSocket } from '../../logout/raw-websocket.ts';
import { arrangePeople } from '../../refresh/people.ts';
import { arrangeGateway, arrangeUpstream } from '../../support/arrange.ts';
import { createClient } from '../../support/client.ts';
import { arrangeCollector, type ReceivedSpan } from '../../support/collector.ts';
import { freePort } from '../../support/free-port.ts';
import { listenOnLoopback } from '../../support/listening.ts';
import { logIn } from '../../support/log-in.ts';
import { startProvider } from '../../support/provider.ts';
import { openRaw } from '../../support/raw.ts';
import { startRedis } from '../../support/redis.ts';
import { checkDefined, lineOf, lineOfNamed, spanKinds } from '../../support/spans.ts';
import { spawnGateway } from '../../support/spawned-gateway.ts';
import { until } from '../../support/until.ts';
import { startTokenProvider } from '../../tokens/scene.ts';

const lines = (spans: readonly ReceivedSpan[], name: string) =>
  spans.filter((span) => span.name === name).map((span) => lineOf(spans, span).join(' < '));

const upstreamCalls = (spans: readonly ReceivedSpan[]) =>
  spans.filter(({ attributes }) => 'sallyport.target' in attributes);

test('a refresh is part of the one request that asks; the lines of its trace say so', async (t) => {
  const collector = await arrangeCollector(t);
  const { gateway, client, expire } = await arrangePeople(t, {
    names: ['ada'],
    config: { tracing: { endpoint: collector.url } },
  });
  expire();
  const ask = () => client('ada').get(gateway.url);
  const answers = await Promise.all([ask(), ask(), ask(), ask()]);
  t.same(
    answers.map(({ status }) => status),
    [200, 200, 200, 200],
  );
  const told = await gateway.log.line(({ msg }) => msg === 'refresh');
  await gateway.close();
  checkDefined(t, collector);
  const { spans } = collector;
  t.same(lines(spans, 'session.refresh'), ['session.refresh < session.open < GET /'], 'one for all of them');
  t.ok(lines(spans, 'POST token').includes('POST token < session.refresh < session.open < GET /'));
  t.equal(told.traceId, spans.find(({ name }) => name === 'session.refresh')?.traceId);
});

test('a refresh that the primary process makes is under the span of the worker', async (t) => {
  const collector = await arrangeCollector(t);
  const provider = await startProvider({ rotateRefreshTokens: true });
  t.teardown(() => provider.stop());
  provider.tamper(async (hit) => {
    if (hit.path !== '/token' || !(await hit.body()).includes('authorization_code')) return hit.pass();
    const original = await hit.original();
    const tokens = { ...(JSON.parse(original.body) as object), expires_in: 1 };
    return hit.send({ ...original, body: JSON.stringify(tokens) });
  });
  const upstream = await arrangeUpstream(t);
  const gateway = await spawnGateway({
    provider,
    upstream,
    config: { workers: 2, tracing: { endpoint: collector.url } },
    env: { OTEL_BSP_SCHEDULE_DELAY: '50' },
  });
  t.teardown(() => gateway.stop());
  const client = createClient();
  t.teardown(() => client.close());
  await logIn(client, gateway.url, 'ada');
  await until('a refresh', async () => {
    await client.get(gateway.url);
    return collector.spans.some(({ name }) => name === 'session.refresh');
  });
  const { spans } = collector;
  const line = 'POST token < session.refresh < session.open < GET /';
  await until('the spans of both processes', () => lines(spans, 'POST token').includes(line));
  const call = spans.find((span) => lineOf(spans, span).join(' < ') === line) as ReceivedSpan;
  const part = spans.find(({ spanId }) => spanId === call.parentSpanId) as ReceivedSpan;
  const processOf = ({ resource }: ReceivedSpan) => resource['process.pid'];
  t.equal(processOf(call), gateway.pid, 'the primary process asked');
  t.not(processOf(part), gateway.pid, 'a worker had asked it to');
  await gateway.stop();
  checkDefined(t, collector);
});

test('a token exchange, and the calls to Redis, are parts of their request', async (t) => {
  const collector = await arrangeCollector(t);
  const provider = await startTokenProvider(t);
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  const upstream = await arrangeUpstream(t);
  const token = { exchange: true, audience: 'https://api.example.com' };
  const { gateway, client } = await arrangeGateway(t, {
    provider,
    config: {
      routes: [{ path: '/', upstream: upstream.url, token }],
      session: { store: redis.url },
      tracing: { endpoint: collector.url },
    },
  });
  await until('readiness', async () => (await client.get(`${gateway.url}/oauth2/health`)).status === 200);
  await logIn(client, gateway.url, 'ada');
  t.equal((await client.get(gateway.url)).status, 200);
  await gateway.close();
  checkDefined(t, collector);
  const { spans } = collector;
  t.ok(lines(spans, 'POST token').includes('POST token < upstream.token < GET /'));
  t.ok(lines(spans, 'redis session-get').includes('redis session-get < session.open < GET /'));
});

test('an access token that is looked up is part of its request', async (t) => {
  const collector = await arrangeCollector(t);
  const provider = await startIssuer();
  t.teardown(() => provider.stop());
  const resource = 'https://opaque.example.com';
  provider.tamper((hit) => {
    if (hit.path !== introspectionPath) return hit.pass();
    const exp = Math.floor(Date.now() / 1000) + 300;
    const body = { active: true, sub: 'ada', aud: resource, iss: provider.issuer, exp };
    return hit.send({ headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  });
  const upstream = await arrangeUpstream(t);
  const { gateway, client } = await arrangeGateway(t, {
    config: {
      provider: undefined,
      bearer: [{ ...introspectingEntry(provider), issuer: provider.issuer, audience: resource }],
      routes: [{ upstream: upstream.url }],
      tracing: { endpoint: collector.url },
    },
  });
  const authorization = `Bearer ${randomBytes(24).toString('base64url')}`;
  t.equal((await client.get(gateway.url, { authorization })).status, 200);
  await gateway.close();
  checkDefined(t, collector);
  const line = ['POST introspection', 'bearer.verify', 'GET /'];
  t.same(lineOfNamed(collector.spans, 'POST introspection'), line);
});

test('each attempt at a target has a span, and a failure has its word', async (t) => {
  const collector = await arrangeCollector(t);
  const upstream = await arrangeUpstream(t);
  const dead = `http://127.0.0.1:${await freePort()}`;
  const { gateway, client } = await arrangeGateway(t, {
    config: {
      routes: [
        { path: '/', upstream: [dead, upstream.url], allow: 'public' },
        { path: '/dead', upstream: dead, allow: 'public' },
      ],
      tracing: { endpoint: collector.url },
    },
  });
  t.equal((await client.get(gateway.url)).status, 200);
  t.equal((await client.get(`${gateway.url}/dead`)).status, 502);
  await gateway.close();
  checkDefined(t, collector);
  const roots = collector.spans.filter(({ kind }) => kind === spanKinds.server);
  const whole = roots.find(({ name }) => name === 'GET /dead') as ReceivedSpan;
  t.match(whole, {
    status: 2,
    attributes: { 'error.type': 'upstream_unreachable', 'sallyport.decision': 'allow' },
  });
  const [failed] = upstreamCalls(collector.spans).filter(({ parentSpanId }) => parentSpanId === whole.spanId);
  t.match(failed, {
    status: 2,
    attributes: { 'error.type': 'upstream_unreachable', 'sallyport.target': dead },
  });
  const good = roots.find(({ name }) => name === 'GET /') as ReceivedSpan;
  const calls = upstreamCalls(collector.spans).filter(({ parentSpanId }) => parentSpanId === good.spanId);
  t.equal(calls.length, calls.some(({ status }) => status === 2) ? 2 : 1);
  t.ok(calls.some(({ attributes }) => attributes['http.response.status_code'] === 200));
});

test('a client that leaves ends its spans, with the word for that', async (t) => {
  const collector = await arrangeCollector(t);
  const silent = createServer(() => {});
  const { url, close } = await listenOnLoopback(silent);
  t.teardown(close);
  const scene = await arrangeGateway(t, {
    config: {
      routes: [{ path: '/', upstream: url, allow: 'public' }],
      tracing: { endpoint: collector.url },
    },
  });
  const asked = new Promise((resolve) => silent.once('request', resolve));
  const raw = await openRaw(scene.gateway.url);
  raw.write(`GET / HTTP/1.1\r\nHost: ${new URL(scene.gateway.url).host}\r\n\r\n`);
  await asked;
  raw.destroy();
  await scene.gateway.log.line(({ status }) => status === 499);
  await scene.gateway.close();
  checkDefined(t, collector);
  const root = collector.spans.find(({ kind }) => kind === spanKinds.server) as ReceivedSpan;
  t.equal(root.attributes['error.type'], 'client_left');
  t.notOk('http.response.status_code' in root.attributes);
  t.equal(upstreamCalls(collector.spans)[0]?.attributes['error.type'], 'client_left');
});

test('a WebSocket has the span of its handshake, which its application is told of', async (t) => {
  const collector = await arrangeCollector(t);
  const upstream = await startRawWebSocket(t, () => {});
  const { gateway } = await arrangeGateway(t, {
    config: {
      routes: [{ path: '/', upstream: upstream.url, allow: 'public' }],
      tracing: { endpoint: collector.url },
    },
  });
  const raw = await openRaw(gateway.url);
  const { host } = new URL(gateway.url);
  const key = randomBytes(16).toString('base64');
  raw.write(
    `GET /ws HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
  );
  await gateway.log.line(({ status }) => status === 101);
  raw.destroy();
  await gateway.log.line(({ msg }) => msg === 'websocket closed');
  await gateway.close();
  checkDefined(t, collector);
  const root = collector.spans.find(({ kind }) => kind === spanKinds.server) as ReceivedSpan;
  t.match(root.attributes, { 'http.response.status_code': 101, 'sallyport.kind': 'websocket' });
  const [call] = upstreamCalls(collector.spans);
  t.match(call, { parentSpanId: root.spanId, attributes: { 'http.response.status_code': 101 } });
  t.ok(upstream.received[0]?.includes(`traceparent: 00-${root.traceId}-${call?.spanId}-01`));
});
