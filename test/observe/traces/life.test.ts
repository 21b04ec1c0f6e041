import { createServer } from 'node:http';
import { test } from 'tap';
import { parseConfig } from '../../../src/config/load.ts';
import { arrangeGateway, arrangeUpstream, type Teardown } from '../../support/arrange.ts';
import { arrangeCollector } from '../../support/collector.ts';
import { listenOnLoopback } from '../../support/listening.ts';
import { checkDefined, spanKinds } from '../../support/spans.ts';
import { spawnGateway } from '../../support/spawned-gateway.ts';
import { until } from '../../support/until.ts';

async function arrange(t: Teardown, tracing: unknown) {
  const upstream = await arrangeUpstream(t);
  const routes = [{ path: '/', upstream: upstream.url, allow: 'public' }];
  return arrangeGateway(t, { config: { routes, tracing } });
}

test('another `tracing` counts from the next request on, and what was begun before is not lost', async (t) => {
  const [first, second] = [await arrangeCollector(t), await arrangeCollector(t)];
  const { gateway, client } = await arrange(t, { endpoint: first.url });
  const goOnWith = (text: string) => {
    const { yaml } = gateway;
    const next = yaml.replace(/^tracing:[\s\S]*?(?=^\S|$(?![\s\S]))/m, text);
    if (!next.includes(text)) throw new Error('the text is not in it');
    return gateway.adopt(parseConfig(next, { file: 'sallyport.yaml', env: {} }).config);
  };
  await client.get(`${gateway.url}/1`);
  await goOnWith(`tracing: { endpoint: "${second.url}", serviceName: other }\n`);
  await client.get(`${gateway.url}/2`);
  const before = await first.span(({ kind }) => kind === spanKinds.server);
  t.equal(before.attributes['url.path'], '/1', 'sent as its successor begins');
  await goOnWith('tracing: off\n');
  const after = await second.span(({ kind }) => kind === spanKinds.server);
  t.match(after, { attributes: { 'url.path': '/2' }, resource: { 'service.name': 'other' } });
  await client.get(`${gateway.url}/3`);
  const line = await gateway.log.line(({ path }) => path === '/3');
  t.notOk('traceId' in line);
  await goOnWith(`tracing: { endpoint: "${first.url}" }\n`);
  await client.get(`${gateway.url}/4`);
  await gateway.close();
  const paths = [first, second].map(({ spans }) =>
    spans.filter(({ kind }) => kind === spanKinds.server).map(({ attributes }) => attributes['url.path']),
  );
  t.same(paths, [['/1', '/4'], ['/2']]);
  checkDefined(t, first);
});

test('a collector that refuses or is gone holds up nobody; it is said once, and once that it is back', async (t) => {
  const collector = await arrangeCollector(t);
  collector.status = 400;
  const upstream = await arrangeUpstream(t);
  const gateway = await spawnGateway({
    config: {
      routes: [{ path: '/', upstream: upstream.url, allow: 'public' }],
      tracing: 'on',
    },
    env: {
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url.replace('//', '//who:hidden-word@')}/v1/traces?key=hidden-word`,
      OTEL_BSP_SCHEDULE_DELAY: '20',
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '4',
      OTEL_BSP_MAX_QUEUE_SIZE: '4',
    },
  });
  t.teardown(() => gateway.stop());
  for (let number = 0; number < 40; number++) t.equal((await fetch(gateway.url)).status, 200);
  await until('some messages', () => collector.requests.length > 3);
  collector.status = 200;
  await fetch(gateway.url);
  const back = await gateway.log.line(({ msg }) => msg === 'traces reach the collector again');
  t.ok(Number(back.lost) > 0);
  const said = gateway.log.lines.filter(({ msg }) => /^traces do not reach/.test(msg));
  t.equal(said.length, 1);
  t.match(said[0], { level: 'warn', reason: /\S/, collector: new URL(collector.url).origin });
  t.equal(back.collector, said[0]?.collector);
  t.notMatch(JSON.stringify(gateway.log.lines), 'hidden-word', 'no credentials, and no query');
});

test('at its end a gateway sends what is left', async (t) => {
  const collector = await arrangeCollector(t);
  const { gateway, client } = await arrange(t, { endpoint: collector.url });
  await client.get(gateway.url);
  await gateway.close();
  t.ok(collector.spans.some(({ kind }) => kind === spanKinds.server));
});

test('a collector that never answers does not hold up the end', async (t) => {
  const silent = createServer(() => {});
  const { url, close } = await listenOnLoopback(silent);
  t.teardown(close);
  const upstream = await arrangeUpstream(t);
  const gateway = await spawnGateway({
    config: {
      routes: [{ path: '/', upstream: upstream.url, allow: 'public' }],
      tracing: { endpoint: url },
    },
  });
  t.teardown(() => gateway.stop());
  t.equal((await fetch(gateway.url)).status, 200);
  process.kill(gateway.pid, 'SIGTERM');
  t.same(await gateway.exited, { code: 0, signal: null });
});
