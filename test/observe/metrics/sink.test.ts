import { spawnSync } from 'node:child_process';
import { test } from 'tap';
import { parseConfig } from '../../../src/config/load.ts';
import type { Event } from '../../../src/observe/events.ts';
import { definitions, labels } from '../../../src/observe/metrics/definitions.ts';
import { renderMetrics } from '../../../src/observe/metrics/exposition.ts';
import type { Reading } from '../../../src/observe/metrics/meters.ts';
import type { ObservedExchange } from '../../../src/observe/observed-exchange.ts';
import { openObserve } from '../../../src/observe/open-observe.ts';
import { openMetrics } from '../../../src/observe/sinks/metrics.ts';
import { createWoundClock } from '../../support/clock.ts';
import { gatewayYaml } from '../../support/gateway-config.ts';
import { exchange } from '../exchange.ts';
import { readScrape } from './scrape.ts';

function metricsConfig(config: Record<string, unknown> = {}) {
  const yaml = gatewayYaml({ upstream: 'http://legacy', config }, 1);
  return parseConfig(yaml, { file: 'sallyport.yaml', env: {} }).config;
}

/** What counts, and what a scrape of it says. */
function arrange(config: Record<string, unknown> = {}) {
  const { emit, apply, metrics } = openObserve(
    { level: 'silent', pretty: false },
    { clock: createWoundClock(), sinks: [openMetrics] },
  );
  metrics.configure(metricsConfig(config).metrics);
  const text = async () => {
    const read = await metrics.read();
    return read && renderMetrics([read], 'prometheus').text;
  };
  return {
    emit,
    apply,
    metrics,
    text,
    /** The series that are not zero, without those of the process, of Node.js and of buckets. */
    async told() {
      const all = readScrape((await text()) ?? '');
      return [...all]
        .filter(([series, value]) => /^sallyport_/.test(series) && !/_bucket/.test(series) && value !== 0)
        .map(([series, value]) => `${series.slice('sallyport_'.length)} ${+value.toFixed(6)}`);
    },
  };
}

const of = { provider: 'main', user: 'Ada', subject: 'ada', sessionId: 'session-1' };
const at = { requestId: 'id-1', client: '203.0.113.7' };
const error = new Error('it broke');

const rows: [what: string, event: Event, ...told: string[]][] = [
  [
    'a request',
    { kind: 'request-finished', exchange, status: 200, durationMs: 12.5 },
    'requests_total{route="app.example/a",method="GET",status="200",outcome="allow"} 1',
    'decisions_total{route="app.example/a",decision="allow",reason="allow[0] holds"} 1',
    'request_duration_seconds_sum{route="app.example/a"} 0.0125',
    'request_duration_seconds_count{route="app.example/a"} 1',
    'gateway_duration_seconds_sum 0.0006',
    'gateway_duration_seconds_count 1',
    'upstream_duration_seconds_sum{route="app.example/a",target="http://legacy:8080"} 0.01011',
    'upstream_duration_seconds_count{route="app.example/a",target="http://legacy:8080"} 1',
  ],
  [
    'a handshake whose client left',
    {
      kind: 'request-left',
      exchange: { ...exchange, passage: undefined, outcome: undefined },
      durationMs: 2,
    },
    'requests_total{route="app.example/a",method="GET",status="499",outcome="none"} 1',
    'request_duration_seconds_sum{route="app.example/a"} 0.002',
    'request_duration_seconds_count{route="app.example/a"} 1',
    'gateway_duration_seconds_sum 0.002',
    'gateway_duration_seconds_count 1',
  ],
  [
    'an event stream, whose length is no duration',
    {
      kind: 'request-finished',
      exchange: { ...exchange, passage: { isEventStream: true } },
      status: 200,
      durationMs: 3_600_000,
    },
    'requests_total{route="app.example/a",method="GET",status="200",outcome="allow"} 1',
    'decisions_total{route="app.example/a",decision="allow",reason="allow[0] holds"} 1',
    'gateway_duration_seconds_sum 3600',
    'gateway_duration_seconds_count 1',
  ],
  ['a login', { kind: 'login-finished', ...of, ...at }, 'logins_total{provider="main",result="ok"} 1'],
  [
    'a failed login',
    { kind: 'login-failed', provider: undefined, code: 'login_refused', error, ...at },
    'logins_total{provider="unknown",result="login_refused"} 1',
  ],
  [
    'a login that began anew',
    { kind: 'login-restarted', provider: 'main', ...at },
    'logins_total{provider="main",result="restarted"} 1',
  ],
  [
    'a late callback',
    { kind: 'login-late', provider: 'main', reason: 'x', signedIn: true, ...at },
    'logins_total{provider="main",result="late"} 1',
  ],
  [
    'a refresh',
    { kind: 'refresh-finished', renewal: 'refresh', ...of },
    'refreshes_total{provider="main",result="ok"} 1',
  ],
  [
    'a refresh that the provider refuses',
    { kind: 'refresh-failed', renewal: 'refresh', ...of, error },
    'refreshes_total{provider="main",result="failed"} 1',
  ],
  [
    'a refresh while the provider is out',
    { kind: 'refresh-failed', renewal: 'refresh', ...of, error, retryAfter: 4 },
    'refreshes_total{provider="main",result="unavailable"} 1',
  ],
  ['a refresh of claims alone', { kind: 'refresh-finished', renewal: 'refresh of claims', ...of }],
  [
    'a session that ends at a refresh',
    { kind: 'session-ended', ...of, by: 'provider', reason: 'invalid_grant: whatever the provider says' },
    'sessions_ended_total{reason="provider"} 1',
  ],
  [
    'a session that an operator ends',
    { kind: 'session-ended', ...of, by: 'operator', reason: 'x' },
    'sessions_ended_total{reason="operator"} 1',
  ],
  ['sessions that have events of their own', { kind: 'sessions-ended', user: 'ada', sessions: 2 }],
  [
    'sessions in cookies that an operator ends',
    { kind: 'sessions-ended', user: 'ada', sessions: undefined },
    'sessions_ended_total{reason="operator"} 1',
  ],
  [
    'a sign-out',
    { kind: 'signed-out', ...of, everywhere: true, ...at },
    'sessions_ended_total{reason="sign-out"} 1',
  ],
  [
    'a back-channel logout',
    { kind: 'back-channel-logout', provider: 'main', by: 'sid', subject: undefined, ...at },
    'sessions_ended_total{reason="back-channel"} 1',
  ],
  [
    'a front-channel logout',
    { kind: 'front-channel-logout', provider: 'main', origin: 'https://idp', ...at },
    'sessions_ended_total{reason="front-channel"} 1',
  ],
  [
    'a call to a provider',
    {
      kind: 'provider-called',
      provider: 'main',
      endpoint: 'token',
      method: 'POST',
      address: 'https://id.example/token',
      failure: undefined,
      status: 200,
      outcome: 'ok',
      ms: 30,
    },
    'provider_request_duration_seconds_sum{provider="main",endpoint="token"} 0.03',
    'provider_request_duration_seconds_count{provider="main",endpoint="token"} 1',
  ],
  [
    'a command to Redis',
    { kind: 'store-asked', operation: 'session-get', outcome: 'ok', ms: 0.5 },
    'store_duration_seconds_sum{operation="session-get"} 0.0005',
    'store_duration_seconds_count{operation="session-get"} 1',
  ],
  ['a reload', { kind: 'reloaded', by: 'admin', config: 'x' }, 'reloads_total{result="ok"} 1'],
  [
    'a reload that is refused',
    { kind: 'reload-refused', by: 'admin', problems: ['x'] },
    'reloads_total{result="refused"} 1',
  ],
  ['a reload that is off', { kind: 'reload-off', by: 'admin' }, 'reloads_total{result="off"} 1'],
  [
    'lines that nobody read',
    { kind: 'log-lines-dropped', lines: 17, reason: 'x' },
    'log_lines_dropped_total 17',
  ],
];

for (const [what, event, ...expected] of rows) {
  test(`counted: ${what}`, async (t) => {
    const { emit, told } = arrange();
    emit(event);
    t.strictSame((await told()).sort(), expected.sort());
  });
}

test('every counter and histogram has a row here, and every label a meaning', async (t) => {
  const told = rows.flatMap(([, , ...lines]) => lines).join('\n');
  for (const { name, type, labels: named } of Object.values(definitions)) {
    if (type !== 'gauge') t.match(told, name.slice('sallyport_'.length), name);
    for (const label of named) t.ok(labels[label], label);
  }
});

test('buckets hold what is up to their end, and the last one everything', async (t) => {
  const { emit, text } = arrange({ metrics: { buckets: ['10ms', '1s'] } });
  for (const durationMs of [1, 10, 10.1, 1000, 1001, -3, Number.NaN])
    emit({ kind: 'request-finished', exchange, status: 200, durationMs });
  const scraped = readScrape((await text()) ?? '');
  const upTo = (le: string) =>
    scraped.get(`sallyport_request_duration_seconds_bucket{route="app.example/a",le="${le}"}`);
  t.strictSame([upTo('0.01'), upTo('1'), upTo('+Inf')], [4, 6, 7]);
});

test('nothing that a client or an application makes up is a label', async (t) => {
  const { emit, told } = arrange();
  const change = (more: Partial<ObservedExchange>, status = 200) =>
    emit({ kind: 'request-finished', exchange: { ...exchange, ...more }, status, durationMs: 1 });
  change({ method: 'MADEUP' });
  change({ method: '' });
  change({}, 299);
  change({}, 298);
  change({ destination: { error: new Error('/secret/path is odd') }, outcome: undefined });
  const all = (await told()).join('\n');
  t.match(all, 'method="other",status="200",outcome="allow"} 2');
  t.match(all, 'status="2xx",outcome="allow"} 2');
  t.match(all, 'decisions_total{route="none",decision="refuse",reason="internal"} 1');
  t.notMatch(all, /MADEUP|299|secret/);
});

test('of one metric there are no more than 1,000 series, and nothing is lost', async (t) => {
  const { emit, text } = arrange();
  for (let index = 0; index < 3000; index++)
    emit({ kind: 'session-ended', ...of, by: `made up ${index}` as 'operator', reason: 'x' });
  const series = [...readScrape((await text()) ?? '')].filter(([name]) =>
    name.startsWith('sallyport_sessions_ended_total'),
  );
  t.equal(series.length, 1001);
  t.equal(
    series.reduce((sum, [, value]) => sum + value, 0),
    3000,
  );
  t.equal(new Map(series).get('sallyport_sessions_ended_total{reason="other"}'), 2000);
});

test('routes in one, where they are not to be told apart', async (t) => {
  const { emit, told, metrics } = arrange({ metrics: { routeLabel: false } });
  const gauge = (route: string, value: number): Reading => ({
    key: 'targetUp',
    labels: { route, target: 'http://legacy' },
    value,
  });
  metrics.watch(() => [gauge('/', 1), gauge('/api', 0), gauge('/x', 1)]);
  emit({ kind: 'request-finished', exchange, status: 200, durationMs: 1 });
  const all = (await told()).join('\n');
  t.match(all, 'requests_total{route="all",method="GET",status="200",outcome="allow"} 1');
  t.notMatch(all, /app\.example/);
  const scraped = readScrape(
    (await metrics.read().then((read) => renderMetrics([read ?? []], 'prometheus'))).text,
  );
  t.equal(scraped.get('sallyport_target_up{route="all",target="http://legacy"}'), 0);
});

test('a reload turns metrics off and on, and keeps what was counted where only labels change', async (t) => {
  const { emit, apply, text, told } = arrange();
  emit({ kind: 'reload-off', by: 'admin' });
  apply(metricsConfig({ metrics: { routeLabel: false } }));
  t.strictSame(await told(), ['reloads_total{result="off"} 1']);
  apply(metricsConfig({ metrics: 'off' }));
  t.equal(await text(), undefined);
  emit({ kind: 'reload-off', by: 'admin' });
  apply(metricsConfig());
  t.strictSame(await told(), []);
});

test('prom-client is loaded where metrics are on, and nowhere else', async (t) => {
  const meters = new URL('../../../src/observe/metrics/meters.js', import.meta.url);
  const loadedWith = (config: string) => {
    const code = `
      import { createRequire } from 'node:module';
      import { openMeters } from '${meters.href}';
      openMeters().configure(${config});
      const loaded = Object.keys(createRequire('${meters.href}').cache);
      process.stdout.write(String(loaded.some((file) => file.includes('/prom-client/'))));`;
    const args = ['--input-type=module', '-e', code];
    return spawnSync(process.execPath, args, {
      encoding: 'utf8',
      env: { ...process.env, NODE_OPTIONS: '' },
    }).stdout;
  };
  t.equal(loadedWith("'off'"), 'false');
  t.equal(loadedWith('{ buckets: [1], routeLabel: true }'), 'true');
});
