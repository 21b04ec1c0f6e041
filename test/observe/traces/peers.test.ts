import { test } from 'tap';
import { arrangeGateway, arrangePublic, arrangeUpstream } from '../../support/arrange.ts';
import { arrangeCollector, type ReceivedSpan } from '../../support/collector.ts';
import { logIn } from '../../support/log-in.ts';
import { startProvider } from '../../support/provider.ts';
import { spanKinds } from '../../support/spans.ts';
import { type Echo, valuesOf } from '../../support/upstream.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const spanId = 'b7ad6b7169203331';
const theirs = `00-${traceId}-${spanId}-01`;

const at = (text: string, name: string) => valuesOf((JSON.parse(text) as Echo).rawHeaders, name);

async function arrange(t: import('tap').Test, trusted: boolean, tracing: Record<string, unknown> = {}) {
  const collector = await arrangeCollector(t);
  const upstream = await arrangeUpstream(t);
  const scene = await arrangeGateway(t, {
    config: {
      routes: [{ path: '/', upstream: upstream.url, allow: 'public' }],
      ...(trusted && { trustedProxies: ['127.0.0.1/32'] }),
      tracing: { endpoint: collector.url, ...tracing },
    },
  });
  const ask = async (headers: Record<string, string | string[]>) =>
    (await scene.client.request(scene.gateway.url, { headers })).text;
  return { ...scene, collector, upstream, ask };
}

test('a trusted front begins the trace: its span is the parent, its state goes on', async (t) => {
  const { gateway, collector, ask } = await arrange(t, true);
  const text = await ask({ traceparent: theirs, tracestate: 'rojo=1,congo=2' });
  await gateway.close();
  const root = collector.spans.find(({ kind }) => kind === spanKinds.server) as ReceivedSpan;
  const up = collector.spans.find(({ attributes }) => 'sallyport.target' in attributes) as ReceivedSpan;
  t.match(root, { traceId, parentSpanId: spanId, traceState: 'rojo=1,congo=2' });
  t.match(up, { traceId, parentSpanId: root.spanId });
  t.same(at(text, 'traceparent'), [`00-${traceId}-${up.spanId}-01`]);
  t.same(at(text, 'tracestate'), ['rojo=1,congo=2']);
});

test('what a trusted front does not record is not recorded here, and goes on', async (t) => {
  const { gateway, collector, ask } = await arrange(t, true);
  const text = await ask({ traceparent: `00-${traceId}-${spanId}-00`, tracestate: 'rojo=1' });
  await gateway.close();
  t.same(
    collector.spans.filter(({ kind }) => kind === spanKinds.server),
    [],
  );
  const [value = ''] = at(text, 'traceparent');
  t.match(value, new RegExp(`^00-${traceId}-[0-9a-f]{16}-00$`));
  t.notOk(value.includes(spanId), 'the parent is the gateway');
  t.same(at(text, 'tracestate'), ['rojo=1']);
});

test('from anybody else a traceparent is replaced, however it is written', async (t) => {
  const { gateway, collector, ask } = await arrange(t, false);
  const tries: Record<string, string | string[]>[] = [
    { traceparent: theirs, tracestate: 'rojo=1' },
    { Traceparent: theirs, TRACESTATE: 'rojo=1' },
    { traceparent: [theirs, theirs] },
    { traceparent: theirs, connection: 'traceparent', tracestate: 'rojo=1' },
    { tracestate: 'rojo=1' },
    { traceparent: 'nonsense' },
  ];
  for (const headers of tries) {
    const text = await ask(headers);
    t.equal(at(text, 'traceparent').length, 1);
    t.match(at(text, 'traceparent')[0], /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    t.notOk(text.includes(traceId) || text.includes('rojo'), JSON.stringify(headers));
  }
  await gateway.close();
  const roots = collector.spans.filter(({ kind }) => kind === spanKinds.server);
  t.equal(roots.length, tries.length);
  t.ok(roots.every((root) => root.parentSpanId === '' && root.traceId !== traceId && root.traceState === ''));
  t.equal(new Set(roots.map((root) => root.traceId)).size, tries.length, 'a trace each');
});

test('what a trusted front says in two voices, or not as the standard has it, is replaced too', async (t) => {
  const { ask } = await arrange(t, true);
  for (const traceparent of [
    [theirs, theirs],
    'nonsense',
    `00-${'0'.repeat(32)}-${spanId}-01`,
    `ff${theirs.slice(2)}`,
  ]) {
    const text = await ask({ traceparent, tracestate: 'rojo=1' });
    t.equal(at(text, 'traceparent').length, 1);
    t.notOk(text.includes(spanId) || text.includes('rojo'), JSON.stringify(traceparent));
  }
});

test('nobody makes the gateway record more than `sampling` says, but a trusted front', async (t) => {
  const { gateway, collector, ask } = await arrange(t, false, { sampling: 0 });
  const text = await ask({ traceparent: theirs });
  t.match(at(text, 'traceparent')[0], /-00$/);
  await gateway.close();
  t.same(
    collector.spans.filter(({ kind }) => kind !== spanKinds.client),
    [],
  );
  const front = await arrange(t, true, { sampling: 0 });
  await front.ask({ traceparent: theirs });
  await front.gateway.close();
  t.equal(front.collector.spans.filter(({ kind }) => kind === spanKinds.server).length, 1);
});

test('a provider is told of no trace', async (t) => {
  const collector = await arrangeCollector(t);
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  const told: string[] = [];
  const asked: string[] = [];
  provider.tamper(async (hit) => {
    asked.push(hit.path);
    for (const name of Object.keys(hit.request.headers))
      if (/^trace|^baggage/.test(name)) told.push(`${hit.path} ${name}`);
    return hit.pass();
  });
  const { gateway, client } = await arrangeGateway(t, {
    provider,
    upstream,
    config: { tracing: { endpoint: collector.url } },
  });
  await logIn(client, gateway.url, 'ada');
  t.ok(asked.includes('/token'));
  t.same(told, []);
});

test('without tracing both headers go on from everybody, as any header does', async (t) => {
  const upstream = await arrangeUpstream(t);
  const { gateway, client } = await arrangePublic(t, upstream);
  const { text } = await client.get(gateway.url, { traceparent: theirs, tracestate: 'rojo=1' });
  t.same(at(text, 'traceparent'), [theirs]);
  t.same(at(text, 'tracestate'), ['rojo=1']);
  const line = await gateway.log.line(({ msg }) => msg === 'request');
  t.notOk('traceId' in line);
});
