import { generateKeyPairSync } from 'node:crypto';
import { decodeProtectedHeader } from 'jose';
import { type Test, test } from 'tap';
import { beginLogin, signInAtProvider } from '../login/steps.ts';
import { logIn } from '../support/log-in.ts';
import { arrangeProfile, assertLoginAndRefresh, headerOf, makeClientKey, registration } from './scene.ts';

const secret = 'a secret of more than thirty-two characters';

/** A client for which the provider encrypts ID tokens and userinfo, to this public key. */
async function arrangeEncrypted(
  t: Test,
  alg: string,
  { key, registered = key }: { key: ReturnType<typeof makeClientKey>; registered?: typeof key },
) {
  return arrangeProfile(t, {
    client: registration({
      client_secret: secret,
      jwks: { keys: [{ ...registered.publicJwk, use: 'enc' }] } as never,
      id_token_encrypted_response_alg: alg as never,
      id_token_encrypted_response_enc: 'A256GCM',
      userinfo_signed_response_alg: 'RS256',
      userinfo_encrypted_response_alg: alg as never,
      userinfo_encrypted_response_enc: 'A128CBC-HS256',
    }),
    provider: {
      conformIdTokenClaims: true,
      ttl: { accessToken: 3 },
      configuration: {
        features: { encryption: { enabled: true }, jwtUserinfo: { enabled: true } },
      } as never,
    },
    keys: { clientSecret: secret, clientAuth: 'client_secret_basic', privateKey: key.jwk },
  });
}

for (const [kind, alg] of [
  ['rsa', 'RSA-OAEP'],
  ['rsa', 'RSA-OAEP-256'],
  ['ec', 'ECDH-ES'],
] as const) {
  test(`an ID token and userinfo that are encrypted by ${alg}: login and refresh`, async (t) => {
    const scene = await arrangeEncrypted(t, alg, { key: makeClientKey(kind) });
    const answers: string[] = [];
    scene.provider.tamper(async (hit) => {
      if (hit.path !== '/token' && hit.path !== '/me') return hit.pass();
      const answer = await hit.original();
      answers.push(answer.body);
      hit.send(answer);
    });
    await assertLoginAndRefresh(t, scene);
    t.equal(await headerOf(scene, 'x-forwarded-email'), 'ada@example.com', 'userinfo was opened');
    const { id_token: idToken = '' } = JSON.parse(answers[0] ?? '{}') as { id_token?: string };
    t.equal(idToken.split('.').length, 5, 'it was encrypted');
    t.equal(decodeProtectedHeader(idToken).alg, alg);
    const userinfo = answers.find((body) => body.startsWith('eyJ')) ?? '';
    t.equal(userinfo.split('.').length, 5);
    const out = await scene.client.navigate(`${scene.gateway.url}/oauth2/sign_out`);
    const hint = new URL(out.headers.location ?? '').searchParams.get('id_token_hint') ?? '';
    t.equal(hint.split('.').length, 3, 'the provider is shown what it signed');
  });
}

test('an ID token that is encrypted to another key signs nobody in', async (t) => {
  const scene = await arrangeEncrypted(t, 'RSA-OAEP-256', {
    key: otherRsaKey(),
    registered: makeClientKey('rsa'),
  });
  const callback = await signInAtProvider(scene.client, await beginLogin(scene.client, scene.gateway.url));
  t.equal((await scene.client.navigate(callback.href)).status, 400);
  t.notOk(scene.client.cookies.get('sallyport'));
});

test('what is inside is checked as ever: an ID token that somebody else signed is refused', async (t) => {
  const key = makeClientKey('rsa');
  const scene = await arrangeEncrypted(t, 'RSA-OAEP-256', { key });
  scene.provider.tamper(async (hit) => {
    if (hit.path !== '/token') return hit.pass();
    const answer = await hit.original();
    const tokens = JSON.parse(answer.body) as Record<string, string>;
    hit.send({
      ...answer,
      body: JSON.stringify({ ...tokens, id_token: await encryptedByStranger(tokens.id_token ?? '', key) }),
    });
  });
  const callback = await signInAtProvider(scene.client, await beginLogin(scene.client, scene.gateway.url));
  t.equal((await scene.client.navigate(callback.href)).status, 400);
  t.notOk(scene.client.cookies.get('sallyport'));
  scene.provider.tamper((hit) => hit.pass());
  t.equal((await logIn(scene.client, scene.gateway.url, 'ada')).status, 200);
});

test('nor does userinfo count that somebody else encrypted and signed', async (t) => {
  const key = makeClientKey('rsa');
  const scene = await arrangeEncrypted(t, 'RSA-OAEP-256', { key });
  scene.provider.tamper(async (hit) => {
    if (hit.path !== '/me') return hit.pass();
    const answer = await hit.original();
    hit.send({ ...answer, body: await encryptedByStranger(answer.body, key) });
  });
  const callback = await signInAtProvider(scene.client, await beginLogin(scene.client, scene.gateway.url));
  t.equal((await scene.client.navigate(callback.href)).status, 400);
  t.notOk(scene.client.cookies.get('sallyport'));
});

/** Anybody has the public key, and so can encrypt to it: the same claims, signed by a key of their own. */
async function encryptedByStranger(
  encrypted: string,
  key: ReturnType<typeof makeClientKey>,
): Promise<string> {
  const { CompactEncrypt, compactDecrypt, importJWK } = await import('jose');
  const [own, theirs] = await Promise.all([
    importJWK(JSON.parse(key.jwk) as never, 'RSA-OAEP-256'),
    importJWK(key.publicJwk as never, 'RSA-OAEP-256'),
  ]);
  const { plaintext } = await compactDecrypt(encrypted, own);
  const [head, claims] = new TextDecoder().decode(plaintext).split('.');
  const forged = `${head}.${claims}.${Buffer.alloc(256, 7).toString('base64url')}`;
  return new CompactEncrypt(new TextEncoder().encode(forged))
    .setProtectedHeader({ alg: 'RSA-OAEP-256', enc: 'A256GCM', kid: key.kid })
    .encrypt(theirs);
}

function otherRsaKey(): ReturnType<typeof makeClientKey> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = makeClientKey('rsa');
  return { ...key, jwk: JSON.stringify({ ...privateKey.export({ format: 'jwk' }), kid: key.kid }) };
}
