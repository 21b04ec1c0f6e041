import { test } from 'tap';
import { parse, stringify } from 'yaml';
import { parseConfig } from '../../src/config/load.ts';
import { compileGlob, shareOf } from '../../src/observe/sinks/access-log.ts';
import { arrangeGateway, arrangeUpstream, type Teardown } from '../support/arrange.ts';
import type { LogLine } from '../support/gateway.ts';
import { gatewayYaml } from '../support/gateway-config.ts';
import { until } from '../support/until.ts';

/** A gateway whose lines are written as a test says. */
async function arrange(t: Teardown, logging: Record<string, unknown>) {
  const upstream = await arrangeUpstream(t, (request, response) => {
    const status = Number(/\/status\/(\d+)/.exec(request.url ?? '')?.[1] ?? 200);
    response.writeHead(status, { location: '/' }).end();
  });
  const routes = [
    { path: '/', upstream: upstream.url, allow: 'public' },
    { path: '/private', upstream: upstream.url },
  ];
  const { gateway, client } = await arrangeGateway(t, {
    config: { routes, logging, trustedProxies: ['127.0.0.1'] },
  });
  const { host } = new URL(gateway.url);
  const get = (path: string, headers: Record<string, string> = {}) =>
    client.get(gateway.url + path, { host, ...headers });
  /** The requests that had a line, when everything before has been written. */
  const written = async (): Promise<LogLine[]> => {
    await get('/last/status/404');
    await gateway.log.line(({ path }) => path === '/last/status/404');
    return gateway.log.lines.filter(({ msg, path }) => msg === 'request' && path !== '/last/status/404');
  };
  const paths = async () => (await written()).map(({ path }) => path);
  return { gateway, get, written, paths };
}

test('a request that fits all keys of an entry has no line, and any other has one', async (t) => {
  const skip = [
    { path: '/healthz', status: '2xx' },
    { path: '/ping/', userAgent: 'kube-probe/*' },
    { status: 304 },
  ];
  const { get, paths } = await arrange(t, { access: { skip } });
  for (const path of ['/healthz', '/healthz/', '/healthz/db', '/healthz?x=1', '/a/status/304'])
    await get(path);
  for (const path of ['/ping', '/ping/', '/ping/a']) await get(path, { 'user-agent': 'kube-probe/1.34' });
  t.same(await paths(), [], 'skipped');
  const others = ['/healthzz', '/healthz/status/500', '/Healthz', '/x/healthz', '/a/status/305', '/ping/a'];
  for (const path of others) await get(path, { 'user-agent': 'curl/8 kube-probe/1' });
  t.same(await paths(), others, 'not skipped');
});

test('nobody hides a request by spelling its path so that it begins like one that is skipped', async (t) => {
  const { get, paths } = await arrange(t, { access: { skip: [{ path: '/healthz' }] } });
  const odd = [
    '/healthz/../admin',
    '/healthz/%2e%2e/admin',
    '/healthz//admin',
    '/healthz/..;/admin',
    '/healthz/%2fadmin',
    '/healthz/a%00',
    '/healthz/\\..\\admin',
    '/healthz%2f..%2fadmin',
  ];
  for (const path of odd) await get(path);
  t.equal((await paths()).length, odd.length);
});

test('what is refused says so, whatever is skipped', async (t) => {
  const { gateway, get } = await arrange(t, { access: { skip: [{ path: '/' }], sample: 0 } });
  t.equal((await get('/private')).status, 401);
  const line = await gateway.log.line(({ msg }) => msg === 'refused');
  t.match(line, { code: 'not_signed_in', requestId: /./ });
});

test('a share of what went well is written, and all of what did not', async (t) => {
  const { get, written } = await arrange(t, { access: { sample: 0.25 } });
  const ids = Array.from({ length: 200 }, (_, number) => `request-${number}`);
  for (const id of ids) await get('/good', { 'x-request-id': id });
  const good = (await written()).map(({ requestId }) => requestId as string);
  t.ok(good.length > 25 && good.length < 80, `${good.length} of 200`);
  t.same(
    good,
    ids.filter((id) => shareOf(id) < 0.25),
    'by the request id alone',
  );
  for (const id of ids.slice(0, 20)) {
    await get('/status/400', { 'x-request-id': id });
    await get('/status/503', { 'x-request-id': id });
    await get('/private', { 'x-request-id': id });
  }
  const bad = (await written()).filter(({ status }) => status !== 200);
  t.equal(bad.length, 60);
});

test('shares are spread evenly, over random ids and over counted ones', async (t) => {
  for (const idOf of [
    (n: number) => String(n),
    () => crypto.randomUUID(),
    (n: number) => `${n}-${n}-front`,
  ]) {
    const shares = Array.from({ length: 20_000 }, (_, number) => shareOf(idOf(number)));
    for (let tenth = 0; tenth < 10; tenth++) {
      const inside = shares.filter((share) => Math.floor(share * 10) === tenth).length;
      t.ok(inside > 1800 && inside < 2200, `${inside} of 20,000 in tenth ${tenth}`);
    }
  }
});

test('a pattern of user agents takes no longer for a text that is made to', async (t) => {
  const rows: [string, string, boolean][] = [
    ['kube-probe/*', 'kube-probe/1.34', true],
    ['kube-probe/*', 'my kube-probe/1.34', false],
    ['*bot*', 'Googlebot/2.1', true],
    ['*bot*', 'Googleb', false],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['a*b*c', 'a-b-c', true],
    ['a*b*c', 'a-c-b', false],
    ['*', '', true],
    ['curl', 'curl', true],
    ['curl', 'curl/8', false],
    ['a.c', 'abc', false],
  ];
  for (const [pattern, text, fits] of rows) t.equal(compileGlob(pattern)(text), fits, `${pattern} ${text}`);
  const evil = compileGlob(`${'a*'.repeat(30)}b`);
  const begun = performance.now();
  t.equal(evil('a'.repeat(16_000)), false);
  t.ok(performance.now() - begun < 1000);
});

test('headers that are named are in the line, and no credential in them', async (t) => {
  const { gateway, get, written } = await arrange(t, {
    access: { headers: ['Referer', 'Traceparent', 'X-Odd'] },
  });
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  await get('/one', {
    referer: 'https://ada:pass@app.example.com/list?code=s3cr3t#x',
    traceparent,
    'x-odd': `Bearer s3cr3t "\u00e9${'x'.repeat(500)}`,
    'x-other': 'not asked for',
  });
  await get('/two');
  const [one, two] = await written();
  const headers = one?.headers as Record<string, string>;
  t.equal(headers.referer, 'https://app.example.com/list');
  t.equal(headers.traceparent, traceparent);
  t.match(headers['x-odd'], /^Bearer \[redacted\] "/);
  t.equal(headers['x-odd']?.length, 256);
  t.notOk('headers' in (two ?? {}), 'absent where none came');
  t.notMatch(gateway.log.text(), /s3cr3t|ada:pass|not asked for/);
});

test('a header that holds a credential is an error of the configuration, and so is an entry without a key', async (t) => {
  const load = (logging: Record<string, unknown>) =>
    parseConfig(gatewayYaml({ config: { upstream: 'http://127.0.0.1:9', logging } }, 4180), {
      file: 'sallyport.yaml',
      env: {},
    });
  for (const name of [
    'Authorization',
    'proxy-authorization',
    'Cookie',
    'SET-COOKIE',
    'X-Api-Key',
    'X-Auth-Token',
    'X-CSRF-Token',
    'X-Forwarded-Access-Token',
    'Cf-Access-Jwt-Assertion',
    'X-Session-Id',
    'X-Auth',
    'DPoP',
    'X-Client-Secret',
  ])
    t.throws(() => load({ access: { headers: [name] } }), /no credential/, name);
  t.throws(() => load({ access: { headers: ['no name'] } }), /the name of a header/);
  for (const entry of [
    {},
    { path: 'healthz' },
    { path: '/a*' },
    { status: 99 },
    { status: '6xx' },
    { status: 'ok' },
  ])
    t.throws(() => load({ access: { skip: [entry] } }), JSON.stringify(entry));
  for (const sample of [-0.1, 1.1, 'half']) t.throws(() => load({ access: { sample } }), /from 0 to 1/);
  const good = load({
    format: 'combined',
    access: { headers: ['Referer', 'Idempotency-Key', 'X-Author'], sample: 0.5 },
  });
  t.same(good.config.logging.access.headers, ['Referer', 'Idempotency-Key', 'X-Author']);
  const { warnings } = load({ access: { skip: [{ userAgent: 'kube-probe/*' }] } });
  t.match(warnings.join(), 'logging.access.skip[0] has a userAgent and no path');
});

test('another configuration changes what is written from then on', async (t) => {
  const { gateway, get } = await arrange(t, {});
  await get('/before');
  await gateway.log.line(({ path }) => path === '/before');
  const logging = { format: 'combined', access: { skip: [{ path: '/skipped' }] } };
  const yaml = stringify({ ...(parse(gateway.yaml) as object), logging });
  await gateway.adopt(parseConfig(yaml, { file: 'sallyport.yaml', env: {} }).config);
  await get('/skipped');
  await get('/after');
  await until('a line in the new format', () => /"GET \/after HTTP\/1\.1" 200/.test(gateway.log.text()));
  t.notMatch(gateway.log.text(), '/skipped');
});
