import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, installDependencies, root } from './prepare.mjs';

/**
 * `npm run traces`: has a gateway with two workers send its spans to an OpenTelemetry Collector, in both forms of OTLP, and
 * looks at what the collector has written: that each span is where it belongs. The collector is built with Go from
 * scripts/collector; OTELCOL_BIN names another one, which has to have the file exporter, such as otelcol-contrib.
 */
installDependencies();
build(['src', 'test']);
const support = (name) => import(`../dist/test/support/${name}.js`);
const { createClient } = await support('client');
const { spansOfJson } = await support('collector');
const { freePort } = await support('listening');
const { logIn } = await support('log-in');
const { spawnGateway } = await support('spawned-gateway');
const { lineOf } = await support('spans');
const { until } = await support('until');
const { startUpstream, valuesOf } = await support('upstream');
const { startTokenProvider } = await import('../dist/test/tokens/scene.js');

/** A front that is trusted has begun this trace. */
const front = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
const traceparent = `00-${front.traceId}-${front.spanId}-01`;

/** From each span up to its root. */
const expected = [
  'GET discovery',
  'GET /oauth2/start',
  'POST token < GET /oauth2/callback',
  'GET < GET /',
  'session.open < GET /',
  'session.refresh < session.open < GET /',
  'POST token < session.refresh < session.open < GET /',
  'session.open < GET /api',
  'upstream.token < GET /api',
  'POST token < upstream.token < GET /api',
  'GET < GET /api',
];

const program = process.env.OTELCOL_BIN ?? buildCollector();
let failed = 0;
for (const protocol of ['http/protobuf', 'http/json']) failed += (await prove(protocol)) ? 0 : 1;
process.exit(failed === 0 ? 0 : 1);

/** Once for each version of its source. */
function buildCollector() {
  const source = join(root, 'scripts', 'collector');
  const folder = join(tmpdir(), 'sallyport-collector');
  const built = join(folder, 'collector');
  const sum = join(folder, 'go.sum');
  if (existsSync(built) && existsSync(sum) && readFileSync(sum).equals(readFileSync(join(source, 'go.sum'))))
    return built;
  console.error('Building the collector, which takes some minutes …');
  mkdirSync(folder, { recursive: true });
  const { status, error } = spawnSync('go', ['build', '-o', built, '.'], { cwd: source, stdio: 'inherit' });
  if (status !== 0) {
    console.error(`go build failed${error ? `: ${error.message}` : ''}. It needs Go, or OTELCOL_BIN.`);
    process.exit(1);
  }
  writeFileSync(sum, readFileSync(join(source, 'go.sum')));
  return built;
}

async function prove(protocol) {
  const ends = [];
  const scene = { teardown: (end) => ends.unshift(end) };
  try {
    const spans = await record(scene, protocol);
    const lines = spans.map((span) => lineOf(spans, span).join(' < '));
    const missing = expected.filter((line) => !lines.includes(line));
    const faults = [...missing.map((line) => `no span: ${line}`), ...faultsOf(spans)];
    console.log(`\n${protocol}: ${spans.length} spans in the file of the collector`);
    for (const root of rootsOf(spans)) print(spans, root, 1);
    for (const fault of faults) console.log(`FAILED ${fault}`);
    if (faults.length === 0) console.log(`${protocol}: every span is where it belongs`);
    return faults.length === 0;
  } finally {
    for (const end of ends) await end();
  }
}

/** What people do, and the spans that the collector has written of it. */
async function record(scene, protocol) {
  const collector = await startCollector(scene);
  const provider = await startTokenProvider(scene, { rotateRefreshTokens: true });
  endSoon(provider);
  const upstream = await startUpstream();
  scene.teardown(() => upstream.close());
  const token = { exchange: true, audience: 'https://api.example.com' };
  const gateway = await spawnGateway({
    provider,
    config: {
      workers: 2,
      trustedProxies: ['127.0.0.1/32'],
      routes: [
        { path: '/', upstream: upstream.url },
        { path: '/api', upstream: upstream.url, token },
      ],
      tracing: { endpoint: collector.url, protocol },
    },
    env: { OTEL_BSP_SCHEDULE_DELAY: '50' },
  });
  scene.teardown(() => gateway.stop());
  const client = createClient();
  scene.teardown(() => client.close());
  await logIn(client, gateway.url, 'ada');
  await until('a refresh', async () => {
    await client.get(gateway.url);
    return collector.spans().some(({ name }) => name === 'session.refresh');
  });
  const { text } = await client.get(`${gateway.url}/api/reports?token=sesame`, { traceparent });
  collector.told = valuesOf(JSON.parse(text).rawHeaders, 'traceparent');
  await gateway.stop();
  await until('the last spans', () => collector.spans().some(({ traceId }) => traceId === front.traceId));
  return Object.assign(collector.spans(), { told: collector.told });
}

/** The token of the login ends in a second, so that it is refreshed. */
function endSoon(provider) {
  provider.tamper(async (hit) => {
    if (hit.path !== '/token' || !(await hit.body()).includes('authorization_code')) return hit.pass();
    const original = await hit.original();
    return hit.send({ ...original, body: JSON.stringify({ ...JSON.parse(original.body), expires_in: 1 }) });
  });
}

async function startCollector(scene) {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-traces-'));
  scene.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const port = await freePort();
  const [config, file] = ['collector.yaml', 'spans.json'].map((name) => join(folder, name));
  writeFileSync(
    config,
    `receivers: { otlp: { protocols: { http: { endpoint: "127.0.0.1:${port}" } } } }
exporters: { file: { path: ${JSON.stringify(file)}, flush_interval: 100ms } }
service:
  telemetry: { metrics: { level: none } }
  pipelines: { traces: { receivers: [otlp], exporters: [file] } }
`,
  );
  const collector = spawn(program, ['--config', config], { stdio: ['ignore', 'ignore', 'pipe'] });
  const said = [];
  collector.stderr.on('data', (chunk) => said.push(String(chunk)));
  collector.on('exit', (code) => {
    if (code) console.error(`the collector ended with ${code}:\n${said.join('')}`);
  });
  scene.teardown(() => collector.kill());
  const url = `http://127.0.0.1:${port}`;
  await until('the collector', () =>
    fetch(url).then(
      () => true,
      () => false,
    ),
  );
  return { url, spans: () => read(file) };
}

/** Each line is a message of OTLP, in JSON. */
function read(file) {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  // The last one may be on its way.
  return lines.slice(0, -1).flatMap((line) => spansOfJson(JSON.parse(line)));
}

/** What names cannot tell. */
function faultsOf(spans) {
  const faults = [];
  const expect = (holds, what) => {
    if (!holds) faults.push(what);
  };
  const root = spans.find(({ traceId, kind }) => traceId === front.traceId && kind === 2);
  expect(root?.parentSpanId === front.spanId, 'the span of the request is under that of the front');
  const call = spans.find(({ traceId, name }) => traceId === front.traceId && name === 'GET');
  const told = `00-${front.traceId}-${call?.spanId}-01`;
  expect(spans.told.join() === told, 'the application was told of the span of its request');
  const refresh = spans.find(({ name }) => name === 'session.refresh');
  const asked = spans.find(({ parentSpanId }) => parentSpanId === refresh?.spanId);
  const processes = [refresh, asked].map((span) => span?.resource['process.pid']);
  expect(processes[0] !== processes[1], 'the primary process refreshes for its worker');
  expect(new Set(spans.map(({ spanId }) => spanId)).size === spans.length, 'no span comes twice');
  const text = JSON.stringify(spans, (_key, value) => (typeof value === 'bigint' ? String(value) : value));
  expect(!/sesame|code=|Lovelace/.test(text), 'no query and no name of a person is in a span');
  return faults;
}

function rootsOf(spans) {
  const isRoot = ({ parentSpanId }) => !spans.some(({ spanId }) => spanId === parentSpanId);
  return spans.filter(isRoot).sort(byStart);
}

function byStart(one, other) {
  return Number(one.start - other.start);
}

function print(spans, span, depth) {
  const ms = Number(span.end - span.start) / 1e6;
  const { 'process.pid': pid } = span.resource;
  console.log(`${'  '.repeat(depth)}${span.name}  ${ms.toFixed(1)} ms, process ${pid}`);
  const below = spans.filter(
    ({ parentSpanId, traceId }) => parentSpanId === span.spanId && traceId === span.traceId,
  );
  for (const child of below.sort(byStart)) print(spans, child, depth + 1);
}
