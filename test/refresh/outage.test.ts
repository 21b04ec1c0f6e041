import tap, { test } from 'tap';
import { arrangeUpstream, type Teardown } from '../support/arrange.ts';
import { type Client, createClient } from '../support/client.ts';
import { createWoundClock, type WoundClock } from '../support/clock.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { logIn } from '../support/log-in.ts';
import { type ProviderHit, startProvider, type TestProvider } from '../support/provider.ts';
import { until } from '../support/until.ts';
import { type Upstream, valuesOf } from '../support/upstream.ts';

/** Most of the time is waiting for answers, so the tests wait together. */
tap.jobs = 5;
/** Options of its own for each test: tap keeps the outcome of a test in them. */
const waiting = () => ({ buffered: true });

const tokenSeconds = 300;

interface Stage {
  provider: TestProvider;
  upstream: Upstream;
  gateway: TestGateway;
  client: Client;
  clock: WoundClock;
}

/** Somebody who is signed in with a token that lasts some seconds, and a refresh token that rotates. */
async function arrange(t: Teardown): Promise<Stage> {
  const provider = await startProvider({ rotateRefreshTokens: true, ttl: { accessToken: tokenSeconds } });
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  const clock = createWoundClock();
  const config = { provider: { timeout: '2s' } };
  const gateway = await startTestGateway({ provider, upstream, clock, config });
  t.teardown(() => gateway.close());
  const client = createClient();
  t.teardown(() => client.close());
  await logIn(client, gateway.url, 'ada');
  return { provider, upstream, gateway, client, clock };
}

/** Requests in a steady trickle over so much time; tells their statuses. */
async function trickle({ client, gateway, clock }: Stage, milliseconds: number): Promise<number[]> {
  const statuses: number[] = [];
  const stepMs = milliseconds / 40;
  for (let passed = 0; passed < milliseconds; passed += stepMs) {
    statuses.push((await client.get(`${gateway.url}/trickle`)).status);
    clock.wind(stepMs);
  }
  return statuses;
}

/** Time passes until a request is answered again. */
const untilServed = ({ client, gateway, clock }: Stage, path: string) =>
  until(
    'a request that passes again',
    async () => {
      clock.wind(500);
      return (await client.get(`${gateway.url}${path}`)).status === 200;
    },
    18_000,
  );

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
    const { provider, gateway, client, upstream, clock } = stage;
    let failed = 0;
    provider.tamper(async (hit) => {
      if (!(await isRefresh(hit))) return hit.pass();
      failed += 1;
      return fail(hit);
    });
    clock.wind((tokenSeconds - 5) * 1000);
    const begunAt = clock.monotonic();
    // The token is good for some of this time, and then is not.
    const statuses = await trickle(stage, 8000);
    const counts = new Map<number, number>();
    for (const status of statuses) counts.set(status, (counts.get(status) ?? 0) + 1);
    const then = outages.includes(name) ? 503 : 401;
    t.strictSame([...counts.keys()].sort(), [200, then], `the token in hand is used, then ${then}`);
    const tookSeconds = (clock.monotonic() - begunAt) / 1000;
    t.ok(
      failed >= 1 && failed <= 4 + tookSeconds,
      `the provider is not run over: ${failed} calls in ${Math.round(tookSeconds)} s`,
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
    await untilServed(stage, '/again');
    t.equal(refreshes(stage), 1, 'with the one refresh that worked');
  });
}

test(
  'D4 a provider that is slow by ten seconds loses nobody: the refresh that is under way counts',
  waiting(),
  async (t) => {
    const stage = await arrange(t);
    const { provider, gateway, client, clock } = stage;
    let asked = 0;
    let letPass = () => {};
    const held = new Promise<void>((resolve) => {
      letPass = resolve;
    });
    provider.tamper(async (hit) => {
      if (!(await isRefresh(hit))) return hit.pass();
      asked += 1;
      await held;
      return hit.pass();
    });
    clock.wind(tokenSeconds * 1000);
    const waiting = client.get(`${gateway.url}/waiting`);
    await until('the refresh', () => asked === 1);
    clock.wind(2000);
    t.equal((await waiting).status, 503, 'a request waits no longer than provider.timeout');
    clock.wind(8000);
    letPass();
    await until('the late refresh', async () => (await client.get(`${gateway.url}/x`)).status === 200);
    t.equal(asked, 1, 'the provider was asked once');
    t.equal(refreshes(stage), 1);
  },
);

test(
  'D4 a provider that is killed during a refresh and started again signs nobody out',
  waiting(),
  async (t) => {
    const stage = await arrange(t);
    const { provider, gateway, client, clock } = stage;
    const reached = new Promise<void>((resolve) => {
      provider.tamper(async (hit) => {
        if (!(await isRefresh(hit))) return hit.pass();
        resolve();
        await new Promise(() => {});
      });
    });
    clock.wind(tokenSeconds * 1000);
    const caught = client.get(`${gateway.url}/caught`);
    await reached;
    provider.tamper(undefined);
    await provider.stop();
    t.equal((await caught).status, 503);
    t.strictSame([...new Set(await trickle(stage, 1500))], [503], 'out is out, and not a sign-out');
    await provider.restart();
    await untilServed(stage, '/x');
    t.equal(refreshes(stage), 1);
  },
);

test('D4 invalid_grant ends the session: the next navigation goes to the login', waiting(), async (t) => {
  const stage = await arrange(t);
  const { provider, gateway, client, clock } = stage;
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
  clock.wind(tokenSeconds * 1000);
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
