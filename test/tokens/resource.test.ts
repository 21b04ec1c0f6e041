import { setTimeout as wait } from 'node:timers/promises';
import tap, { test } from 'tap';
import { arrangeGateway, arrangeUpstream, type Teardown } from '../support/arrange.ts';
import { createClient, type HttpAnswer } from '../support/client.ts';
import { createWoundClock } from '../support/clock.ts';
import { createCookieJar } from '../support/cookie-jar.ts';
import { logIn } from '../support/log-in.ts';
import { startRedis } from '../support/redis.ts';
import { spawnGateway } from '../support/spawned-gateway.ts';
import { audienceOf, bearerOf, refreshesOf, startTokenProvider } from './scene.ts';

/** Most of the time is waiting for tokens to expire, so the tests wait together. */
tap.jobs = 2;
const waiting = () => ({ buffered: true, timeout: 90_000 });

const resource = 'https://reports.example.com';
const routesTo = (upstream: string) => [
  { path: '/a', upstream },
  { path: '/b', upstream, token: { resource, scopes: ['read'] } },
  { path: '/c', upstream, token: { resource: 'https://other.example.com' } },
];

async function arrange(t: Teardown, { session = {}, ...options }: Record<string, unknown> = {}) {
  const clock = createWoundClock();
  const provider = await startTokenProvider(t, { rotateRefreshTokens: true, ...options });
  const upstream = await arrangeUpstream(t);
  const config = { session, routes: routesTo(upstream.url) };
  const scene = await arrangeGateway(t, { provider, config, clock });
  await logIn(scene.client, scene.gateway.url, 'ada', { path: '/a' });
  return { ...scene, provider, upstream, clock };
}

for (const store of ['cookie', 'memory']) {
  test(`RFC 8707: an upstream gets a token for its resource by the refresh token: ${store}`, async (t) => {
    const { client, gateway, provider } = await arrange(t, { session: { store } });
    const own = bearerOf(await client.get(`${gateway.url}/a`));
    const answer = await client.get(`${gateway.url}/b/x`);
    t.equal(answer.status, 200);
    t.equal(audienceOf(answer), resource);
    t.equal(
      answer.setCookies.length > 0,
      store === 'cookie',
      'D1: what was rotated is kept before the answer',
    );
    t.equal(bearerOf(await client.get(`${gateway.url}/b`)), bearerOf(answer), 'it is kept');
    t.equal(bearerOf(await client.get(`${gateway.url}/a`)), own, 'the session’s own token stayed');
    t.equal(audienceOf(await client.get(`${gateway.url}/c`)), 'https://other.example.com');
    t.equal(bearerOf(await client.get(`${gateway.url}/b`)), bearerOf(answer));
    t.same(refreshesOf(provider), { good: 2, bad: [] });
    t.notOk(gateway.log.text().includes(bearerOf(answer) ?? 'none'));
  });
}

test('a login asks for the resources beforehand, since a refresh gives nothing that was not granted', async (t) => {
  const { gateway } = await arrange(t);
  const stranger = createClient();
  t.teardown(() => stranger.close());
  const { headers } = await stranger.navigate(`${gateway.url}/a`);
  const asked = new URL(headers.location ?? '').searchParams;
  t.same(asked.getAll('resource'), [resource, 'https://other.example.com']);
  t.ok(asked.get('scope')?.split(' ').includes('read'));
});

test('D1: an answer that is lost with its cookie loses no session', async (t) => {
  const { client, gateway, provider } = await arrange(t);
  const before = client.cookies.headerFor(gateway.url) ?? '';
  const other = createClient();
  t.teardown(() => other.close());
  const ask = (path: string) => other.request(`${gateway.url}${path}`, { headers: { cookie: before } });
  t.equal((await ask('/b')).status, 200);
  other.cookies.clear();
  t.equal((await ask('/c')).status, 200, 'the cookie from before gets the next token');
  t.same(refreshesOf(provider), { good: 2, bad: [] });
});

test('who has no refresh token gets 403, and the upstream no token instead', async (t) => {
  const { client, gateway, upstream } = await arrange(t, { refreshTokens: false });
  const answer = await client.get(`${gateway.url}/b`);
  t.equal(answer.status, 403);
  t.equal(answer.headers['x-sallyport-error'], 'token_refused');
  t.same(
    upstream.requests.filter(({ url }) => url.startsWith('/b')),
    [],
  );
});

test('D4: a refresh token that the provider ended ends the session: 401, not another token', async (t) => {
  const { client, gateway, provider, upstream } = await arrange(t);
  provider.tamper((hit) =>
    hit.path === '/token'
      ? hit.send({
          status: 400,
          headers: { 'content-type': 'application/json' },
          body: '{"error":"invalid_grant"}',
        })
      : hit.pass(),
  );
  const answer = await client.get(`${gateway.url}/b`);
  t.equal(answer.status, 401);
  t.equal(answer.headers['x-sallyport-error'], 'not_signed_in');
  t.same(
    upstream.requests.filter(({ url }) => url.startsWith('/b')),
    [],
  );
});

test('D4: an outage gives 503 for this upstream, keeps the session, and passes', async (t) => {
  const { client, gateway, provider, clock } = await arrange(t);
  await provider.stop();
  const answer = await client.get(`${gateway.url}/b`);
  t.equal(answer.status, 503);
  t.ok(Number(answer.headers['retry-after']) >= 1);
  t.equal((await client.get(`${gateway.url}/a`)).status, 200);
  await provider.restart();
  clock.wind(5000);
  t.equal((await client.get(`${gateway.url}/b`)).status, 200);
});

test('an ID token of somebody else in such an answer ends the session', async (t) => {
  const { client, gateway, provider } = await arrange(t);
  const grace = createClient();
  t.teardown(() => grace.close());
  let stolen = '';
  provider.tamper(async (hit) => {
    if (hit.path !== '/token') {
      await hit.pass();
      return;
    }
    const answer = await hit.original();
    const tokens = JSON.parse(answer.body) as Record<string, unknown>;
    if (stolen !== '') hit.send({ ...answer, body: JSON.stringify({ ...tokens, id_token: stolen }) });
    else hit.send(answer);
    stolen ||= String(tokens.id_token);
  });
  await logIn(grace, gateway.url, 'grace', { path: '/a' });
  t.equal((await client.get(`${gateway.url}/b`)).status, 401);
});

const tokenSeconds = 6;
const requests = 200;

const settings: { name: string; config: Record<string, unknown>; redis?: boolean; instances?: number }[] = [
  { name: 'cookies, two workers', config: { workers: 2 } },
  { name: 'sessions in memory', config: { workers: 2, session: { store: 'memory' } } },
  { name: 'two instances on Redis', config: {}, redis: true, instances: 2 },
];

for (const { name, config, redis: withRedis, instances = 1 } of settings) {
  test(
    `${requests} requests over /a, whose token is due, and /b, which needs another: no refresh token twice: ${name}`,
    waiting(),
    async (t) => {
      const provider = await startTokenProvider(t, {
        rotateRefreshTokens: true,
        ttl: { accessToken: tokenSeconds },
        resourceTtl: tokenSeconds,
      });
      const upstream = await arrangeUpstream(t);
      const redis = withRedis ? await startRedis() : undefined;
      if (redis) t.teardown(() => redis.stop());
      const secret = Buffer.alloc(32, 9).toString('base64');
      const session = { ...(config.session as object), secret, ...(redis && { store: redis.url }) };
      const gateways = await Promise.all(
        Array.from({ length: instances }, () =>
          spawnGateway({ provider, config: { ...config, session, routes: routesTo(upstream.url) } }),
        ),
      );
      for (const gateway of gateways) t.teardown(() => gateway.stop());
      const urls = gateways.map(({ url }) => url);
      const [first = ''] = urls;
      const client = createClient();
      t.teardown(() => client.close());
      await logIn(client, first, 'ada', { path: '/a' });

      const storm = async (cookie: string, count = requests) => {
        const crowd = createClient();
        try {
          return await Promise.all(
            Array.from({ length: count }, (_, index) => {
              const path = ['/a', '/b', '/a', '/c'][index % 4];
              return crowd.request(`${urls[index % urls.length]}${path}/${index}`, { headers: { cookie } });
            }),
          );
        } finally {
          crowd.close();
        }
      };
      const refused = (answers: readonly HttpAnswer[]) =>
        answers.filter(({ status }) => status !== 200).map(({ status, text }) => `${status} ${text}`);

      const cookie = client.cookies.headerFor(first) ?? '';
      // Once while the session's own token is good, and once when it is due.
      t.same(refused(await storm(cookie)), []);
      await wait(tokenSeconds * 1000);
      const answers = await storm(cookie);
      t.same(refused(answers), [], 'every request was answered');
      t.same(refreshesOf(provider).bad, [], 'no refresh token was sent twice');

      // Whichever answer came last is what the browser holds; each of them has to go on.
      const set = answers
        .filter(({ setCookies }) => setCookies.length > 0)
        .map(({ setCookies }) => setCookies);
      const held = [...set.slice(0, 3), ...set.slice(-3)].map((setCookies) => {
        const jar = createCookieJar();
        jar.take(first, setCookies);
        return jar.headerFor(first) ?? '';
      });
      await wait(tokenSeconds * 1000);
      for (const one of [cookie, ...held]) t.same(refused(await storm(one, 40)), []);
      t.same(refreshesOf(provider).bad, []);
    },
  );
}
