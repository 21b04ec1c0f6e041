import tap, { type Test, test } from 'tap';
import { arrangeUpstream } from '../support/arrange.ts';
import { createClient } from '../support/client.ts';
import { logIn } from '../support/log-in.ts';
import { startProvider } from '../support/provider.ts';
import { spawnGateway } from '../support/spawned-gateway.ts';

/** Processes start slowly, so the tests wait together. */
tap.jobs = 2;
/** Options of its own for each test: tap keeps the outcome of a test in them. */
const waiting = () => ({ buffered: true });

/** JSON that can be parsed, and that nothing recursive can write. */
const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;

/** The tokens of a login end at once; the claims come from userinfo, which is like this for ada from the first refresh on. */
async function arrange(t: Test, config: Record<string, unknown>) {
  const provider = await startProvider({ rotateRefreshTokens: true, conformIdTokenClaims: true });
  t.teardown(() => provider.stop());
  const isRefreshed = () => provider.events.some(({ grantType }) => grantType === 'refresh_token');
  provider.tamper(async (hit) => {
    if (hit.path === '/me' && isRefreshed()) {
      const original = await hit.original();
      const { sub } = JSON.parse(original.body) as { sub: string };
      return hit.send(sub === 'ada' ? { ...original, body: `{"sub":"ada","groups":${deep}}` } : original);
    }
    const isLogin = hit.path === '/token' && (await hit.body()).includes('grant_type=authorization_code');
    if (!isLogin) return hit.pass();
    const original = await hit.original();
    const tokens = { ...(JSON.parse(original.body) as object), expires_in: 1 };
    return hit.send({ ...original, body: JSON.stringify(tokens) });
  });
  const upstream = await arrangeUpstream(t);
  const gateway = await spawnGateway({
    provider,
    upstream,
    config: { ...config, provider: { userinfo: true } },
  });
  t.teardown(() => gateway.stop());
  const browser = () => {
    const client = createClient();
    t.teardown(() => client.close());
    return client;
  };
  return { provider, gateway, browser };
}

const tooLarge = /400|session_too_large/;

const settings: Record<string, { workers?: number; session?: Record<string, unknown> }> = {
  'in cookies': {},
  'in cookies, in the form of before': { session: { form: 1 } },
  'in memory': { session: { store: 'memory' } },
  'in memory, in the form of before': { session: { store: 'memory', form: 1 } },
  'in cookies, by two workers': { workers: 2 },
  'in memory, by two workers': { workers: 2, session: { store: 'memory' } },
};

for (const [how, config] of Object.entries(settings)) {
  test(
    `a claim nested deeper than can be written keeps one person out, and nobody else: ${how}`,
    waiting(),
    async (t) => {
      const { provider, gateway, browser } = await arrange(t, config);
      const ada = browser();
      // Where the session is kept here, this one answer has what nothing later has; else it is told, or asked to sign in.
      const renewed = await logIn(ada, gateway.url, 'ada').then(({ status }) => `${status}`, String);
      t.match(
        renewed,
        config.session && 'store' in config.session && !config.workers ? /200/ : tooLarge,
        'the refresh',
      );
      t.equal((await ada.get(`${gateway.url}/`)).status, 401, 'it ends');
      const failures = provider.events.filter(({ name }) => name === 'grant.error');
      t.strictSame(failures, [], 'the refresh token is sent once');

      await t.rejects(logIn(browser(), gateway.url, 'ada'), { message: tooLarge }, 'a login says why');
      t.equal((await logIn(browser(), gateway.url, 'grace')).status, 200, 'others sign in');
      t.notMatch(gateway.log.text(), /internal_error|"level":"error"/, 'nothing ended');
    },
  );
}
