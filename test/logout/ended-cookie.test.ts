import { type Test, test } from 'tap';
import { arrangeUpstream } from '../support/arrange.ts';
import { createWoundClock } from '../support/clock.ts';
import { startTestGateway } from '../support/gateway.ts';
import { startRedis } from '../support/redis.ts';
import { makeLogoutToken, sendLogout } from './forge.ts';
import { signIn, startLogoutProvider } from './scene.ts';

const gone = /^sallyport=; Max-Age=0/m;

async function arrange(t: Test, session: object) {
  const provider = await startLogoutProvider(t, { ttl: { accessToken: 60 }, rotateRefreshTokens: true });
  const clock = createWoundClock();
  const gateway = await startTestGateway({
    provider,
    clock,
    upstream: await arrangeUpstream(t),
    config: { session },
  });
  t.teardown(() => gateway.close());
  if ('store' in session) await gateway.log.line(({ msg }) => msg === 'Redis is reachable');
  const tokenCalls = () => provider.hits.get('/token') ?? 0;
  return { provider, gateway, clock, tokenCalls };
}

async function stores(t: Test): Promise<Record<string, object>> {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  return { cookies: {}, redis: { store: redis.url } };
}

test('F4 the 401 of a session that the provider ended takes its cookie away, as does the redirect', async (t) => {
  for (const [where, session] of Object.entries(await stores(t))) {
    const { provider, gateway, tokenCalls } = await arrange(t, session);
    const ada = await signIn(t, gateway.url, 'ada');
    const grace = await signIn(t, gateway.url, 'grace');
    const before = tokenCalls();
    for (const sub of ['ada', 'grace']) {
      const token = await makeLogoutToken(provider, { claims: { sub } });
      t.equal((await sendLogout(gateway.url, { logout_token: token })).status, 200);
    }
    const copied = ada.copiedCookie();
    const script = await ada.client.get(`${gateway.url}/`);
    t.equal(script.status, 401, where);
    t.match(script.setCookies.join('\n'), gone, 'the 401 takes it away');
    const again = await ada.client.get(`${gateway.url}/`, { cookie: copied });
    t.equal(again.status, 401);
    const page = await grace.client.navigate(`${gateway.url}/`);
    t.equal(page.status, 302);
    t.match(page.setCookies.join('\n'), gone, 'so does the 302');
    t.equal(tokenCalls(), before, 'the token endpoint was not asked');
  }
});

test('a session that a refresh ended loses its cookie by the 401 and by the redirect, and is asked for once', async (t) => {
  for (const [where, session] of Object.entries(await stores(t))) {
    for (const kind of ['script', 'page']) {
      const { provider, gateway, clock, tokenCalls } = await arrange(t, session);
      const ada = await signIn(t, gateway.url, 'ada');
      provider.tamper((hit) =>
        hit.path === '/token'
          ? hit.send({
              status: 400,
              headers: { 'content-type': 'application/json' },
              body: '{"error":"invalid_grant"}',
            })
          : hit.pass(),
      );
      clock.wind(120_000);
      const before = tokenCalls();
      const copied = ada.copiedCookie();
      const first =
        kind === 'page'
          ? await ada.client.navigate(`${gateway.url}/`)
          : await ada.client.get(`${gateway.url}/`);
      t.equal(first.status, kind === 'page' ? 302 : 401, `${where}, ${kind}`);
      t.match(first.setCookies.join('\n'), gone, `${where}, ${kind}: the cookie goes`);
      t.equal((await ada.client.get(`${gateway.url}/`, { cookie: copied })).status, 401);
      t.equal(tokenCalls() - before, 1, 'the token endpoint was asked once');
    }
  }
});
