import { test } from 'tap';
import { tracesUrl } from '../../../src/observe/traces/backend.ts';
import { collectorOf, readEnvironment } from '../../../src/observe/traces/environment.ts';

test('without variables spans are sent, and traceparent is taken and sent', async (t) => {
  t.same(readEnvironment({}), {
    isDisabled: false,
    exports: true,
    propagates: true,
    protocol: undefined,
    endpoint: 'http://localhost:4318',
    warnings: [],
  });
  const empty = { OTEL_SDK_DISABLED: '', OTEL_TRACES_EXPORTER: '', OTEL_PROPAGATORS: ' ' };
  t.same(readEnvironment(empty), readEnvironment({}), 'an empty one is none');
});

test('the variables that the library does not read do what the specification says', async (t) => {
  t.match(readEnvironment({ OTEL_SDK_DISABLED: 'True' }), { isDisabled: true });
  t.match(readEnvironment({ OTEL_SDK_DISABLED: '1' }), { isDisabled: false });
  t.match(readEnvironment({ OTEL_TRACES_EXPORTER: 'none' }), { exports: false, warnings: [] });
  t.match(readEnvironment({ OTEL_PROPAGATORS: 'none' }), { propagates: false, warnings: [] });
  t.match(readEnvironment({ OTEL_PROPAGATORS: 'tracecontext, baggage' }), { propagates: true, warnings: [] });
  t.match(readEnvironment({ OTEL_PROPAGATORS: 'b3' }), { propagates: false, warnings: [/b3/] });
  t.match(readEnvironment({ OTEL_TRACES_EXPORTER: 'zipkin' }), { exports: true, warnings: [/zipkin/] });
  const both = { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json' };
  t.match(readEnvironment(both), { protocol: 'http/json', warnings: [] }, 'that of traces counts');
  t.match(readEnvironment({ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }), {
    protocol: undefined,
    warnings: [/grpc/],
  });
});

test('an endpoint without a path has the usual place; one with a path is that place', async (t) => {
  t.equal(tracesUrl('http://collector:4318'), 'http://collector:4318/v1/traces');
  t.equal(tracesUrl('http://collector:4318/'), 'http://collector:4318/v1/traces');
  t.equal(tracesUrl('https://x.example/otlp/v1/traces'), 'https://x.example/otlp/v1/traces');
  t.equal(tracesUrl('https://x.example/?key=1'), 'https://x.example/v1/traces?key=1');
});

test('a collector is named by its origin, whoever says where it is', async (t) => {
  const general = { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://a.example/otlp' };
  const both = {
    ...general,
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://who:word@b.example:4318/x?key=word',
  };
  t.equal(collectorOf({}, readEnvironment({})), 'http://localhost:4318');
  t.equal(collectorOf({}, readEnvironment(general)), 'https://a.example');
  t.equal(collectorOf({}, readEnvironment(both)), 'https://b.example:4318');
  t.equal(
    collectorOf({ endpoint: 'http://c.example:4318/v1/traces' }, readEnvironment(both)),
    'http://c.example:4318',
  );
  t.equal(collectorOf({}, readEnvironment({ OTEL_EXPORTER_OTLP_ENDPOINT: 'none' })), undefined);
});
