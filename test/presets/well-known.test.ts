import { decodeJwt, decodeProtectedHeader } from 'jose';
import { test } from 'tap';
import { secureBrowser } from '../attack/secure-browser.ts';
import { makeClientKey } from '../profiles/scene.ts';
import { arrangeUpstream } from '../support/arrange.ts';
import { createClient } from '../support/client.ts';
import { startTestGateway } from '../support/gateway.ts';
import { until } from '../support/until.ts';
import { type Echo, valuesOf } from '../support/upstream.ts';
import { arrangePreset, personOf, startImitation } from './imitation.ts';
import { wellKnown } from './well-known.ts';

for (const { name, imitated, provider, person } of wellKnown) {
  test(`${name}: somebody signs in, and applications are told who`, async (t) => {
    const scene = await arrangePreset(t, imitated, { provider });
    t.equal((await scene.signIn('/deep?x=1')).status, 200);
    t.strictSame(await personOf(scene), person);
    const [request] = scene.imitation.authorizationRequests;
    t.ok(request?.get('code_challenge'), 'with PKCE, whether or not it is looked at');
    t.equal(scene.imitation.tokenRequests.length, 1);
    const isRefused = /userinfo failed; its claims are missing/.test(scene.gateway.log.text());
    t.equal(isRefused, name === 'AD FS', 'userinfo answers, but for one');
  });
}

/** https://developer.apple.com/documentation/signinwithapple/authenticating-users-with-sign-in-with-apple */
test('Apple: a secret of the key, a response that is posted, and the name at the first login', async (t) => {
  const origin = 'https://app.example.com';
  const key = makeClientKey();
  const secrets: string[] = [];
  const imitation = await startImitation({
    paths: { authorize: '/auth/authorize', token: '/auth/token', jwks: '/auth/keys' },
    metadata: (issuer) => ({
      path: '/.well-known/openid-configuration',
      document: {
        issuer,
        authorization_endpoint: `${issuer}/auth/authorize`,
        token_endpoint: `${issuer}/auth/token`,
        revocation_endpoint: `${issuer}/auth/revoke`,
        jwks_uri: `${issuer}/auth/keys`,
        response_types_supported: ['code'],
        response_modes_supported: ['query', 'fragment', 'form_post'],
        subject_types_supported: ['pairwise'],
        id_token_signing_alg_values_supported: ['RS256'],
        scopes_supported: ['openid', 'email', 'name'],
        token_endpoint_auth_methods_supported: ['client_secret_post'],
      },
    }),
    idToken: (iss) => ({
      iss,
      sub: '001999.0c9b.1215',
      nonce_supported: true,
      email: 'ada@privaterelay.example',
      email_verified: 'true',
      is_private_email: 'true',
      auth_time: Math.floor(Date.now() / 1000),
    }),
    isClient(id, secret) {
      secrets.push(secret ?? '');
      return id === 'com.example.app';
    },
    tokens: { token_type: 'Bearer', expires_in: 3600, refresh_token: 'rca7' },
  });
  t.teardown(() => imitation.stop());
  imitation.clientId = 'com.example.app';
  const upstream = await arrangeUpstream(t);
  const gateway = await startTestGateway({
    config: {
      publicUrl: origin,
      provider: {
        preset: { name: 'apple', teamId: 'A1B2C3D4E5' },
        issuer: imitation.origin,
        scopes: undefined,
        clientId: 'com.example.app',
        clientSecret: undefined,
        privateKey: { key: key.pem, kid: 'ABC123DEFG' },
      },
      routes: [{ path: '/', upstream: upstream.url, headers: { 'X-Name': '{name}' } }],
    },
  });
  t.teardown(() => gateway.close());
  const provider = createClient();
  t.teardown(() => provider.close());

  const signIn = async (user: Record<string, string>) => {
    const browser = secureBrowser(gateway, origin);
    t.teardown(() => browser.close());
    const begun = await until('a login', async () => {
      const answer = await browser.navigate('/');
      return answer.status !== 503 && answer;
    });
    const request = new URL(begun.headers.location ?? '');
    t.equal(request.searchParams.get('response_mode'), 'form_post');
    t.equal(request.searchParams.get('scope'), 'openid name email');
    const sent = await provider.navigate(request.href);
    const response = new URL(sent.headers.location ?? '').searchParams;
    const cookies = browser.cookies.all().filter(({ sameSite }) => sameSite?.toLowerCase() === 'none');
    const answer = await browser.request('/oauth2/callback', {
      method: 'POST',
      headers: {
        accept: 'text/html',
        origin: 'https://appleid.apple.com',
        'sec-fetch-site': 'cross-site',
        'sec-fetch-mode': 'navigate',
        'content-type': 'application/x-www-form-urlencoded',
        cookie: cookies.map(({ name, value }) => `${name}=${value}`).join('; '),
      },
      body: new URLSearchParams([...response, ...Object.entries(user)]).toString(),
    });
    t.equal(answer.status, 303);
    const { rawHeaders } = (await browser.request('/')).json() as Echo;
    return (header: string) => valuesOf(rawHeaders, header)[0];
  };
  const first = await signIn({
    user: '{"name":{"firstName":"Ada","lastName":"Lovelace"},"email":"x@example.com"}',
  });
  t.equal(first('x-forwarded-user'), '001999.0c9b.1215');
  t.equal(first('x-forwarded-email'), 'ada@privaterelay.example', 'of the ID token');
  t.equal(first('x-name'), 'Ada Lovelace');
  const later = await signIn({});
  t.equal(later('x-name'), undefined, 'it comes once');
  t.equal(new Set(secrets).size, 1, 'and the secret is used again');
  t.match(decodeProtectedHeader(secrets[0] ?? ''), { alg: 'ES256', kid: 'ABC123DEFG' });
  t.match(decodeJwt(secrets[0] ?? ''), { iss: 'A1B2C3D4E5', sub: 'com.example.app', aud: imitation.origin });
});
