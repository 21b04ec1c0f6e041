import { calculateJwkThumbprint, EmbeddedJWK, type JWK, jwtVerify } from 'jose';
import { test } from 'tap';
import { arrangeLogin } from '../login/steps.ts';
import { createWoundClock } from '../support/clock.ts';
import { logIn } from '../support/log-in.ts';
import type { ProviderHit } from '../support/provider.ts';
import { until } from '../support/until.ts';

const revocation = '/token/revocation';

test('the browser goes on to the provider when the revocation has ended, and not before', async (t) => {
  const { client, gateway, provider } = await arrangeLogin(t, {});
  await logIn(client, gateway.url, 'ada');
  let release = () => {};
  let isHeld = false;
  provider.tamper((hit) => {
    if (hit.path !== revocation) return hit.pass();
    isHeld = true;
    return new Promise<void>((resolve) => {
      release = () => {
        hit.send({ status: 200 });
        resolve();
      };
    });
  });
  let isAnswered = false;
  const leaving = client.navigate(`${gateway.url}/oauth2/sign_out`).finally(() => {
    isAnswered = true;
  });
  await until('the revocation', () => isHeld);
  t.notOk(isAnswered, 'the person waits for it');
  release();
  t.match((await leaving).headers.location, `${provider.issuer}/session/end`);
});

test('D9: a revocation that does not end is waited for a short while, and where nobody goes on there not at all', async (t) => {
  const clock = createWoundClock();
  const { client, gateway, provider } = await arrangeLogin(t, { clock });
  await logIn(client, gateway.url, 'ada');
  let isAsked = false;
  provider.tamper((hit) => {
    if (hit.path !== revocation) return hit.pass();
    isAsked = true;
    return undefined;
  });
  const leaving = client.navigate(`${gateway.url}/oauth2/sign_out`);
  await until('the revocation', () => isAsked);
  clock.wind(700);
  t.match((await leaving).headers.location, `${provider.issuer}/session/end`);
  t.equal((await client.get(`${gateway.url}/`)).status, 401, 'the session has ended all the same');

  const alone = await arrangeLogin(t, { provider: { endSession: false } });
  await logIn(alone.client, alone.gateway.url, 'ada');
  alone.provider.tamper((hit) => (hit.path === revocation ? undefined : hit.pass()));
  const page = await alone.client.navigate(`${alone.gateway.url}/oauth2/sign_out`);
  t.equal(page.status, 200, 'at once: no clock is wound here');
});

/** Checks a proof as a provider would: signed by its own key, for this call, without an access token. */
async function proofIn(
  { request }: ProviderHit,
  url: string,
): Promise<{ jkt: string; nonce: unknown; jti: unknown }> {
  const { payload, protectedHeader } = await jwtVerify(String(request.headers.dpop), EmbeddedJWK, {
    typ: 'dpop+jwt',
  });
  if (payload.htm !== 'POST' || payload.htu !== url || payload.ath !== undefined)
    throw new Error('another call');
  return {
    jkt: await calculateJwkThumbprint(protectedHeader.jwk as JWK),
    nonce: payload.nonce,
    jti: payload.jti,
  };
}

test('the revocation of a token that is bound to a key carries a proof of it, and the nonce that is wanted', async (t) => {
  const { client, gateway, provider } = await arrangeLogin(t, {
    config: { provider: { dpop: true } },
    provider: { configuration: { features: { dPoP: { enabled: true } } } as never },
  });
  let bound = '';
  const proofs: Awaited<ReturnType<typeof proofIn>>[] = [];
  provider.tamper(async (hit) => {
    if (hit.path === '/token') {
      bound = (await proofIn(hit, `${provider.issuer}/token`)).jkt;
      return hit.pass();
    }
    if (hit.path !== revocation) return hit.pass();
    const proof = await proofIn(hit, provider.issuer + revocation);
    proofs.push(proof);
    if (proof.nonce === 'n-1') return hit.pass();
    return hit.send({
      status: 400,
      headers: { 'content-type': 'application/json', 'dpop-nonce': 'n-1' },
      body: JSON.stringify({ error: 'use_dpop_nonce' }),
    });
  });
  await logIn(client, gateway.url, 'ada');
  await client.navigate(`${gateway.url}/oauth2/sign_out`);
  await until('both tries', () => proofs.length === 2);
  t.strictSame(
    proofs.map(({ jkt }) => jkt),
    [bound, bound],
    'the key of the session',
  );
  t.strictSame(
    proofs.map(({ nonce }) => nonce),
    [undefined, 'n-1'],
  );
  t.not(proofs[0]?.jti, proofs[1]?.jti);
  t.notOk(gateway.log.lines.some(({ msg }) => msg === 'a token could not be revoked'));
  t.equal(provider.events.filter(({ name }) => name === 'server_error').length, 0);
});

test('a provider that wants a nonce over and over is asked twice, and no more', async (t) => {
  const { client, gateway, provider } = await arrangeLogin(t, {
    config: { provider: { dpop: true } },
    provider: { configuration: { features: { dPoP: { enabled: true } } } as never },
  });
  await logIn(client, gateway.url, 'ada');
  let asked = 0;
  provider.tamper((hit) => {
    if (hit.path !== revocation) return hit.pass();
    asked += 1;
    return hit.send({
      status: 400,
      headers: { 'content-type': 'application/json', 'dpop-nonce': `n-${asked}` },
      body: JSON.stringify({ error: 'use_dpop_nonce' }),
    });
  });
  t.equal((await client.navigate(`${gateway.url}/oauth2/sign_out`)).status, 302);
  // Of the refresh token, then of the access token, which goes on its own where the first did not.
  await until(
    'the end of it',
    () => gateway.log.lines.filter(({ msg }) => msg === 'a token could not be revoked').length === 2,
  );
  t.equal(asked, 4);
  t.equal((await client.get(`${gateway.url}/`)).status, 401);
});
