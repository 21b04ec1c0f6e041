import { createHash, createHmac, createPublicKey } from 'node:crypto';
import { type Test, test } from 'tap';
import { verifyIdToken } from '../../src/identity/tokens/id-token.ts';
import {
  alterTokens,
  assembled,
  type Claims,
  idTokenOf,
  providerKey,
  publicHalf,
  signClaims,
} from '../attack/forged-token.ts';
import { assertRefused } from '../attack/refusal.ts';
import { anotherBrowser, arrangeLogin, isSignedIn, type LoginScene, reachCallback } from './steps.ts';

const secret = 's'.repeat(64);

/** A provider whose client is registered for an algorithm of ID tokens. */
const signingWith = (algorithm: string, clientSecret = secret) => ({
  clients: [
    {
      client_id: 'app',
      client_secret: clientSecret,
      id_token_signed_response_alg: algorithm as 'RS256',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code' as const],
      redirect_uris: ['http://127.0.0.1:1/oauth2/callback'],
    },
  ],
  configuration: {
    enabledJWA: { idTokenSigningAlgValues: ['RS256', 'ES256', 'HS256', 'HS384', 'HS512'] as const },
  } as never,
});

const allowing = (...algorithms: string[]) => ({ config: { provider: { idTokenAlgorithms: algorithms } } });

async function callbackOf(t: Test, { gateway }: LoginScene) {
  const client = anotherBrowser(t);
  const { callback } = await reachCallback(client, gateway.url);
  return { client, answer: await client.navigate(callback.href) };
}

test('an ID token that is keyed with the client secret counts where its algorithm is named', async (t) => {
  for (const algorithm of ['HS256', 'HS384', 'HS512']) {
    const scene = await arrangeLogin(t, { provider: signingWith(algorithm), ...allowing(algorithm) });
    const { client, answer } = await callbackOf(t, scene);
    t.equal(answer.status, 302, algorithm);
    t.ok(await isSignedIn(client, scene.gateway.url), algorithm);
  }
});

test('where nothing is named, one error says the algorithm that was seen and what to do', async (t) => {
  for (const algorithm of ['HS256', 'HS512']) {
    const scene = await arrangeLogin(t, { provider: signingWith(algorithm) });
    const { client, answer } = await callbackOf(t, scene);
    const code = 'login_token_invalid';
    const line = await assertRefused(t, { ...scene, client }, answer, { code });
    t.match(answer.text, `signed with ${algorithm}`, 'the page names it');
    t.match(line.reason, `signed with ${algorithm}`, 'the log too');
    t.match(line.reason, `idTokenAlgorithms: [${algorithm}]`, 'and how it can be allowed');
    t.match(line.reason, /sign with RS256/, 'or done without');
  }
});

test('an asymmetric algorithm counts by itself, and another than the named one does not', async (t) => {
  const free = await arrangeLogin(t, { provider: signingWith('ES256') });
  t.equal((await callbackOf(t, free)).answer.status, 302);
  const scene = await arrangeLogin(t, { provider: signingWith('ES256'), ...allowing('RS256') });
  const { client, answer } = await callbackOf(t, scene);
  const expected = { code: 'login_token_invalid', reason: /ES256.*RS256/ };
  await assertRefused(t, { ...scene, client }, answer, expected);
});

test('C6 where HMAC counts, nothing that is public makes an ID token', async (t) => {
  const scene = await arrangeLogin(t, {
    provider: signingWith('RS256'),
    ...allowing('RS256', 'HS256', 'HS512'),
  });
  const { provider, gateway } = scene;
  const { kid, key, jwk } = await providerKey(provider);
  const pem = createPublicKey({ key: publicHalf(jwk) as never, format: 'jwk' })
    .export({ type: 'spki', format: 'pem' })
    .toString();
  const mac = (claims: Claims, keyedWith: string | Buffer, alg = 'HS256', header = {}) => {
    const [head, body] = assembled({ alg, ...header }, claims).split('.');
    const digest = createHmac(alg.replace('HS', 'sha'), keyedWith).update(`${head}.${body}`);
    return `${head}.${body}.${digest.digest('base64url')}`;
  };
  const forgeries: Record<string, (claims: Claims) => string | Promise<string>> = {
    'the public key': (claims) => mac(claims, pem, 'HS256', { kid }),
    'the public key without its line ends': (claims) =>
      mac(claims, pem.replaceAll('\n', ''), 'HS256', { kid }),
    'the modulus': (claims) => mac(claims, Buffer.from(jwk.n ?? '', 'base64url'), 'HS512', { kid }),
    nothing: (claims) => mac(claims, '', 'HS256', { kid }),
    'the client id': (claims) => mac(claims, 'app'),
    'another algorithm of the same key': (claims) => mac(claims, secret, 'HS384'),
    'no signature': (claims) => assembled({ alg: 'HS256' }, claims),
    'alg none': (claims) => assembled({ alg: 'none' }, claims),
    'RS256 that says HS256': async (claims) => {
      const [, body, signature] = (await signClaims(claims, { key, kid })).split('.');
      return `${assembled({ alg: 'HS256', kid }, {}).split('.')[0]}.${body}.${signature}`;
    },
  };
  for (const [name, forge] of Object.entries(forgeries)) {
    await t.test(`${name}: refused`, async (sub) => {
      const client = anotherBrowser(t);
      const { callback } = await reachCallback(client, gateway.url);
      provider.tamper(
        alterTokens(async (tokens) => ({ ...tokens, id_token: await forge(idTokenOf(tokens)) })),
      );
      const answer = await client.navigate(callback.href);
      provider.tamper(undefined);
      await assertRefused(sub, { gateway, client }, answer, { code: 'login_token_invalid' });
    });
  }
  await t.test('and with the client secret it is one', async (sub) => {
    const client = anotherBrowser(t);
    const { callback } = await reachCallback(client, gateway.url);
    provider.tamper(
      alterTokens((tokens) => {
        const { at_hash: _, ...claims } = idTokenOf(tokens);
        return { ...tokens, id_token: mac(claims, secret) };
      }),
    );
    sub.equal((await client.navigate(callback.href)).status, 302);
    provider.tamper(undefined);
  });
});

test('C14 at_hash is looked at by the digest of the algorithm, whatever that is called', async (t) => {
  const digests = { RS256: 'sha256', ES384: 'sha384', PS512: 'sha512', EdDSA: 'sha512', Ed25519: 'sha512' };
  const accessToken = 'an-access-token';
  const now = 1_800_000_000_000;
  for (const [alg, digest] of Object.entries(digests)) {
    const bytes = createHash(digest).update(accessToken).digest();
    const claims = { iat: now / 1000, at_hash: bytes.subarray(0, bytes.length / 2).toString('base64url') };
    const checked = (of: string) =>
      verifyIdToken(
        { idToken: assembled({ alg }, claims, 'signature'), accessToken: of },
        {
          verify: async () => ({ payload: claims }),
          ...{ issuer: 'https://id.example.com', clientId: 'app', now, clockTolerance: 30_000 },
        },
      );
    await t.resolves(checked(accessToken), alg);
    await t.rejects(checked('another'), { code: 'login_token_invalid' }, `${alg}: of another access token`);
  }
});
