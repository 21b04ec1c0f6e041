import { type Test, test } from 'tap';
import { attributes, type SpanName, spans } from '../../../src/observe/traces/definitions.ts';
import { arrangeGateway, arrangeUpstream } from '../../support/arrange.ts';
import { arrangeCollector, type Collector, type ReceivedSpan } from '../../support/collector.ts';
import { logIn } from '../../support/log-in.ts';
import { startProvider } from '../../support/provider.ts';

const [internal, server, client] = [1, 2, 3];

/** The definition that a span was made by. */
function nameOf({ kind, name, attributes: set }: ReceivedSpan): SpanName {
  if (kind === server) return 'request';
  if (kind === internal) return name as SpanName;
  if ('db.system.name' in set) return 'store';
  return 'sallyport.provider' in set ? 'provider' : 'upstream';
}

/** Whatever a test makes the gateway record, its spans are those that are documented. */
function checkDefined(t: Test, { spans: received }: Collector) {
  for (const span of received) {
    const definition = spans[nameOf(span)];
    t.ok(definition, `${span.name} is documented`);
    const documented: readonly string[] = definition.attributes;
    const unknown = Object.keys(span.attributes).filter((name) => !documented.includes(name));
    t.same(unknown, [], `so are the attributes of ${span.name}`);
    t.ok(span.end >= span.start, `${span.name} ends after it begins`);
  }
}

for (const protocol of ['http/protobuf', 'http/json'] as const) {
  test(`a login and a request are traces of spans, in ${protocol}`, async (t) => {
    const collector = await arrangeCollector(t);
    const provider = await startProvider();
    t.teardown(() => provider.stop());
    const upstream = await arrangeUpstream(t);
    const { gateway, client: person } = await arrangeGateway(t, {
      provider,
      upstream,
      config: { tracing: { endpoint: collector.url, protocol, headers: { 'X-Key': 'k1' } } },
    });
    await logIn(person, gateway.url, 'ada');
    const answer = await person.get(`${gateway.url}/reports?token=sesame`);
    t.equal(answer.status, 200);
    const sent = upstream.requests.find(({ url }) => url === '/reports?token=sesame')?.rawHeaders ?? [];
    const line = await gateway.log.line(({ path }) => path === '/reports');
    await gateway.close();

    t.match(collector.requests[0], { url: '/v1/traces', headers: { 'x-key': 'k1' } });
    checkDefined(t, collector);
    const request = await collector.span(({ name, kind }) => kind === server && name === 'GET /');
    const own = collector.spans.filter(({ traceId }) => traceId === line.traceId);
    const root = own.find(({ kind }) => kind === server) as ReceivedSpan;
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
        'sallyport.decision': 'allow',
        'sallyport.request_id': line.requestId,
      },
      resource: { 'service.name': 'sallyport' },
    });
    t.ok(request);
    const below = own.filter(({ parentSpanId }) => parentSpanId === root.spanId);
    t.same(below.map(({ name }) => name).sort(), ['GET', 'session.open']);
    const up = below.find(({ kind }) => kind === client) as ReceivedSpan;
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

    const callback = collector.spans.find(({ name }) => name === 'GET /oauth2/callback') as ReceivedSpan;
    const calls = collector.spans.filter(({ parentSpanId }) => parentSpanId === callback.spanId);
    t.ok(
      calls.some(({ name }) => name === 'POST token'),
      'the code was exchanged in the course of the callback',
    );
    t.ok(collector.spans.some(({ name }) => name === 'GET discovery'));
    t.ok(collector.requests.every(({ bytes }) => !bytes.includes('sesame') && !bytes.includes('code=')));
    t.ok(Object.keys(attributes).length > 0);
  });
}
