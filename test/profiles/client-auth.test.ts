import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import tap, { test } from 'tap';
import { parseConfig } from '../../src/config/load.ts';
import { startGateway } from '../../src/gateway.ts';
import { gatewayYaml } from '../support/gateway-config.ts';
import { logIn } from '../support/log-in.ts';
import { unobserved } from '../support/observe.ts';
import { arrangeProfile, assertLoginAndRefresh, makeClientKey, recordPosts, registration } from './scene.ts';

/** Most of the time is waiting for tokens to expire, so the tests wait together. */
tap.jobs = 4;
const waiting = () => ({ buffered: true });

const ttl = { accessToken: 3 };
const secret = 'a secret of more than thirty-two characters';

for (const method of ['client_secret_basic', 'client_secret_post', 'client_secret_jwt'] as const) {
  test(`${method}: login and refresh`, waiting(), async (t) => {
    const scene = await arrangeProfile(t, {
      client: registration({ token_endpoint_auth_method: method, client_secret: secret }),
      provider: { ttl },
      keys: { clientSecret: secret, clientAuth: method },
    });
    const seen = recordPosts(scene);
    await assertLoginAndRefresh(t, scene);
    for (const { form, headers } of seen.filter(({ path }) => path === '/token')) {
      const ways = [
        form.has('client_secret'),
        form.has('client_assertion'),
        headers.authorization !== undefined,
      ];
      t.equal(ways.filter(Boolean).length, 1, 'in one way only');
      if (method !== 'client_secret_jwt') continue;
      t.match(decodeProtectedHeader(form.get('client_assertion') ?? ''), { alg: 'HS256' });
    }
  });
}

test('none: login and refresh, by PKCE alone', waiting(), async (t) => {
  const scene = await arrangeProfile(t, {
    client: registration({ token_endpoint_auth_method: 'none' }),
    provider: { ttl },
    keys: { clientAuth: 'none' },
  });
  await assertLoginAndRefresh(t, scene);
});

/** Each kind of key, in each form in which it may be given. */
const keyForms: { kind: 'rsa' | 'ec' | 'ed25519'; form: string; alg?: string; signs: string }[] = [
  { kind: 'rsa', form: 'PEM text', signs: 'RS256' },
  { kind: 'rsa', form: 'JWK file', alg: 'PS256', signs: 'PS256' },
  { kind: 'ec', form: 'JWK text', signs: 'ES256' },
  { kind: 'ec', form: 'PEM file', signs: 'ES256' },
  { kind: 'ed25519', form: 'PEM text', signs: 'EdDSA' },
];

for (const { kind, form, alg, signs } of keyForms) {
  test(
    `private_key_jwt: login and refresh with a key of ${kind} as ${form}, ${signs}`,
    waiting(),
    async (t) => {
      const key = makeClientKey(kind);
      const text = form.startsWith('PEM') ? key.pem : key.jwk;
      const file = join(t.testdir(), 'key');
      await writeFile(file, text);
      const value = form.endsWith('file') ? file : text;
      // A PEM has no place for a key id.
      const long = { key: value, ...(alg && { alg }), ...(form.startsWith('PEM') && { kid: key.kid }) };
      const scene = await arrangeProfile(t, {
        client: registration({
          token_endpoint_auth_method: 'private_key_jwt',
          token_endpoint_auth_signing_alg: signs as 'ES256',
          jwks: { keys: [key.publicJwk as never] },
        }),
        provider: {
          ttl,
          configuration: { enabledJWA: { clientAuthSigningAlgValues: ['RS256', 'PS256', 'ES256', 'EdDSA'] } },
        },
        keys: { privateKey: Object.keys(long).length === 1 ? value : long },
      });
      const seen = recordPosts(scene);
      await assertLoginAndRefresh(t, scene);
      const ids = new Set<unknown>();
      for (const { form: sent } of seen.filter(({ path }) => path === '/token')) {
        const assertion = sent.get('client_assertion') ?? '';
        t.match(decodeProtectedHeader(assertion), { alg: signs, kid: key.kid });
        const { aud, jti, exp = 0, iat = 0 } = decodeJwt(assertion);
        t.equal(aud, scene.provider.issuer);
        t.ok(exp - iat <= 60);
        ids.add(jti);
      }
      t.ok(ids.size >= 2, 'every assertion has an id of its own');
    },
  );
}

test('an assertion for the token URL, for providers that want that', async (t) => {
  const key = makeClientKey();
  const scene = await arrangeProfile(t, {
    client: registration({
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      jwks: { keys: [key.publicJwk as never] },
    }),
    keys: { privateKey: key.jwk, assertionAudience: 'tokenEndpoint' },
  });
  const seen = recordPosts(scene);
  await logIn(scene.client, scene.gateway.url, 'ada');
  const [first] = seen.filter(({ path }) => path === '/token');
  t.equal(decodeJwt(first?.form.get('client_assertion') ?? '').aud, `${scene.provider.issuer}/token`);
});

test('a private key that cannot be used is said at the start, without a word of it', async (t) => {
  const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
  const { pem } = makeClientKey();
  const cases: [what: string, keys: Record<string, unknown>, says: RegExp][] = [
    ['a file that is not there', { privateKey: '/nowhere/key.pem' }, /no PEM, no JWK and no file .*ENOENT/],
    ['text that was cut off', { privateKey: pem.slice(0, 90) }, /no unencrypted private key/],
    ['a PEM without its first line', { privateKey: pem.split('\n').slice(1).join('') }, /no PEM, no JWK/],
    ['broken JSON', { privateKey: '{"kty":"EC","d":"c2VjcmV0"' }, /no unencrypted private key/],
    ['a public key', { privateKey: JSON.stringify(makeClientKey().publicJwk) }, /no unencrypted private key/],
    ['an algorithm of another kind', { privateKey: { key: pem, alg: 'RS256' } }, /RS256 does not fit/],
    [
      'a key that is too short',
      { privateKey: small.export({ type: 'pkcs8', format: 'pem' }) },
      /2048 bits or more/,
    ],
  ];
  for (const [what, keys, says] of cases) {
    const yaml = gatewayYaml(
      { upstream: 'http://127.0.0.1:9', config: { provider: { clientSecret: undefined, ...keys } } },
      1,
    );
    const { config } = parseConfig(yaml, { file: 'sallyport.yaml', env: {} });
    const failure = await startGateway(config, { observe: unobserved }).then(
      () => undefined,
      (error: Error) => error,
    );
    t.match(failure?.message, says, what);
    t.notMatch(String(failure?.stack), /c2VjcmV0|MIG|PRIVATE KEY/, `${what}: nothing of the key`);
  }
});
