import tap, { type Test, test } from 'tap';
import { createKeyRing } from '../../src/session/key-ring.ts';
import { openSession } from '../../src/session/sealed-session.ts';
import { arrangeLogin, type LoginScene, secretOf } from '../login/steps.ts';
import { logIn } from '../support/log-in.ts';
import { until } from '../support/until.ts';
import { type Echo, valuesOf } from '../support/upstream.ts';

/** Most of the time is waiting for tokens to expire, so the tests wait together. */
tap.jobs = 2;
const waiting = () => ({ buffered: true });

/** Somebody signed in whose refresh tokens rotate, and the refresh tokens that the provider has given. */
async function arrange(t: Test, store: string): Promise<LoginScene & { given: string[] }> {
  const scene = await arrangeLogin(t, {
    provider: { rotateRefreshTokens: true, ttl: { accessToken: 3 } },
    config: { session: { store } },
  });
  const given: string[] = [];
  scene.provider.tamper(async (hit) => {
    if (hit.path !== '/token') return hit.pass();
    const original = await hit.original();
    const { refresh_token: token } = JSON.parse(original.body) as { refresh_token?: string };
    if (token !== undefined) given.push(token);
    return hit.send(original);
  });
  await logIn(scene.client, scene.gateway.url, 'ada');
  return { ...scene, given };
}

/** Asks until an answer was made with another access token; gives it with the Set-Cookie that came along. */
async function untilRefreshed({ client, gateway }: LoginScene) {
  const bearerOf = ({ json }: { json(): unknown }) =>
    valuesOf((json() as Echo).rawHeaders, 'authorization')[0];
  const first = bearerOf(await client.get(`${gateway.url}/`));
  return until(
    'a refreshed token',
    async () => {
      const answer = await client.get(`${gateway.url}/`);
      const bearer = bearerOf(answer);
      return bearer !== first && { answer, bearer };
    },
    20_000,
  );
}

test('D1 the answer that used a rotated token carries the new refresh token', waiting(), async (t) => {
  const scene = await arrange(t, 'cookie');
  const { answer } = await untilRefreshed(scene);
  const [cookie = ''] = answer.setCookies.filter((line) => line.startsWith('sallyport='));
  const value = /^sallyport=1([^;]+)/.exec(cookie)?.[1] ?? '';
  const ring = createKeyRing([secretOf(scene.gateway)]);
  const opened = openSession(value, ring.session, 'session', 'sallyport');
  t.ok(scene.given.length >= 2, 'the refresh token was replaced');
  t.equal(opened?.session.refreshToken, scene.given.at(-1));
});

test('D1 on a server, the new token is there for whoever comes next', waiting(), async (t) => {
  const scene = await arrange(t, 'memory');
  const { bearer } = await untilRefreshed(scene);
  const next = await scene.client.get(`${scene.gateway.url}/`);
  t.equal(valuesOf((next.json() as Echo).rawHeaders, 'authorization')[0], bearer);
  await untilRefreshed(scene);
  t.ok(scene.given.length >= 3, 'the next rotation starts from the new one');
  const errors = scene.provider.events.filter(({ name }) => name === 'grant.error');
  t.same(errors, [], 'and no refresh token was sent twice');
});
