import { calculateJwkThumbprint, decodeJwt, decodeProtectedHeader, type JWK } from 'jose';
import tap, { type Test, test } from 'tap';
import { createDpopKey, dpopThumbprint } from '../../src/identity/tokens/dpop-key.ts';
import { createKeyRing } from '../../src/session/key-ring.ts';
import { openSession, sealSession } from '../../src/session/sealed-session.ts';
import type { Session } from '../../src/session/session.ts';
import { alterTokens } from '../attack/forged-token.ts';
import { assertRefused } from '../attack/refusal.ts';
import { anotherBrowser, beginLogin, type LoginScene, reachCallback, secretOf } from '../login/steps.ts';
import { logIn } from '../support/log-in.ts';
import type { ProviderOptions } from '../support/provider.ts';
import { until } from '../support/until.ts';
import { arrangeProfile, grantsOf, headerOf, patience, recordPosts, registration } from './scene.ts';

/** Most of the time is waiting for tokens to expire, so the tests wait together. */
tap.jobs = 4;
const waiting = () => ({ buffered: true });

const shortLived: ProviderOptions = { ttl: { accessToken: 3 } };

/** A public client, whose refresh tokens the provider binds to the key too (RFC 9449 §5). */
function arrange(t: Test, provider: ProviderOptions = {}, keys: Record<string, unknown> = {}) {
  const client = registration({ token_endpoint_auth_method: 'none' });
  return arrangeProfile(t, { client, provider, keys: { clientAuth: 'none', dpop: true, ...keys } });
}

/** The session in the cookie of a browser, and how to put another in its place. */
function sessionIn({ gateway, client }: LoginScene): { session: Session; replace(next: Session): void } {
  const ring = createKeyRing([secretOf(gateway)]);
  const { value = '' } = client.cookies.all().find(({ name }) => name === 'sallyport') ?? {};
  // The first character counts the cookies of the session.
  const opened = openSession(value.slice(1), ring.session, 'session', 'sallyport');
  if (!opened) throw new Error('the session does not open');
  return {
    session: opened.session,
    replace(next) {
      const sealed = sealSession(2, next, ring.session[0], 'session', 'sallyport')?.sealed;
      client.cookies.take(gateway.url, [`sallyport=1${sealed}; Path=/`]);
    },
  };
}

test(
  'a session has one DPoP key for code, userinfo and refresh, and every login its own',
  waiting(),
  async (t) => {
    const scene = await arrange(t, { ...shortLived, conformIdTokenClaims: true });
    const seen = recordPosts(scene);
    const { authorizationRequest } = await beginLogin(anotherBrowser(t), scene.gateway.url);
    const other = authorizationRequest.searchParams.get('dpop_jkt');
    await logIn(scene.client, scene.gateway.url, 'ada');
    const thumbprint = dpopThumbprint(sessionIn(scene).session.dpopKey ?? '');
    t.not(other, thumbprint);
    t.equal(await headerOf(scene, 'x-forwarded-email'), 'ada@example.com', 'userinfo took the proof');
    await until(
      'a refresh',
      async () => {
        await headerOf(scene, 'x-forwarded-user');
        return grantsOf(scene, 'refresh_token') > 0;
      },
      patience,
    );
    const proofs = seen.flatMap(({ headers: { dpop } }) => (typeof dpop === 'string' ? [dpop] : []));
    t.ok(proofs.length >= 2, 'the code and the refresh token');
    for (const proof of proofs) {
      const { jwk, typ, alg } = decodeProtectedHeader(proof);
      t.same([typ, alg], ['dpop+jwt', 'ES256']);
      t.equal(await calculateJwkThumbprint(jwk as JWK), thumbprint);
      t.notOk(Object.hasOwn(jwk ?? {}, 'd'), 'the private number stays here');
      t.match(decodeJwt(proof), { htm: 'POST', htu: `${scene.provider.issuer}/token` });
    }
    t.equal(sessionIn(scene).session.dpopKey?.length, 43, 'which is all that the session holds of it');
  },
);

test('the authorization code is bound to the DPoP key', async (t) => {
  const scene = await arrange(t);
  const { authorizationRequest } = await beginLogin(scene.client, scene.gateway.url);
  t.match(authorizationRequest.searchParams.get('dpop_jkt'), /^[\w-]{43}$/);
});

test('a nonce that the provider wants in DPoP proofs is sent', waiting(), async (t) => {
  const nonceSecret = Buffer.alloc(32, 5);
  const features = { dPoP: { enabled: true, nonceSecret, requireNonce: () => true } };
  const scene = await arrange(t, { ...shortLived, configuration: { features } }, { userinfo: true });
  await logIn(scene.client, scene.gateway.url, 'ada');
  await until(
    'a refresh',
    async () => {
      await headerOf(scene, 'x-forwarded-user');
      return grantsOf(scene, 'refresh_token') > 0;
    },
    patience,
  );
  t.equal(await headerOf(scene, 'x-forwarded-user'), 'ada');
});

test('a refresh with another DPoP key is refused by the provider', async (t) => {
  const scene = await arrange(t);
  await logIn(scene.client, scene.gateway.url, 'ada');
  const { session, replace } = sessionIn(scene);
  // Tokens that live for long are called old here: short ones get a good refresh before this on a busy machine.
  const past = Math.floor(Date.now() / 1000) - 1;
  replace({ ...session, dpopKey: createDpopKey(), refreshAt: past, accessTokenExpiresAt: past });
  t.equal(await headerOf(scene, 'x-forwarded-user'), '401');
  t.equal(grantsOf(scene, 'refresh_token'), 0);
  const refusal = ({ name, grantType }: { name: string; grantType?: string | undefined }) =>
    name === 'grant.error' && grantType === 'refresh_token';
  t.ok(scene.provider.events.some(refusal));
});

test('C17 a Bearer token is refused where DPoP was asked for', async (t) => {
  const scene = await arrange(t);
  const { callback } = await reachCallback(scene.client, scene.gateway.url);
  scene.provider.tamper(alterTokens((tokens) => ({ ...tokens, token_type: 'Bearer' })));
  const answer = await scene.client.navigate(callback.href);
  await assertRefused(t, scene, answer, { code: 'login_response_invalid', reason: /type DPoP/ });
});

test('C17 a refresh that falls back to Bearer ends the session', waiting(), async (t) => {
  const scene = await arrange(t, shortLived);
  await logIn(scene.client, scene.gateway.url, 'ada');
  scene.provider.tamper(alterTokens((tokens) => ({ ...tokens, token_type: 'Bearer' })));
  await until('the end', async () => (await headerOf(scene, 'x-forwarded-user')) === '401', patience);
  const line = await scene.gateway.log.line(({ msg }) => msg === 'session ended');
  t.match(line.reason, /token of the type bearer/i);
});

test('C17 a refresh that turns to DPoP without being asked ends the session', waiting(), async (t) => {
  const scene = await arrange(t, shortLived, { dpop: false });
  await logIn(scene.client, scene.gateway.url, 'ada');
  scene.provider.tamper(alterTokens((tokens) => ({ ...tokens, token_type: 'DPoP' })));
  await until('the end', async () => (await headerOf(scene, 'x-forwarded-user')) === '401', patience);
  t.match((await scene.gateway.log.line(({ msg }) => msg === 'session ended')).reason, /type dpop/i);
});
