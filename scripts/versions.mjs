import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { build, installDependencies, root } from './prepare.mjs';

/**
 * `npm run versions -- --before=FOLDER`: an upgrade from the version that stands compiled in that folder, as
 * docs/operations.md describes it, while people use sessions that are refreshed every few seconds. HAProxy gives each of
 * their requests to the next of two instances. Fails when one of them is asked to sign in again.
 */
const { values } = parseArgs({
  options: {
    before: { type: 'string' },
    people: { type: 'string', default: '6' },
    /** Seconds of each step. */
    seconds: { type: 'string', default: '15' },
  },
});
if (!values.before) {
  console.error('Name the folder of the other version: npm run versions -- --before=FOLDER');
  process.exit(2);
}

installDependencies();
build(['src', 'test']);
const { startChild } = await import('../dist/test/support/child.js');
const { createClient } = await import('../dist/test/support/client.js');
const { freePort } = await import('../dist/test/support/free-port.js');
const { gatewayYaml } = await import('../dist/test/support/gateway-config.js');
const { logIn } = await import('../dist/test/support/log-in.js');
const { startProvider } = await import('../dist/test/support/provider.js');
const { startRedis } = await import('../dist/test/support/redis.js');
const { haproxyConfig } = await import('../dist/test/support/rolling.js');
const { startUpstream, valuesOf } = await import('../dist/test/support/upstream.js');
const { withServers } = await import('../dist/test/support/web-servers.js');

const versions = { before: resolve(values.before), now: root };
const ends = [];
const folder = await mkdtemp(join(tmpdir(), 'sallyport-versions-'));
ends.unshift(() => rm(folder, { recursive: true, force: true }));

let failed = 0;
try {
  for (const store of ['cookie', 'redis']) failed += await upgrade(store);
} finally {
  for (const end of ends) await end();
}
process.exit(failed === 0 ? 0 : 1);

/** The steps of an upgrade with one kind of store; gives how many requests were not served as they should be. */
async function upgrade(store) {
  const provider = await startProvider({ ttl: { accessToken: 3 }, rotateRefreshTokens: true });
  const upstream = await startUpstream((incoming, response) => {
    response.end(
      ['x-forwarded-user', 'x-instance'].map((name) => valuesOf(incoming.rawHeaders, name)).join(' '),
    );
  });
  const redis = store === 'redis' ? await startRedis() : undefined;
  ends.unshift(
    () => provider.stop(),
    () => upstream.close(),
    () => redis?.stop(),
  );
  const front = await startFront();
  provider.allowRedirectsTo(front.url);
  const common = {
    publicUrl: front.url,
    session: { secret: Buffer.alloc(32, 7).toString('base64'), store: redis?.url ?? 'cookie' },
    logging: { level: 'warn' },
  };
  const start = async (at, version, form) => {
    const { port, adminPort } = front.places[at];
    const session = { ...common.session, ...(form && { form }) };
    const routes = [{ path: '/', upstream: upstream.url, headers: { 'X-Instance': `${version}${at}` } }];
    const config = { ...common, session, routes, admin: { listen: `127.0.0.1:${adminPort}` } };
    const file = join(folder, `${store}-${at}.yaml`);
    await writeFile(file, gatewayYaml({ provider, config }, port), { mode: 0o600 });
    const main = join(versions[version], 'dist/src/main.js');
    const isReady = async () =>
      (await fetch(`http://127.0.0.1:${adminPort}/readyz`).catch(() => undefined))?.status === 200;
    await front.places[at].child?.stop();
    front.places[at].child = await startChild(
      'env',
      ['-u', 'NODE_OPTIONS', process.execPath, main, 'serve', '-c', file],
      { ready: isReady, readyWithin: 60_000 },
    );
  };
  const steps = [
    ['both of the version before', () => Promise.all([start(0, 'before'), start(1, 'before')])],
    ['one of each version, form 1', () => start(0, 'now', 1)],
    ['both of this version, form 1', () => start(1, 'now', 1)],
    ['one of them without form 1', () => start(0, 'now')],
    ['both of them without form 1', () => start(1, 'now')],
    ['one of them with form 1 again, on the way back', () => start(0, 'now', 1)],
    ['both of them with form 1', () => start(1, 'now', 1)],
    // Whoever uses a session in that time has it in the larger form then.
    ['the same two minutes later', () => {}, 120],
    ['one of each version again', () => start(0, 'before')],
    ['both of the version before again', () => start(1, 'before')],
  ];
  const people = [];
  let all = 0;
  for (const [name, arrange, seconds = Number(values.seconds)] of steps) {
    await arrange();
    // HAProxy takes an instance up after two good answers.
    await wait(1500);
    const count = people.length === 0 ? Number(values.people) : 1;
    for (let more = 0; more < count; more++) people.push(await comes(front.url));
    const refreshes = () => provider.events.filter(({ grantType }) => grantType === 'refresh_token').length;
    const before = refreshes();
    const used = await useFor(seconds, people, front.url, store === 'redis' ? 3 : 1);
    const instances = [...used.instances].map(([instance, times]) => `${times} at ${instance}`).join(', ');
    console.log(
      `${store}, ${name}: ${people.length} people, ${refreshes() - before} refreshes, ${instances}, ` +
        `${used.failures.length} failed`,
    );
    for (const failure of used.failures.slice(0, 5)) console.error(failure);
    all += used.failures.length;
  }
  for (const { client } of people) client.close();
  for (const { child } of front.places) await child.stop();
  return all;
}

async function comes(url) {
  const client = createClient();
  await logIn(client, url, 'ada', { path: '/' });
  return { client };
}

/** Each of them sends requests, some at a time, with the cookies that the last answers brought. */
async function useFor(seconds, people, url, atOnce) {
  const end = performance.now() + seconds * 1000;
  const failures = [];
  const instances = new Map();
  const one = async (client) => {
    const { status, text } = await client.get(`${url}/page`, { accept: 'application/json' });
    const [user, instance] = text.split(' ');
    if (status !== 200 || user !== 'ada') failures.push(`${status} ${text.slice(0, 200)}`);
    else instances.set(instance, (instances.get(instance) ?? 0) + 1);
  };
  await Promise.all(
    people.map(async ({ client }) => {
      while (performance.now() < end) {
        await Promise.all(Array.from({ length: atOnce }, () => one(client)));
        await wait(100);
      }
    }),
  );
  return { failures, instances };
}

/** HAProxy before two places. */
async function startFront() {
  const port = await freePort();
  const places = [];
  for (let at = 0; at < 2; at++)
    places.push({ name: `s${at}`, port: await freePort(), adminPort: await freePort() });
  const file = join(folder, `haproxy-${port}.cfg`);
  await writeFile(file, haproxyConfig(port, places));
  const child = await startChild('haproxy', ['-db', '-f', file], {
    env: withServers(),
    ready: port,
    install: 'apt-get install haproxy',
  });
  ends.unshift(() => child.stop());
  return { url: `http://127.0.0.1:${port}`, places };
}
