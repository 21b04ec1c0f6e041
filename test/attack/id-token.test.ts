import { createHmac, createPublicKey } from 'node:crypto';
import { importJWK } from 'jose';
import { type Test, test } from 'tap';
import { anotherBrowser, arrangeLogin, isSignedIn, type LoginScene, reachCallback } from '../login/steps.ts';
import type { Client, HttpAnswer } from '../support/client.ts';
import type { Tamper } from '../support/provider.ts';
import { type Echo, valuesOf } from '../support/upstream.ts';
import {
  alterClaims,
  alterTokens,
  assembled,
  type Claims,
  foreignKey,
  idTokenOf,
  onPath,
  onPaths,
  providerKey,
  publicHalf,
  type SigningKey,
  sendJson,
  signClaims,
} from './forged-token.ts';
import { assertRefused } from './refusal.ts';

/** Logs in with a browser of its own while the provider misbehaves; gives the answer of the callback. */
async function logInWith(
  t: Test,
  { provider, gateway }: LoginScene,
  tamper: Tamper | undefined,
): Promise<{ client: Client; answer: HttpAnswer }> {
  const client = anotherBrowser(t);
  const { callback } = await reachCallback(client, gateway.url);
  provider.tamper(tamper);
  const answer = await client.navigate(callback.href);
  provider.tamper(undefined);
  return { client, answer };
}

async function assertAccepted(t: Test, scene: LoginScene, tamper: Tamper | undefined): Promise<Client> {
  const { client, answer } = await logInWith(t, scene, tamper);
  t.equal(answer.status, 302, answer.text.replace(/.*<h1>/s, ''));
  t.ok(await isSignedIn(client, scene.gateway.url), 'signed in');
  return client;
}

/** Asserts that a login is refused, for a reason that the log names. */
async function assertLoginRefused(t: Test, scene: LoginScene, tamper: Tamper, reason = /\w/): Promise<void> {
  const { client, answer } = await logInWith(t, scene, tamper);
  const code = String(answer.headers['x-sallyport-error']);
  t.match(code, /^login_(token|response)_invalid$/, 'a refusal, and no outage');
  await assertRefused(t, { gateway: scene.gateway, client }, answer, { code, reason });
}

const seconds = () => Math.floor(Date.now() / 1000);

/** Refusals by a claim of the ID token: the number of the line, what is wrong, and what the log names. */
const wrongClaims: [string, (claims: Claims) => Claims, RegExp][] = [
  ['C7 an iss of somebody else', (claims) => ({ ...claims, iss: 'https://evil.example' }), /iss/],
  ['C7 an iss with a slash more', (claims) => ({ ...claims, iss: `${claims.iss}/` }), /iss/],
  ['C7 no iss', ({ iss: _, ...claims }) => claims, /iss/],
  ['C8 no sub', ({ sub: _, ...claims }) => claims, /sub/],
  ['C8 an empty sub', (claims) => ({ ...claims, sub: '' }), /sub|names nobody/],
  ['C8 a sub that is no text', (claims) => ({ ...claims, sub: 1 }), /sub|names nobody/],
  ['C9 an aud without us', (claims) => ({ ...claims, aud: 'another' }), /aud/],
  ['C9 several aud without us', (claims) => ({ ...claims, aud: ['one', 'two'], azp: 'app' }), /aud/],
  ['C9 no aud', ({ aud: _, ...claims }) => claims, /aud/],
  ['C9 an aud that only begins like us', (claims) => ({ ...claims, aud: 'app2' }), /aud/],
  ['C10 several aud, the azp not us', (claims) => ({ ...claims, aud: ['app', 'b'], azp: 'b' }), /azp/],
  ['C10 several aud and no azp', (claims) => ({ ...claims, aud: ['app', 'b'] }), /azp|aud/],
  ['C10 one aud, the azp not us', (claims) => ({ ...claims, azp: 'another' }), /azp/],
  ['C11 an exp two minutes ago', (claims) => ({ ...claims, exp: seconds() - 120 }), /exp/],
  ['C11 no exp', ({ exp: _, ...claims }) => claims, /exp/],
  ['C11 an exp that is text', (claims) => ({ ...claims, exp: String(seconds() + 600) }), /exp/],
  ['C12 an iat ten minutes ahead', (claims) => ({ ...claims, iat: seconds() + 600 }), /iat|issued/],
  ['C12 no iat', ({ iat: _, ...claims }) => claims, /iat/],
  ['C12 an nbf ten minutes ahead', (claims) => ({ ...claims, nbf: seconds() + 600 }), /nbf/],
  ['C13 the nonce of another login', (claims) => ({ ...claims, nonce: 'another' }), /nonce/],
  ['C13 no nonce', ({ nonce: _, ...claims }) => claims, /nonce/],
  ['C13 an empty nonce', (claims) => ({ ...claims, nonce: '' }), /nonce/],
  [
    'C14 the at_hash of another token',
    (claims) => ({ ...claims, at_hash: 'MTIzNDU2Nzg5MDEyMzQ1Ng' }),
    /at_hash/,
  ],
  ['C14 an empty at_hash', (claims) => ({ ...claims, at_hash: '' }), /at_hash/],
];

test('C7-C14 an ID token whose claims are wrong signs nobody in', async (t) => {
  const scene = await arrangeLogin(t);
  await t.test('the same token is accepted while its claims are right', async (sub) => {
    await assertAccepted(
      sub,
      scene,
      alterClaims(scene.provider, (claims) => claims),
    );
  });
  for (const [name, alter, reason] of wrongClaims) {
    await t.test(`${name}: refused`, async (sub) => {
      await assertLoginRefused(sub, scene, alterClaims(scene.provider, alter), reason);
    });
  }
});

test('C9-C12 what the standard allows is accepted', async (t) => {
  const scene = await arrangeLogin(t);
  const allowed: Record<string, (claims: Claims) => Claims> = {
    'aud as a list of one': (claims) => ({ ...claims, aud: ['app'] }),
    'several aud, the azp us': (claims) => ({ ...claims, aud: ['b', 'app'], azp: 'app' }),
    'a clock that is a little ahead': (claims) => ({ ...claims, iat: seconds() + 20, nbf: seconds() + 20 }),
    'a clock that is a little behind': (claims) => ({ ...claims, exp: seconds() - 10 }),
    'no at_hash': ({ at_hash: _, ...claims }) => claims,
    'claims that nobody knows': (claims) => ({ ...claims, 'https://example.com/odd': { a: [1] } }),
  };
  for (const [name, alter] of Object.entries(allowed)) {
    await t.test(name, (sub) => assertAccepted(sub, scene, alterClaims(scene.provider, alter)));
  }
});

test('C1 C2 C6 an ID token that the provider did not sign as expected signs nobody in', async (t) => {
  const scene = await arrangeLogin(t);
  const { provider } = scene;
  const { kid, key, jwk } = await providerKey(provider);
  const pss = await importJWK(jwk, 'PS256');
  const elliptic = await providerKey(provider, 'ES256');
  const foreign = await foreignKey(kid);
  const pem = createPublicKey({ key: publicHalf(jwk) as never, format: 'jwk' }).export({
    type: 'spki',
    format: 'pem',
  });
  const hs256 = (claims: Claims, secret: string | Buffer, header: object) => {
    const [head, body] = assembled({ alg: 'HS256', ...header }, claims).split('.');
    return `${head}.${body}.${createHmac('sha256', secret).update(`${head}.${body}`).digest('base64url')}`;
  };
  const forgeries: Record<string, (claims: Claims) => string | Promise<string>> = {
    'C1 alg none': (claims) => assembled({ alg: 'none' }, claims),
    'C1 alg none with a kid': (claims) => assembled({ alg: 'none', kid }, claims),
    'C1 alg nOnE': (claims) => assembled({ alg: 'nOnE' }, claims),
    'C1 alg none with a signature': (claims) => assembled({ alg: 'none', kid }, claims, 'c2lnbmF0dXJl'),
    'C1 no alg': (claims) => assembled({ kid }, claims),
    'C2 signed by a foreign key under the kid of the real one': (claims) => signClaims(claims, foreign),
    'C2 a signature of other claims': async (claims) => {
      const [head, , signature] = (await signClaims(claims, { key, kid })).split('.');
      const [, body] = assembled({}, { ...claims, sub: 'grace' }).split('.');
      return `${head}.${body}.${signature}`;
    },
    'C2 half a signature': async (claims) => (await signClaims(claims, { key, kid })).slice(0, -40),
    'C2 no signature': async (claims) => (await signClaims(claims, { key, kid })).replace(/[^.]*$/, ''),
    'C2 the key in the header': (claims) =>
      signClaims(claims, { ...foreign, header: { jwk: foreign.publicJwk } }),
    'C2 the address of a key in the header': (claims) =>
      signClaims(claims, { ...foreign, kid: 'x', header: { jku: `${provider.issuer}/evil-keys` } }),
    'C2 a critical header that nobody knows': (claims) =>
      signClaims(claims, { key, kid, header: { crit: ['odd'], odd: 1 } }).catch(() =>
        assembled({ alg: 'RS256', kid, crit: ['odd'], odd: 1 }, claims, 'AAAA'),
      ),
    'C6 HS256 made with the public key': (claims) => hs256(claims, pem as string, { kid }),
    'C6 HS256 made with the modulus': (claims) =>
      hs256(claims, Buffer.from(jwk.n ?? '', 'base64url'), { kid }),
    'C6 HS256 made with the client secret': (claims) => hs256(claims, provider.clientSecret ?? '', {}),
    'C6 HS256 made with nothing': (claims) => hs256(claims, '', { kid }),
    'C6 PS256 by a key that is for RS256': (claims) => signClaims(claims, { key: pss, kid, alg: 'PS256' }),
    'C6 RS256 under the kid of another algorithm': (claims) => signClaims(claims, { key, kid: elliptic.kid }),
    'C6 two parts': (claims) => assembled({ alg: 'RS256', kid }, claims).replace(/\.$/, ''),
    'C6 a token that is encrypted, or looks so': (claims) => `${assembled({ alg: 'dir' }, claims)}.a.b`,
    'C6 text': () => 'not a token',
  };
  for (const [name, forge] of Object.entries(forgeries)) {
    await t.test(`${name}: refused`, async (sub) => {
      const tamper = alterTokens(async (tokens) => ({ ...tokens, id_token: await forge(idTokenOf(tokens)) }));
      await assertLoginRefused(sub, scene, tamper);
    });
  }
  t.equal(provider.hits.get('/evil-keys'), undefined, 'no key was fetched from where a token says');
});

test('C6 a provider that offers none or HS256 in its metadata gets no ID token of that kind through', async (t) => {
  const scene = await arrangeLogin(t);
  const { provider } = scene;
  const algorithms = ['none', 'HS256', 'RS256'];
  provider.tamper(
    onPath('/.well-known/openid-configuration', async (hit) => {
      const metadata = JSON.parse((await hit.original()).body) as object;
      sendJson(hit, { ...metadata, id_token_signing_alg_values_supported: algorithms });
    }),
  );
  const { startTestGateway } = await import('../support/gateway.ts');
  const gateway = await startTestGateway({ provider, upstream: scene.upstream });
  t.teardown(() => gateway.close());
  const trusting = { ...scene, gateway };
  provider.tamper(undefined);
  const none = alterTokens((tokens) => ({
    ...tokens,
    id_token: assembled({ alg: 'none' }, idTokenOf(tokens)),
  }));
  await assertLoginRefused(t, trusting, none);
  const symmetric = alterTokens((tokens) => {
    const [head, body] = assembled({ alg: 'HS256' }, idTokenOf(tokens)).split('.');
    const mac = createHmac('sha256', provider.clientSecret ?? '')
      .update(`${head}.${body}`)
      .digest('base64url');
    return { ...tokens, id_token: `${head}.${body}.${mac}` };
  });
  await assertLoginRefused(t, trusting, symmetric);
});

test('C3 an ID token of an unknown key is refused after one look at the keys', async (t) => {
  const scene = await arrangeLogin(t);
  const { provider } = scene;
  await assertAccepted(t, scene, undefined);
  const before = provider.hits.get('/jwks') ?? 0;
  const foreign = await foreignKey('nobody-knows');
  const tamper = alterTokens(async (tokens) => ({
    ...tokens,
    id_token: await signClaims(idTokenOf(tokens), foreign),
  }));
  await assertLoginRefused(t, scene, tamper);
  t.equal((provider.hits.get('/jwks') ?? 0) - before, 1, 'one refetch');
});

test('C4 a provider that has just rotated its keys is believed after one look at them', async (t) => {
  const scene = await arrangeLogin(t);
  const { provider } = scene;
  await assertAccepted(t, scene, undefined);
  const before = provider.hits.get('/jwks') ?? 0;
  const next = await foreignKey('the-next-one');
  const rotated: Tamper = onPaths({
    '/jwks': (hit) => sendJson(hit, { keys: [next.publicJwk] }),
    '/token': async (hit) => {
      const tokens = JSON.parse((await hit.original()).body) as Record<string, unknown>;
      sendJson(hit, { ...tokens, id_token: await signClaims(idTokenOf(tokens), next) });
    },
  });
  await assertAccepted(t, scene, rotated);
  t.equal((provider.hits.get('/jwks') ?? 0) - before, 1, 'one refetch');
  await assertAccepted(t, scene, rotated);
  t.equal((provider.hits.get('/jwks') ?? 0) - before, 1, 'and then none');
});

test('C5 of several keys without a kid the fitting one is tried', async (t) => {
  const scene = await arrangeLogin(t);
  const { key, jwk } = await providerKey(scene.provider);
  const { kid: _, ...nameless } = publicHalf(jwk);
  const other = (await foreignKey()).publicJwk;
  const { kid: __, ...otherNameless } = other;
  const tamper = (keys: object[], signedBy: SigningKey): Tamper =>
    onPaths({
      '/jwks': (hit) => sendJson(hit, { keys }),
      '/token': async (hit) => {
        const tokens = JSON.parse((await hit.original()).body) as Record<string, unknown>;
        sendJson(hit, { ...tokens, id_token: await signClaims(idTokenOf(tokens), { key: signedBy }) });
      },
    });
  await t.test('the fitting one', (sub) =>
    assertAccepted(sub, scene, tamper([otherNameless, nameless], key)),
  );
  await t.test('none fits: refused', async (sub) => {
    await assertLoginRefused(
      sub,
      scene,
      tamper([otherNameless, nameless], (await foreignKey('x', 'somebody else')).key),
    );
  });
});

test('C15 userinfo about somebody else is refused', async (t) => {
  const scene = await arrangeLogin(t, { config: { provider: { userinfo: true } } });
  await t.test('the right userinfo is accepted', (sub) => assertAccepted(sub, scene, undefined));
  for (const sub of ['grace', '', 7, undefined]) {
    await t.test(`sub ${String(sub)}: refused`, async (inner) => {
      const tamper = onPath('/me', (hit) => sendJson(hit, { sub, email: 'grace@navy.example' }));
      await assertLoginRefused(inner, scene, tamper, /sub/);
    });
  }
});

test('C16 a token response without an ID token is refused', async (t) => {
  const scene = await arrangeLogin(t);
  for (const idToken of [undefined, '', null, 7]) {
    await t.test(`id_token ${String(idToken)}`, async (sub) => {
      const tamper = alterTokens((tokens) => ({ ...tokens, id_token: idToken }));
      await assertLoginRefused(sub, scene, tamper, /id.token/i);
    });
  }
});

test('C17 a token type other than Bearer is refused', async (t) => {
  const scene = await arrangeLogin(t);
  for (const type of ['mac', 'DPoP', 'N_A', 7, {}]) {
    await t.test(`token_type ${String(type)}`, async (sub) => {
      const tamper = alterTokens((tokens) => ({ ...tokens, token_type: type }));
      await assertLoginRefused(sub, scene, tamper, /token.?type|bearer/i);
    });
  }
  // RFC 6749 §5.1 requires it, and some leave it out: then it is what was asked for.
  for (const type of ['Bearer', 'bearer', 'BEARER', '', null, undefined]) {
    await t.test(`token_type ${type} is accepted`, (sub) =>
      assertAccepted(
        sub,
        scene,
        alterTokens((tokens) => ({ ...tokens, token_type: type })),
      ),
    );
  }
});

test('C17 a token response without an access token, or with one that breaks headers, is refused', async (t) => {
  const scene = await arrangeLogin(t);
  for (const token of [undefined, '', null, 7]) {
    await t.test(`access_token ${String(token)}`, async (sub) => {
      const tamper = alterTokens((tokens) => ({ ...tokens, access_token: token }));
      await assertLoginRefused(sub, scene, tamper, /access_token/);
    });
  }
  await t.test('access_token with a line break', async (sub) => {
    const tamper = alterTokens(({ access_token, ...tokens }) => {
      const { at_hash: _, ...claims } = idTokenOf(tokens);
      return { ...tokens, id_token: assembled({}, claims), access_token: `${access_token}\r\nX-Admin: yes` };
    });
    const { answer } = await logInWith(sub, scene, tamper);
    sub.ok(answer.status >= 400 && answer.status < 500, String(answer.status));
  });
});

test('C22 a session without expires_in still has an end', async (t) => {
  const scene = await arrangeLogin(t, { config: { session: { maxLifetime: '2h' } } });
  for (const expiresIn of [undefined, 0, -5, 1e12]) {
    await t.test(`expires_in ${String(expiresIn)}`, async (sub) => {
      const tamper = alterTokens((tokens) => ({ ...tokens, expires_in: expiresIn }));
      const { client, answer } = await logInWith(sub, scene, tamper);
      if (answer.status !== 302) {
        sub.equal(answer.status, 400, 'or the answer is refused');
        return;
      }
      const info = await client.get(`${scene.gateway.url}/oauth2/userinfo`);
      if (info.status === 401) return;
      const { expiresAt } = info.json() as { expiresAt: string };
      const inSeconds = (Date.parse(expiresAt) - Date.now()) / 1000;
      sub.ok(inSeconds > 7100 && inSeconds < 7210, `${inSeconds} s`);
      const echo = (await client.get(scene.gateway.url)).json() as Echo;
      sub.same(valuesOf(echo.rawHeaders, 'x-forwarded-user'), ['ada']);
    });
  }
});
