import { test } from 'tap';
import { arrangeGateway, arrangeUpstream } from '../../support/arrange.ts';
import { arrangeCollector, type ReceivedSpan } from '../../support/collector.ts';
import { logIn } from '../../support/log-in.ts';
import { startProvider } from '../../support/provider.ts';
import { checkDefined, lineOfNamed, spanKinds } from '../../support/spans.ts';

for (const protocol of ['http/protobuf', 'http/json'] as const) {
  test(`a login and a request are traces, in ${protocol}`, async (t) => {
    const collector = await arrangeCollector(t);
    const provider = await startProvider();
    t.teardown(() => provider.stop());
    const upstream = await arrangeUpstream(t);
    const { gateway, client } = await arrangeGateway(t, {
      provider,
      upstream,
      config: { tracing: { endpoint: collector.url, protocol, headers: { 'X-Key': 'k1' } } },
    });
    await logIn(client, gateway.url, 'ada');
    const answer = await client.get(`${gateway.url}/reports?token=sesame`);
    t.equal(answer.status, 200);
    const sent = upstream.requests.find(({ url }) => url === '/reports?token=sesame')?.rawHeaders ?? [];
    const line = await gateway.log.line(({ path }) => path === '/reports');
    await gateway.close();

    t.match(collector.requests[0], { url: '/v1/traces', headers: { 'x-key': 'k1' } });
    checkDefined(t, collector);
    const own = collector.spans.filter(({ traceId }) => traceId === line.traceId);
    const root = own.find(({ kind }) => kind === spanKinds.server) as ReceivedSpan;
    t.match(root, {
      name: 'GET /',
      parentSpanId: '',
      status: 0,
      attributes: {
        'http.request.method': 'GET',
        'http.route': '/',
        'http.response.status_code': 200,
        'url.path': '/reports',
        'url.scheme': 'http',
        'server.address': '127.0.0.1',
        'server.port': Number(new URL(gateway.url).port),
        'client.address': '127.0.0.1',
        'sallyport.decision': 'allow',
        'sallyport.request_id': line.requestId,
      },
      resource: { 'service.name': 'sallyport' },
    });
    const below = own.filter(({ parentSpanId }) => parentSpanId === root.spanId);
    t.same(below.map(({ name }) => name).sort(), ['GET', 'session.open']);
    const up = below.find(({ kind }) => kind === spanKinds.client) as ReceivedSpan;
    t.match(up.attributes, {
      'http.response.status_code': 200,
      'url.full': `${upstream.url}/reports`,
      'sallyport.target': upstream.url,
    });
    t.equal(
      sent[sent.indexOf('traceparent') + 1],
      `00-${root.traceId}-${up.spanId}-01`,
      'the application is told of the span of its request',
    );
    t.same(lineOfNamed(collector.spans, 'POST token'), ['POST token', 'GET /oauth2/callback']);
    t.ok(lineOfNamed(collector.spans, 'GET discovery').length > 0);
    const lines = gateway.log.lines.filter(({ requestId }) => requestId !== undefined);
    t.ok(lines.every(({ traceId }) => /^[0-9a-f]{32}$/.test(String(traceId))));
    t.ok(
      lines.some(({ msg }) => msg === 'login'),
      'that of the login among them',
    );
  });
}

test('no token, cookie, query, body or name of a person is in a span', async (t) => {
  const collector = await arrangeCollector(t);
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const seen: string[] = [];
  provider.tamper(async (hit) => {
    if (hit.path !== '/token') return hit.pass();
    const original = await hit.original();
    for (const value of Object.values(JSON.parse(original.body) as object))
      if (typeof value === 'string' && value.length > 20) seen.push(value);
    for (const [, value] of new URLSearchParams(await hit.body())) if (value.length > 20) seen.push(value);
    return hit.send(original);
  });
  const upstream = await arrangeUpstream(t);
  const { gateway, client } = await arrangeGateway(t, {
    provider,
    upstream,
    config: { tracing: { endpoint: collector.url } },
  });
  await logIn(client, gateway.url, 'ada');
  const { requests } = upstream;
  await client.request(`${gateway.url}/form?otp=squeamish`, { method: 'POST', body: 'ossifrage' });
  const [last] = requests.slice(-1);
  await gateway.close();
  const bytes = Buffer.concat(collector.requests.map((request) => request.bytes));
  const bearer = last?.rawHeaders.find((value) => value.startsWith('Bearer '))?.slice(7) ?? '';
  t.ok(seen.length > 2 && bearer !== '');
  const secrets = [
    ...seen,
    bearer,
    'squeamish',
    'ossifrage',
    'Lovelace',
    'ada@example.com',
    '__Host-',
    'code=',
  ];
  for (const secret of secrets) t.notOk(bytes.includes(secret), `not ${secret.slice(0, 12)}`);
});
