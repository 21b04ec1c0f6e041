import type { Test } from 'tap';
import { test } from 'tap';
import {
  assembled,
  type Claims,
  foreignKey,
  onPath,
  providerKey,
  sendJson,
  signClaims,
} from '../attack/forged-token.ts';
import { assertRefused } from '../attack/refusal.ts';
import { arrangeUpstream } from '../support/arrange.ts';
import { makeCertificate } from '../support/certificate.ts';
import { startTestGateway } from '../support/gateway.ts';
import { startProvider, type Tamper } from '../support/provider.ts';
import { type Echo, valuesOf } from '../support/upstream.ts';
import { anotherBrowser, arrangeLogin, type LoginScene, reachCallback } from './steps.ts';

/** A provider that answers userinfo with a JWT, to a client that is registered for that. */
const signing = (algorithm: string) => ({
  conformIdTokenClaims: true,
  clients: [
    {
      client_id: 'app',
      client_secret: 's'.repeat(64),
      userinfo_signed_response_alg: algorithm as 'RS256',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code' as const],
      redirect_uris: ['http://127.0.0.1:1/oauth2/callback'],
    },
  ],
  configuration: {
    features: { jwtUserinfo: { enabled: true } },
    enabledJWA: { userinfoSigningAlgValues: ['RS256', 'ES256', 'HS256'] },
  } as never,
});

async function logInWith(t: Test, { provider, gateway }: LoginScene, tamper?: Tamper) {
  const client = anotherBrowser(t);
  const { callback } = await reachCallback(client, gateway.url);
  provider.tamper(tamper);
  const answer = await client.navigate(callback.href);
  provider.tamper(undefined);
  return { client, answer };
}

const config = { headers: { 'X-Mail': '{email}' } };

async function equalMail(t: Test, scene: LoginScene): Promise<void> {
  const { client, answer } = await logInWith(t, scene);
  t.equal(answer.status, 302, answer.text.replace(/.*<h1>/s, ''));
  const { rawHeaders } = (await client.get(`${scene.gateway.url}/`)).json() as Echo;
  t.strictSame(valuesOf(rawHeaders, 'x-mail'), ['ada@example.com']);
}

test('a userinfo answer that is signed is read, by whatever the provider signs with', async (t) => {
  for (const algorithm of ['RS256', 'ES256']) {
    await equalMail(t, await arrangeLogin(t, { provider: signing(algorithm), config }));
  }
  const provider = { idTokenAlgorithms: ['RS256', 'HS256'] };
  await equalMail(t, await arrangeLogin(t, { provider: signing('HS256'), config: { ...config, provider } }));
});

test('C15 a signed userinfo answer that fails a check signs nobody in', async (t) => {
  const scene = await arrangeLogin(t, {
    provider: signing('RS256'),
    config: { ...config, provider: { userinfo: true } },
  });
  const { provider } = scene;
  const good = await providerKey(provider);
  const foreign = await foreignKey(good.kid);
  const claims = { iss: provider.issuer, aud: 'app', sub: 'ada', email: 'ada@example.com' };
  const seconds = Math.floor(Date.now() / 1000);
  const answers: Record<string, () => string | Promise<string>> = {
    'another issuer': () => signClaims({ ...claims, iss: 'https://evil.example' }, good),
    'no issuer': () => signClaims({ ...claims, iss: undefined }, good),
    'another audience': () => signClaims({ ...claims, aud: 'another' }, good),
    'no audience': () => signClaims({ ...claims, aud: undefined }, good),
    'another subject': () => signClaims({ ...claims, sub: 'grace' }, good),
    'no subject': () => signClaims({ ...claims, sub: undefined }, good),
    'an exp that is past': () => signClaims({ ...claims, exp: seconds - 600 }, good),
    'a foreign key': () => signClaims(claims, foreign),
    'alg none': () => assembled({ alg: 'none' }, claims),
    'HMAC with the client secret, unnamed': () =>
      signClaims(claims, { key: new TextEncoder().encode('s'.repeat(64)), alg: 'HS256' }),
    'JSON that calls itself a JWT': () => JSON.stringify(claims),
    nothing: () => '',
    'five parts': () => `${assembled({ alg: 'dir', enc: 'A256GCM' }, claims)}.a.b`,
  };
  const tamper = (body: string): Tamper =>
    onPath('/me', (hit) => hit.send({ headers: { 'content-type': 'application/jwt' }, body }));
  await t.test('the same answer counts while it is right', async (sub) => {
    const { answer } = await logInWith(t, scene, tamper(await signClaims(claims as Claims, good)));
    sub.equal(answer.status, 302, answer.text.replace(/.*<h1>/s, ''));
  });
  for (const [name, make] of Object.entries(answers)) {
    await t.test(`${name}: refused`, async (sub) => {
      const { client, answer } = await logInWith(t, scene, tamper(await make()));
      const code = String(answer.headers['x-sallyport-error']);
      sub.match(code, /^login_(token|response)_invalid$/);
      await assertRefused(sub, { ...scene, client }, answer, { code });
    });
  }
});

test('C15 what is signed is verified at the address for clients with a certificate too (RFC 8705 §5)', async (t) => {
  const certificate = await makeCertificate();
  const provider = await startProvider(signing('RS256'));
  t.teardown(() => provider.stop());
  const mtls_endpoint_aliases = { userinfo_endpoint: `${provider.issuer}/me-too` };
  provider.tamper(
    onPath('/.well-known/openid-configuration', async (hit) =>
      sendJson(hit, { ...JSON.parse((await hit.original()).body), mtls_endpoint_aliases }),
    ),
  );
  const upstream = await arrangeUpstream(t);
  const tls = { cert: certificate.certFile, key: certificate.keyFile };
  const settings = { ...config, provider: { userinfo: true, clientAuth: 'client_secret_basic', tls } };
  const gateway = await startTestGateway({ provider, upstream, config: settings });
  t.teardown(() => gateway.close());
  const scene = { provider, upstream, gateway, client: anotherBrowser(t) };
  const good = await providerKey(provider);
  const claims = { iss: provider.issuer, aud: 'app', sub: 'ada', email: 'ada@example.com' };
  const tamper = (body: string): Tamper =>
    onPath('/me-too', (hit) => hit.send({ headers: { 'content-type': 'application/jwt' }, body }));
  const { answer: welcome } = await logInWith(t, scene, tamper(await signClaims(claims as Claims, good)));
  t.equal(welcome.status, 302, 'it is asked there');
  const forged = await signClaims({ ...claims, email: 'root@example.com' }, await foreignKey(good.kid));
  const { client, answer } = await logInWith(t, scene, tamper(forged));
  const code = String(answer.headers['x-sallyport-error']);
  t.match(code, /^login_(token|response)_invalid$/);
  await assertRefused(t, { ...scene, client }, answer, { code });
});
