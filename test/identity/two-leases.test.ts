import { test } from 'tap';
import { parseConfig } from '../../src/config/load.ts';
import type { ProviderConfig } from '../../src/config/schema/index.ts';
import { openFiles } from '../../src/files.ts';
import { createHoldings, type Keep } from '../../src/holdings.ts';
import { connectProviders, type Providers } from '../../src/identity/provider/providers.ts';
import { createGrants } from '../../src/identity/provider/refresh.ts';
import { systemRandom } from '../../src/random.ts';
import type { Session } from '../../src/session/session.ts';
import { onPath } from '../attack/forged-token.ts';
import type { Teardown } from '../support/arrange.ts';
import { createWoundClock } from '../support/clock.ts';
import { gatewayYaml, onlyProvider } from '../support/gateway-config.ts';
import { unobserved } from '../support/observe.ts';
import { startProvider, type TestProvider } from '../support/provider.ts';
import { until } from '../support/until.ts';

const metadataPath = '/.well-known/openid-configuration';

/** A provider, and what opens the providers of one configuration after another. */
async function arrange(t: Teardown) {
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const clock = createWoundClock();
  const holdings = createHoldings();
  const open = (changes: Record<string, unknown> = {}) => {
    const lease = holdings.lease();
    const { keep }: { keep: Keep } = lease;
    const needs = { emit: unobserved.emit, clock, random: systemRandom, keep, read: openFiles().read };
    const providers = connectProviders({ main: configOf(provider, changes) }, needs);
    const grant = createGrants({ providers, claimPaths: new Set(['sub']), ...needs });
    const close = () => {
      providers.close();
      return lease.release();
    };
    t.teardown(close);
    return { providers, grant, close };
  };
  return { provider, clock, holdings, open };
}

function configOf(provider: TestProvider, changes: Record<string, unknown>): ProviderConfig {
  const yaml = gatewayYaml({ provider, upstream: 'http://127.0.0.1:9', config: { provider: changes } }, 1);
  return onlyProvider(parseConfig(yaml, { file: 'sallyport.yaml', env: {} }).config);
}

const found = (providers: Providers) =>
  until('the provider is found', () => providers.all.every((each) => each.isReady()) || undefined);

const sessionOf = (subject: string): Session => ({
  id: `session of ${subject}`,
  provider: 'main',
  subject,
  providerSessionId: undefined,
  claims: {},
  fetchedClaims: [],
  claimsRefreshAt: undefined,
  accessToken: 'access',
  accessTokenExpiresAt: 1,
  refreshAt: 1,
  refreshToken: `refresh token of ${subject}`,
  dpopKey: undefined,
  idToken: undefined,
  createdAt: 1,
  seenAt: 1,
  expiresAt: 4_000_000_000,
});

test('a provider that is asked as before is known at once to a new configuration', async (t) => {
  const { provider, open } = await arrange(t);
  const first = open();
  t.notOk(first.providers.all.every((each) => each.isReady()));
  await found(first.providers);
  const second = open({ label: 'Another name', claims: { groups: 'roles' } });
  t.ok(
    second.providers.all.every((each) => each.isReady()),
    'with other claim rules and another label',
  );
  t.equal(second.providers.get('main')?.client.metadata().issuer, provider.issuer);
  await first.close();
  t.ok(second.providers.all.every((each) => each.isReady()));
  t.equal(provider.hits.get(metadataPath), 1);
  const third = open({ clientSecret: 'another secret' });
  t.ok(
    third.providers.all.every((each) => each.isReady()),
    'the secret is not what the metadata are asked with',
  );
  const fourth = open({ timeout: '7s' });
  t.ok(
    fourth.providers.all.every((each) => each.isReady()),
    'nor is how long it may take',
  );
  t.equal(provider.hits.get(metadataPath), 1);
});

test('a provider that is out stays left alone: the search goes on where it was', async (t) => {
  const { provider, open, clock } = await arrange(t);
  await provider.stop();
  const first = open();
  const retryAfter = () => {
    try {
      first.providers.all[0]?.client.metadata();
    } catch (error) {
      return (error as { retryAfter?: number }).retryAfter ?? 0;
    }
    return 0;
  };
  for (let round = 0; round < 6; round++) {
    await until('a pause', () => retryAfter() > 1.2 || undefined);
    clock.wind(15_000);
  }
  await until('a long pause', () => retryAfter() > 5 || undefined);
  await provider.restart();
  const second = open();
  t.notOk(
    second.providers.all.every((each) => each.isReady()),
    'a new configuration is no reason to ask again',
  );
  clock.wind(16_000);
  await found(second.providers);
  t.ok(
    first.providers.all.every((each) => each.isReady()),
    'both hear of it',
  );
});

test('a search that failed for the way in which it was asked is asked in another way at once', async (t) => {
  const { provider, open } = await arrange(t);
  await provider.stop();
  const first = open();
  await first.providers.tried;
  await provider.restart();
  const second = open({ timeout: '7s' });
  await second.providers.tried;
  t.notOk(
    first.providers.all.every((each) => each.isReady()),
    'who comes later is told of the failure at once',
  );
  await found(second.providers);
  t.equal(provider.hits.get(metadataPath), 1);
  t.ok(
    first.providers.all.every((each) => each.isReady()),
    'and what it finds is for all',
  );
});

test('while a search is under way for one that has ended, the next one asks by itself', async (t) => {
  const { provider, open, clock } = await arrange(t);
  await provider.stop();
  const first = open();
  await first.providers.tried;
  const second = open({ timeout: '7s' });
  await second.providers.tried;
  await second.close();
  await provider.restart();
  clock.wind(16_000);
  await found(first.providers);
  t.pass('the one that is left asks by its own connections');
});

test('what is known of an outage outlives a configuration, and not a change of the client', async (t) => {
  const { provider, open } = await arrange(t);
  const first = open();
  await found(first.providers);
  let asked = 0;
  provider.tamper(
    onPath('/token', async (hit) => {
      asked += 1;
      hit.response.writeHead(503).end();
    }),
  );
  for (const who of ['ada', 'grace', 'zoe']) await first.grant(sessionOf(who), 'tokens');
  t.equal(asked, 3);
  const second = open({ claims: { groups: 'roles' } });
  await first.close();
  t.match(await second.grant(sessionOf('ada'), 'tokens'), { kind: 'unavailable' });
  t.equal(asked, 3, 'the circuit is open still');
  const third = open({ clientId: 'another-client' });
  t.match(await third.grant(sessionOf('ada'), 'tokens'), { kind: 'unavailable' });
  t.equal(asked, 4, 'another client asks for itself');
});

test('nothing is kept of a provider that no configuration names any more', async (t) => {
  const { open, holdings } = await arrange(t);
  const kinds = ['provider connections', 'provider metadata', 'provider keys', 'refresh circuit'];
  const counts = () => kinds.map((kind) => holdings.count(kind));
  const first = open();
  await found(first.providers);
  const second = open({ timeout: '7s' });
  t.strictSame(counts(), [2, 1, 1, 1], 'other connections, and what is known stays');
  await first.close();
  t.strictSame(counts(), [1, 1, 1, 1]);
  await second.close();
  t.strictSame(counts(), [0, 0, 0, 0]);
});

test('changed claim rules make other people of the same session', async (t) => {
  const { open } = await arrange(t);
  const session = { ...sessionOf('ada'), claims: { groups: ['staff'], roles: ['admin'] } };
  const groupsBy = ({ providers }: ReturnType<typeof open>) =>
    providers.get('main')?.personOf(session).groups;
  t.strictSame(groupsBy(open()), ['staff']);
  t.strictSame(groupsBy(open({ claims: { groups: 'roles' } })), ['admin']);
});
