import { randomUUID } from 'node:crypto';
import { calculateJwkThumbprint, decodeJwt, exportJWK, generateKeyPair } from 'jose';
import { test } from 'tap';
import { verifyProof } from '../../src/identity/bearer/dpop.ts';
import { TokenRejected } from '../../src/identity/tokens/rejected.ts';
import type { Shared } from '../../src/session/shared/shared.ts';
import { type Claims, providerKey, signClaims } from '../attack/forged-token.ts';
import { reachCallback } from '../login/steps.ts';
import { makeLogoutToken, sendLogout } from '../logout/forge.ts';
import { signIn, startLogoutProvider } from '../logout/scene.ts';
import { arrangeUpstream } from '../support/arrange.ts';
import { createClient } from '../support/client.ts';
import { createWoundClock } from '../support/clock.ts';
import { startTestGateway } from '../support/gateway.ts';
import { startProvider } from '../support/provider.ts';

test('the age of a logout token is told by the clock of the gateway', async (t) => {
  const clock = createWoundClock();
  const provider = await startLogoutProvider(t);
  const upstream = await arrangeUpstream(t);
  const gateway = await startTestGateway({ provider, upstream, clock });
  t.teardown(() => gateway.close());
  const { client } = await signIn(t, gateway.url, 'ada');
  const send = async (claims: Claims) => {
    const token = await makeLogoutToken(provider, { claims: { sub: 'ada', ...claims } });
    return (await sendLogout(gateway.url, { logout_token: token })).status;
  };
  clock.wind(900_000);
  t.equal(await send({}), 400, 'one that was good before');
  t.equal((await client.get(gateway.url)).status, 200);
  const now = Math.floor(clock.now() / 1000);
  t.equal(await send({ iat: now, exp: now + 120 }), 200);
  t.equal((await client.get(gateway.url)).status, 401);
});

test('so is the end of a signed authorization response', async (t) => {
  const clock = createWoundClock();
  const provider = await startProvider({
    configuration: { features: { jwtResponseModes: { enabled: true } } },
  });
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  const gateway = await startTestGateway({ provider, upstream, clock, config: { provider: { jarm: true } } });
  t.teardown(() => gateway.close());
  const key = await providerKey(provider);
  for (const [secondsLeft, code] of [
    [-120, 'login_token_invalid'],
    [60, undefined],
  ] as const) {
    const client = createClient();
    t.teardown(() => client.close());
    const { callback } = await reachCallback(client, gateway.url);
    clock.wind(200_000);
    const exp = Math.floor(clock.now() / 1000) + secondsLeft;
    const claims = decodeJwt(callback.searchParams.get('response') ?? '');
    callback.searchParams.set('response', await signClaims({ ...claims, exp }, key));
    const answer = await client.navigate(callback.href);
    t.equal(answer.headers['x-sallyport-error'], code);
  }
});

test('and that of a DPoP proof', async (t) => {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  const jwk = await exportJWK(publicKey);
  const now = () => Date.now() + 3_600_000;
  const seconds = Math.floor(now() / 1000);
  const verify = async (claims: Claims) => {
    const good = { htm: 'GET', htu: 'https://app.example.com/', iat: seconds, jti: randomUUID() };
    const ath = 'PEaenWxYddN6Q_NT1PiOYfz4EsZu7jRXRlpAsNpBU-A';
    const header = { typ: 'dpop+jwt', jwk };
    const proof = await signClaims({ ...good, ath, ...claims }, { key: privateKey, alg: 'ES256', header });
    const once: Shared['once'] = async (_name, work) => (await work(undefined)).value;
    const request = { method: 'GET', url: 'https://app.example.com/', accessToken: 'token' };
    return verifyProof(proof, await calculateJwkThumbprint(jwk), request, { once, now });
  };
  await t.rejects(verify({ exp: seconds - 10 }), TokenRejected, 'though the time of day says otherwise');
  await verify({ exp: seconds + 10, nbf: seconds - 10 });
  t.pass();
});
