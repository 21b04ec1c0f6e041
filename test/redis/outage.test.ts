import { setTimeout as wait } from 'node:timers/promises';
import tap, { type Test, test } from 'tap';
import { arrangeUpstream } from '../support/arrange.ts';
import { createClient } from '../support/client.ts';
import { freePort } from '../support/free-port.ts';
import { logIn } from '../support/log-in.ts';
import { startProvider } from '../support/provider.ts';
import { startRedis } from '../support/redis.ts';
import { spawnGateway } from '../support/spawned-gateway.ts';
import { until } from '../support/until.ts';

/** Most of the time is waiting, so the tests wait together. */
tap.jobs = 4;
/** Options of its own for each test: tap keeps the outcome of a test in them. */
const waiting = () => ({ buffered: true });

/** Within seconds, on a machine that may be busy. */
const soonMs = 10_000;

async function arrange(t: Test, routes?: (upstream: string) => Record<string, unknown>[]) {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  const admin = `127.0.0.1:${await freePort()}`;
  const config = {
    session: { store: redis.url },
    admin: { listen: admin },
    ...(routes && { routes: routes(upstream.url) }),
  };
  const gateway = await spawnGateway({ provider, ...(routes ? {} : { upstream }), config });
  t.teardown(() => gateway.stop());
  const client = createClient();
  t.teardown(() => client.close());
  await logIn(client, gateway.url, 'ada');
  return { redis, gateway, client, ready: () => client.get(`http://${admin}/readyz`) };
}

test(
  'Redis is killed and restarted under 100 requests a second: 503 meanwhile, and nobody is signed out',
  waiting(),
  async (t) => {
    const { redis, gateway, client, ready } = await arrange(t);
    const answers: { status: number; retryAfter: string | undefined }[] = [];
    let running = true;
    const load = (async () => {
      const requests: Promise<unknown>[] = [];
      for (; running; await wait(10)) {
        requests.push(
          client.get(`${gateway.url}/load`).then(({ status, headers }) => {
            answers.push({ status, retryAfter: headers['retry-after'] });
          }),
        );
      }
      await Promise.all(requests);
    })();
    const after = async (more: number, what: string) => {
      const from = answers.length;
      await until(`${more} answers ${what}`, () => answers.length >= from + more);
      return answers.slice(from);
    };
    const statusesOf = (some: typeof answers) => [...new Set(some.map(({ status }) => status))];

    t.strictSame(statusesOf(await after(20, 'before')), [200]);
    await redis.kill();
    const seen503 = () => answers.at(-1)?.status === 503;
    await until('the outage', seen503);
    t.equal((await ready()).status, 200, 'public pages go on');
    t.match((await ready()).json(), { status: 'degraded', degraded: [{ reason: 'store_unreachable' }] });
    const page = await client.navigate(`${gateway.url}/page`);
    t.equal(page.status, 503);
    t.equal(page.headers['x-sallyport-error'], 'store_unavailable');
    t.strictSame(page.setCookies, []);
    const during = await after(50, 'during the outage');
    t.strictSame(statusesOf(during), [503]);
    t.ok(during.every(({ retryAfter }) => Number(retryAfter) >= 1));
    await redis.restart();
    await until('an answer with the same cookie', () => answers.at(-1)?.status === 200, soonMs);
    // Those that were refused before may be told of it after the first that was not.
    await after(20, 'on their way');
    t.strictSame(statusesOf(await after(20, 'when it is back')), [200]);
    running = false;
    await load;

    t.notOk(
      answers.some(({ status }) => ![200, 503].includes(status)),
      'no 401, no 500',
    );
    t.equal(gateway.process.exitCode, null, 'the process lives');
    t.equal(gateway.stderr.join(''), '', 'without a word on unhandled rejections');
  },
);

test(
  'a page that is for everybody is shown to people with a session too while Redis is out',
  waiting(),
  async (t) => {
    const routes = (upstream: string) => [
      { path: '/', upstream },
      { path: '/open', upstream, allow: 'public' },
      { path: '/here', upstream, allow: [{ networks: '127.0.0.0/8' }] },
      { path: '/either', upstream, unauthenticated: 'pass' },
    ];
    const { redis, gateway, client } = await arrange(t, routes);
    const ask = async (path: string) => {
      const { status, text, setCookies } = await client.navigate(`${gateway.url}${path}`);
      t.same(setCookies, [], `${path}: the cookie stays`);
      return { status, user: /"x-forwarded-user","(\w+)"/i.exec(text)?.[1] };
    };
    t.same(await ask('/open/x'), { status: 200, user: 'ada' });
    for (const out of ['SIGSTOP', 'kill'] as const) {
      if (out === 'kill') await redis.kill();
      else redis.signal('SIGSTOP');
      // What is known goes on until it is noticed.
      await until('the outage', async () => (await ask('/x')).status === 503);
      for (const path of ['/open/x', '/here/x']) {
        t.same(await ask(path), { status: 200, user: undefined }, `${path}, ${out}: nobody in particular`);
      }
      t.equal((await ask('/either/x')).status, 503, 'nobody is taken for signed out');
      if (out === 'SIGSTOP') redis.signal('SIGCONT');
      else await redis.restart();
      await until('the session', async () => (await ask('/x')).status === 200);
      t.same(await ask('/open/x'), { status: 200, user: 'ada' });
    }
  },
);

test('Redis that hangs costs a time-out, not a hang', waiting(), async (t) => {
  const { redis, gateway, client } = await arrange(t);
  redis.signal('SIGSTOP');
  await until('the outage to be noticed', async () => {
    const asked = Date.now();
    const { status } = await client.get(`${gateway.url}/x`);
    t.ok(Date.now() - asked < soonMs, `after ${Date.now() - asked} ms`);
    return status === 503;
  });
  redis.signal('SIGCONT');
  await until('a request that passes', async () => (await client.get(`${gateway.url}/x`)).status === 200);
});

test(
  'a dump of Redis opens nothing and names nobody, and every key has its prefix and an end',
  waiting(),
  async (t) => {
    const { redis, gateway, client } = await arrange(t);
    const answer = await client.get(`${gateway.url}/oauth2/userinfo`);
    t.equal(answer.status, 200);
    const echo = await client.get(`${gateway.url}/x`);
    const bearer = /Bearer ([\w-]+)/.exec(echo.text)?.[1] ?? '';
    t.ok(bearer.length > 10);
    const dump = await redis.dump();
    t.ok(dump.length >= 1);
    for (const { key, value, ttl } of dump) {
      t.match(key, /^sallyport:/);
      t.ok(ttl > 0 || key.includes('revocations'), `${key} ends`);
      for (const secret of [bearer, 'ada', 'ada@example.com', 'Lovelace']) {
        t.notOk(`${key} ${value}`.includes(secret), 'nothing in the clear');
      }
    }
  },
);
