import { type Test, test } from 'tap';
import { arrangePreset, type Imitated, personOf } from './imitation.ts';

/** https://developers.google.com/identity/openid-connect/reference */
function googleAccounts(claims: Record<string, unknown>): Imitated {
  return {
    metadata: (origin) => ({
      path: '/.well-known/openid-configuration',
      document: {
        issuer: origin,
        authorization_endpoint: `${origin}/o/oauth2/v2/auth`,
        token_endpoint: `${origin}/token`,
        userinfo_endpoint: `${origin}/v1/userinfo`,
        revocation_endpoint: `${origin}/revoke`,
        jwks_uri: `${origin}/oauth2/v3/certs`,
        response_types_supported: ['code', 'token', 'id_token'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['RS256'],
        token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
      },
    }),
    paths: { authorize: '/o/oauth2/v2/auth', token: '/token', jwks: '/oauth2/v3/certs' },
    idToken: (origin) => ({
      iss: origin,
      azp: 'app',
      sub: '10769150350006150715113082367',
      email: 'jsmith@example.com',
      email_verified: true,
      name: 'Jane Smith',
      ...claims,
    }),
    tokens: { expires_in: 3599, refresh_token: '1//refresh' },
    api: {
      '/v1/userinfo': () => ({
        json: { sub: '10769150350006150715113082367', email: 'jsmith@example.com', email_verified: true },
      }),
    },
  };
}

const arrange = (t: Test, claims: Record<string, unknown>, hostedDomain?: string) =>
  arrangePreset(t, googleAccounts(claims), {
    provider: (origin) => ({
      preset: { name: 'google', ...(hostedDomain !== undefined && { hostedDomain }) },
      issuer: origin,
    }),
  });

test('Google: people of the hosted domain sign in, and a refresh token is asked for', async (t) => {
  const scene = await arrange(t, { hd: 'example.com' }, 'example.com');
  t.equal((await scene.signIn()).status, 200);
  t.strictSame(await personOf(scene), {
    user: '10769150350006150715113082367',
    email: 'jsmith@example.com',
    username: 'jsmith@example.com',
  });
  const [request] = scene.imitation.authorizationRequests;
  t.equal(request?.get('hd'), 'example.com');
  t.equal(request?.get('access_type'), 'offline');
  t.equal(request?.get('prompt'), 'consent');
});

test('Google: another hosted domain, or none, is refused whatever the email address says', async (t) => {
  for (const hd of [
    'other.example',
    'example.com.evil.example',
    '',
    undefined,
    'EXAMPLE.COM',
    ['other.example'],
  ]) {
    const scene = await arrange(t, { hd }, 'example.com');
    const answer = await scene.signIn();
    t.equal(answer.status, 403, String(hd));
    t.equal(answer.headers['x-sallyport-error'], 'login_not_admitted');
    t.match(answer.text, /This account is not one that may sign in here/);
    t.equal((await personOf(scene)).status, '401', 'no session');
  }
});

test('Google: without a hosted domain everybody may sign in', async (t) => {
  const scene = await arrange(t, {});
  t.equal((await scene.signIn()).status, 200);
  t.equal(scene.imitation.authorizationRequests[0]?.has('hd'), false);
});
