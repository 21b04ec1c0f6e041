import { test } from 'tap';
import { arrangeUpstream } from '../../support/arrange.ts';
import { arrangeCollector } from '../../support/collector.ts';
import { spanKinds } from '../../support/spans.ts';
import { spawnGateway } from '../../support/spawned-gateway.ts';

test('the variables of OpenTelemetry do what the file does not say, and what they cannot is told', async (t) => {
  const collector = await arrangeCollector(t);
  const upstream = await arrangeUpstream(t);
  const start = (tracing: unknown, env: NodeJS.ProcessEnv) =>
    spawnGateway({
      config: { routes: [{ path: '/', upstream: upstream.url, allow: 'public' }], tracing },
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: '20', ...env },
    });
  const ask = async (gateway: { url: string; stop(): Promise<void> }) => {
    const { spans } = collector;
    const from = spans.length;
    await (await fetch(gateway.url)).text();
    await gateway.stop();
    return spans.slice(from).filter(({ kind }) => kind === spanKinds.server);
  };
  const [span] = await ask(
    await start('on', {
      OTEL_SERVICE_NAME: 'front-door',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=blue',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
      OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=t1',
    }),
  );
  t.match(span?.resource, { 'service.name': 'front-door', 'deployment.environment.name': 'blue' });
  const { headers = {} } = collector.requests.at(-1) ?? {};
  t.match(headers, { 'content-type': 'application/json', 'content-encoding': 'gzip', 'x-tenant': 't1' });
  t.same(await ask(await start('on', { OTEL_TRACES_SAMPLER: 'always_off' })), []);
  t.same(await ask(await start('on', { OTEL_SDK_DISABLED: 'true' })), []);
  t.same(await ask(await start('on', { OTEL_TRACES_EXPORTER: 'none' })), []);
  t.same(await ask(await start('off', {})), [], 'they turn nothing on');
  t.equal(
    (await ask(await start({ sampling: 1 }, { OTEL_TRACES_SAMPLER: 'always_off' }))).length,
    1,
    'the file counts',
  );
  const doubted = await start('on', {
    OTEL_TRACES_SAMPLER: 'sometimes',
    OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
  });
  t.teardown(() => doubted.stop());
  await doubted.log.line(({ msg }) => /OTEL_TRACES_SAMPLER/.test(msg));
  await doubted.log.line(({ msg }) => /grpc/.test(msg));
});
