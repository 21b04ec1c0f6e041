import tap, { test } from 'tap';
import { arrangeUpstream, type Teardown } from '../support/arrange.ts';
import { createClient } from '../support/client.ts';
import { logIn } from '../support/log-in.ts';
import { startProvider, type TestProvider } from '../support/provider.ts';
import { startRedis } from '../support/redis.ts';
import { spawnGateway } from '../support/spawned-gateway.ts';
import { until } from '../support/until.ts';
import { type Echo, valuesOf } from '../support/upstream.ts';

/** Processes start slowly, so the tests wait together. */
tap.jobs = 2;
/** Options of its own for each test: tap keeps the outcome of a test in them. */
const waiting = () => ({ buffered: true });

const tokenSeconds = 300;
/** The token of a login says that it ends sooner: processes of their own have the clock of the machine. */
const firstTokenSeconds = 1;
const requests = 200;

async function startRotatingProvider(t: Teardown): Promise<TestProvider> {
  const provider = await startProvider({ rotateRefreshTokens: true, ttl: { accessToken: tokenSeconds } });
  t.teardown(() => provider.stop());
  provider.tamper(async (hit) => {
    const isLogin = hit.path === '/token' && (await hit.body()).includes('grant_type=authorization_code');
    if (!isLogin) return hit.pass();
    const original = await hit.original();
    const tokens = { ...(JSON.parse(original.body) as object), expires_in: firstTokenSeconds };
    return hit.send({ ...original, body: JSON.stringify(tokens) });
  });
  return provider;
}

const refreshesOf = (provider: TestProvider) =>
  provider.events.filter(({ name, grantType }) => name === 'grant.success' && grantType === 'refresh_token')
    .length;
const failuresOf = (provider: TestProvider) => provider.events.filter(({ name }) => name === 'grant.error');

const bearerOf = (text: string) => valuesOf((JSON.parse(text) as Echo).rawHeaders, 'authorization')[0];

/** Sends many requests at once with one and the same cookie, as a page with many images does. */
async function storm(urls: readonly string[], cookie: string) {
  const client = createClient();
  try {
    return await Promise.all(
      Array.from({ length: requests }, (_, index) =>
        client.request(`${urls[index % urls.length]}/${index}`, { headers: { cookie } }),
      ),
    );
  } finally {
    client.close();
  }
}

/** How many answers came by status; those that are no success with their text, for who reads the report. */
function outcomes(answers: readonly { status: number; text: string }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status, text } of answers) {
    const outcome = status === 200 ? '200' : `${status} ${text}`;
    counts[outcome] = (counts[outcome] ?? 0) + 1;
  }
  return counts;
}

const settings: { name: string; config: Record<string, unknown>; redis?: boolean; instances?: number }[] = [
  { name: 'one process', config: {} },
  { name: 'two workers', config: { workers: 2 } },
  { name: 'two workers, sessions in memory', config: { workers: 2, session: { store: 'memory' } } },
  { name: 'two instances on Redis', config: {}, redis: true, instances: 2 },
];

for (const { name, config, redis: withRedis, instances = 1 } of settings) {
  test(
    `${requests} requests at the end of the token make one refresh and ${requests} answers: ${name}`,
    waiting(),
    async (t) => {
      const provider = await startRotatingProvider(t);
      const upstream = await arrangeUpstream(t);
      const redis = withRedis ? await startRedis() : undefined;
      if (redis) t.teardown(() => redis.stop());
      const secret = Buffer.alloc(32, 9).toString('base64');
      const session = { ...(config.session as object), secret, ...(redis && { store: redis.url }) };
      const gateways = await Promise.all(
        Array.from({ length: instances }, () =>
          spawnGateway({ provider, upstream, config: { ...config, session } }),
        ),
      );
      for (const gateway of gateways) t.teardown(() => gateway.stop());
      const urls = gateways.map(({ url }) => url);
      const [first = ''] = urls;

      const client = createClient();
      t.teardown(() => client.close());
      await logIn(client, first, 'ada');
      const end = Date.now() + firstTokenSeconds * 1000;
      const before = client.cookies.headerFor(first) ?? '';
      await until('the end of the token', () => Date.now() >= end);

      const answers = await storm(urls, before);
      t.strictSame(outcomes(answers), { 200: requests }, 'every request was answered');
      const bearers = new Set(answers.map(({ text }) => bearerOf(text)));
      t.equal(bearers.size, 1, 'all with one token');
      t.equal(refreshesOf(provider), 1, 'the provider was asked once');

      const late = await storm(urls, before);
      t.strictSame(outcomes(late), { 200: requests }, 'late ones with the old cookie pass too');
      t.strictSame(failuresOf(provider), [], 'and no refresh token was sent twice');
      t.ok(refreshesOf(provider) <= 2);
    },
  );
}
