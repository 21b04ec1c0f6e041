import { setTimeout as wait } from 'node:timers/promises';
import tap, { test } from 'tap';
import { arrangeUpstream, type Teardown } from '../support/arrange.ts';
import { type Client, createClient } from '../support/client.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { logIn } from '../support/log-in.ts';
import { type ProviderHit, startProvider, type TestProvider } from '../support/provider.ts';
import { until } from '../support/until.ts';
import { type Upstream, valuesOf } from '../support/upstream.ts';

/** Most of the time is waiting for tokens to expire, so the tests wait together. */
tap.jobs = 5;
/** Options of its own for each test: tap keeps the outcome of a test in them. */
const waiting = () => ({ buffered: true });

const tokenSeconds = 5;

interface Stage {
  provider: TestProvider;
  upstream: Upstream;
  gateway: TestGateway;
  client: Client;
}

/** Somebody who is signed in with a token that lasts some seconds, and a refresh token that rotates. */
async function arrange(t: Teardown): Promise<Stage> {
  const provider = await startProvider({ rotateRefreshTokens: true, ttl: { accessToken: tokenSeconds } });
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  const gateway = await startTestGateway({ provider, upstream, config: { provider: { timeout: '2s' } } });
  t.teardown(() => gateway.close());
  const client = createClient();
  t.teardown(() => client.close());
  await logIn(client, gateway.url, 'ada');
  return { provider, upstream, gateway, client };
}

/** Requests in a steady trickle; tells their statuses. */
async function trickle({ client, gateway }: Stage, milliseconds: number): Promise<number[]> {
  const statuses: Promise<number>[] = [];
  for (const end = Date.now() + milliseconds; Date.now() < end; await wait(50)) {
    statuses.push(client.get(`${gateway.url}/trickle`).then(({ status }) => status));
  }
  return Promise.all(statuses);
}

const refreshes = ({ provider }: Stage) =>
  provider.events.filter(({ name, grantType }) => name === 'grant.success' && grantType === 'refresh_token')
    .length;

const isRefresh = async (hit: ProviderHit) =>
  hit.path === '/token' && (await hit.body()).includes('grant_type=refresh_token');

/** What a provider can answer that says nothing of the person, and nothing of anybody's session for good. */
const failures: Record<string, (hit: ProviderHit) => void | Promise<void>> = {
  'resets the connection': (hit) => void hit.response.destroy(),
  'answers 500': (hit) => hit.send({ status: 500, body: '{"error":"server_error"}' }),
  'answers 429': (hit) => hit.send({ status: 429, headers: { 'retry-after': '1' } }),
  'answers HTML': (hit) =>
    hit.send({ headers: { 'content-type': 'text/html' }, body: '<h1>Maintenance</h1>' }),
  'answers half a JSON': (hit) =>
    hit.send({ headers: { 'content-type': 'application/json' }, body: '{"status":"maint' }),
  'answers 401 invalid_client': (hit) =>
    hit.send({
      status: 401,
      headers: { 'content-type': 'application/json' },
      body: '{"error":"invalid_client"}',
    }),
};

/** Of an outage nobody knows more than that it is one; what is answered is about this session, for now. */
const outages = ['resets the connection', 'answers 500', 'answers 429'];

for (const [name, fail] of Object.entries(failures)) {
  test(`D4 nobody is signed out by a provider that ${name} to a refresh`, waiting(), async (t) => {
    const stage = await arrange(t);
    const { provider, gateway, client, upstream } = stage;
    let failed = 0;
    provider.tamper(async (hit) => {
      if (!(await isRefresh(hit))) return hit.pass();
      failed += 1;
      return fail(hit);
    });
    // The token is good for some of this time, and then is not.
    const statuses = await trickle(stage, (tokenSeconds + 3) * 1000);
    const counts = new Map<number, number>();
    for (const status of statuses) counts.set(status, (counts.get(status) ?? 0) + 1);
    const then = outages.includes(name) ? 503 : 401;
    t.strictSame([...counts.keys()].sort(), [200, then], `the token in hand is used, then ${then}`);
    t.ok(
      failed >= 1 && failed <= 12,
      `the provider is not run over: ${failed} calls for ${statuses.length} requests`,
    );
    const unsent = upstream.requests.filter(
      ({ rawHeaders }) => valuesOf(rawHeaders, 'authorization').length !== 1,
    );
    t.strictSame(unsent, [], 'nothing reached the application without a token');

    const refused = await client.get(`${gateway.url}/data`);
    t.equal(refused.status, then);
    if (then === 503) {
      t.ok(Number(refused.headers['retry-after']) >= 1, 'with Retry-After');
      t.equal(refused.headers['x-sallyport-error'], 'provider_unavailable');
    }
    t.strictSame(refused.setCookies, [], 'and the session cookie stays');
    const page = await createClient().navigate(`${gateway.url}/page`, {
      headers: { cookie: client.cookies.headerFor(gateway.url) ?? '' },
    });
    t.equal(page.status, 302, 'a page may try to sign in');
    t.notOk(
      page.setCookies.some((line) => line.startsWith('sallyport=')),
      'and does not lose the session',
    );

    provider.tamper(undefined);
    await until(
      'a request that passes again',
      async () => (await client.get(`${gateway.url}/again`)).status === 200,
      18_000,
    );
    t.equal(refreshes(stage), 1, 'with the one refresh that worked');
  });
}

test(
  'D4 a provider that is slow by ten seconds loses nobody: the refresh that is under way counts',
  waiting(),
  async (t) => {
    const stage = await arrange(t);
    const { provider, gateway, client } = stage;
    let asked = 0;
    provider.tamper(async (hit) => {
      if (!(await isRefresh(hit))) return hit.pass();
      asked += 1;
      await wait(10_000);
      return hit.pass();
    });
    await wait(tokenSeconds * 1000);
    const started = Date.now();
    const waited = await client.get(`${gateway.url}/waiting`);
    t.equal(waited.status, 503, 'a request waits no longer than provider.timeout');
    t.ok(Date.now() - started < 4000);
    await until(
      'the late refresh',
      async () => (await client.get(`${gateway.url}/x`)).status === 200,
      14_000,
    );
    t.equal(asked, 1, 'the provider was asked once');
    t.equal(refreshes(stage), 1);
  },
);

test(
  'D4 a provider that is killed during a refresh and started again signs nobody out',
  waiting(),
  async (t) => {
    const stage = await arrange(t);
    const { provider, gateway, client } = stage;
    const reached = new Promise<void>((resolve) => {
      provider.tamper(async (hit) => {
        if (!(await isRefresh(hit))) return hit.pass();
        resolve();
        await wait(60_000, undefined, { ref: false });
      });
    });
    await wait(tokenSeconds * 1000);
    const caught = client.get(`${gateway.url}/caught`);
    await reached;
    provider.tamper(undefined);
    await provider.stop();
    t.equal((await caught).status, 503);
    t.strictSame([...new Set(await trickle(stage, 1500))], [503], 'out is out, and not a sign-out');
    await provider.restart();
    await until(
      'a request that passes again',
      async () => (await client.get(`${gateway.url}/x`)).status === 200,
      18_000,
    );
    t.equal(refreshes(stage), 1);
  },
);

test('D4 invalid_grant ends the session: the next navigation goes to the login', waiting(), async (t) => {
  const stage = await arrange(t);
  const { provider, gateway, client } = stage;
  let asked = 0;
  provider.tamper(async (hit) => {
    if (!(await isRefresh(hit))) return hit.pass();
    asked += 1;
    return hit.send({
      status: 400,
      headers: { 'content-type': 'application/json' },
      body: '{"error":"invalid_grant"}',
    });
  });
  await wait(tokenSeconds * 1000);
  const cookie = client.cookies.headerFor(gateway.url) ?? '';
  const refused = await client.get(`${gateway.url}/api`);
  t.equal(refused.status, 401);
  t.match(refused.setCookies, [/^sallyport=;.*(Max-Age=0|expires=)/i], 'which takes the cookie away');
  const page = await client.navigate(`${gateway.url}/page`, { headers: { cookie } });
  t.equal(page.status, 302);
  t.match(page.headers.location, new RegExp(`^${provider.issuer}/auth\\?`));
  t.equal(asked, 1, 'a token that is refused is not sent again');
  t.ok(await gateway.log.line(({ msg }) => msg === 'session ended'));
});
