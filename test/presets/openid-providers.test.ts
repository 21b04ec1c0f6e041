import { type Test, test } from 'tap';
import { arrangePreset, type Imitated, type PresetScene, personOf } from './imitation.ts';

type Json = Record<string, unknown>;

interface Shape {
  /** The path of the issuer, such as `/realms/main`. */
  issuer: string;
  authorize: string;
  token: string;
  jwks: string;
  userinfo: string;
  endSession?: string;
  idToken: Json;
  userinfoClaims: Json;
}

/** A provider with discovery, in the shape of its documentation. */
function imitated(shape: Shape): Imitated {
  return {
    metadata: (origin) => ({
      path: `${shape.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`,
      document: {
        issuer: origin + shape.issuer,
        authorization_endpoint: origin + shape.authorize,
        token_endpoint: origin + shape.token,
        jwks_uri: origin + shape.jwks,
        userinfo_endpoint: origin + shape.userinfo,
        ...(shape.endSession && { end_session_endpoint: origin + shape.endSession }),
        id_token_signing_alg_values_supported: ['RS256'],
        response_types_supported: ['code'],
        subject_types_supported: ['public'],
      },
    }),
    paths: { authorize: shape.authorize, token: shape.token, jwks: shape.jwks },
    idToken: (origin) => ({ iss: origin + shape.issuer, ...shape.idToken }),
    tokens: { expires_in: 3600 },
    api: { [shape.userinfo]: () => ({ json: { sub: shape.idToken.sub, ...shape.userinfoClaims } }) },
  };
}

const ada = { email: 'ada@example.com', email_verified: true, name: 'Ada Lovelace' };

async function signedIn(t: Test, shape: Shape, provider: (origin: string) => Json): Promise<PresetScene> {
  const allow = [{ emailDomains: 'example.com' }];
  const scene = await arrangePreset(t, imitated(shape), { provider, allow });
  t.equal((await scene.signIn()).status, 200);
  return scene;
}

/** Where a sign-out sends the browser. */
async function signOut({ client, gateway }: PresetScene): Promise<URL> {
  const answer = await client.navigate(`${gateway.url}/oauth2/sign_out?rd=/bye`);
  return new URL(answer.headers.location ?? '');
}

test('Keycloak: realm roles of userinfo are the groups', async (t) => {
  // https://www.keycloak.org/securing-apps/oidc-layers, with the mapper of realm roles added to userinfo.
  const base = '/realms/main/protocol/openid-connect';
  const scene = await signedIn(
    t,
    {
      issuer: '/realms/main',
      authorize: `${base}/auth`,
      token: `${base}/token`,
      jwks: `${base}/certs`,
      userinfo: `${base}/userinfo`,
      endSession: `${base}/logout`,
      idToken: { sub: 'f:1:ada', typ: 'ID', azp: 'app', sid: 'session-1', preferred_username: 'ada', ...ada },
      userinfoClaims: { ...ada, preferred_username: 'ada', realm_access: { roles: ['staff', 'admins'] } },
    },
    (origin) => ({ preset: { name: 'keycloak', url: `${origin}/`, realm: 'main' } }),
  );
  t.strictSame(await personOf(scene), {
    user: 'f:1:ada',
    email: ada.email,
    username: 'ada',
    groups: 'staff,admins',
  });
  const logout = await signOut(scene);
  t.equal(logout.pathname, `${base}/logout`);
  t.ok(logout.searchParams.get('id_token_hint'));
});

test('Okta: groups are in the ID token, with the scope groups of the organization', async (t) => {
  // https://developer.okta.com/docs/guides/customize-tokens-groups-claim/main/
  const scene = await signedIn(
    t,
    {
      issuer: '',
      authorize: '/oauth2/v1/authorize',
      token: '/oauth2/v1/token',
      jwks: '/oauth2/v1/keys',
      userinfo: '/oauth2/v1/userinfo',
      endSession: '/oauth2/v1/logout',
      idToken: {
        sub: '00uixa271s6x7qt8I0h7',
        ver: 1,
        idp: '00oixa26ycdNcX0VT0h7',
        groups: ['Everyone', 'IT'],
      },
      userinfoClaims: { ...ada, preferred_username: 'ada@example.com' },
    },
    (origin) => ({ preset: { name: 'okta', domain: 'example.okta.com' }, issuer: origin }),
  );
  t.strictSame(await personOf(scene), {
    user: '00uixa271s6x7qt8I0h7',
    email: ada.email,
    username: 'ada@example.com',
    groups: 'Everyone,IT',
  });
  t.equal(
    scene.imitation.authorizationRequests[0]?.get('scope'),
    'openid profile email offline_access groups',
  );
});

test('Auth0: the issuer ends with a slash, and roles have the name that the tenant gave them', async (t) => {
  // https://auth0.com/docs/secure/tokens/json-web-tokens/create-custom-claims
  const roles = 'https://app.example.com/roles';
  const scene = await signedIn(
    t,
    {
      issuer: '/',
      authorize: '/authorize',
      token: '/oauth/token',
      jwks: '/.well-known/jwks.json',
      userinfo: '/userinfo',
      idToken: { sub: 'auth0|507f1f77bcf86cd799439020', nickname: 'ada', [roles]: ['editor'], ...ada },
      userinfoClaims: { ...ada, nickname: 'ada' },
    },
    (origin) => ({
      preset: { name: 'auth0', domain: 'example.eu.auth0.com' },
      issuer: `${origin}/`,
      endSessionEndpoint: `${origin}/oidc/logout`,
      claims: { groups: roles },
    }),
  );
  t.strictSame(await personOf(scene), {
    user: 'auth0|507f1f77bcf86cd799439020',
    email: ada.email,
    username: 'ada',
    groups: 'editor',
  });
  t.equal((await signOut(scene)).pathname, '/oidc/logout');
});

test('Cognito: its groups and username, and its own parameters of the logout', async (t) => {
  // https://docs.aws.amazon.com/cognito/latest/developerguide/logout-endpoint.html
  const scene = await signedIn(
    t,
    {
      issuer: '/eu-central-1_AbCdEfGhI',
      authorize: '/oauth2/authorize',
      token: '/oauth2/token',
      jwks: '/eu-central-1_AbCdEfGhI/.well-known/jwks.json',
      userinfo: '/oauth2/userInfo',
      idToken: {
        sub: '6e5a5c3e-0d5a-4a4b-9c56-2d1d4b1e7f6a',
        token_use: 'id',
        'cognito:username': 'ada',
        'cognito:groups': ['staff', 'admins'],
        ...ada,
      },
      // There the flag is a text.
      userinfoClaims: { username: 'ada', email: ada.email, email_verified: 'true' },
    },
    (origin) => ({
      preset: {
        name: 'cognito',
        region: 'eu-central-1',
        userPool: 'eu-central-1_AbCdEfGhI',
        domain: 'example.auth.eu-central-1.amazoncognito.com',
      },
      issuer: `${origin}/eu-central-1_AbCdEfGhI`,
    }),
  );
  t.strictSame(await personOf(scene), {
    user: '6e5a5c3e-0d5a-4a4b-9c56-2d1d4b1e7f6a',
    email: ada.email,
    username: 'ada',
    groups: 'staff,admins',
  });
  const logout = await signOut(scene);
  t.equal(logout.origin + logout.pathname, 'https://example.auth.eu-central-1.amazoncognito.com/logout');
  t.strictSame(Object.fromEntries(logout.searchParams), {
    client_id: 'app',
    logout_uri: `${scene.gateway.url}/bye`,
  });
});

test('GitLab: groups through other groups come from userinfo, not from the ID token', async (t) => {
  // https://docs.gitlab.com/integration/openid_connect_provider/
  const about = { nickname: 'ada', preferred_username: 'ada', ...ada };
  const scene = await signedIn(
    t,
    {
      issuer: '',
      authorize: '/oauth/authorize',
      token: '/oauth/token',
      jwks: '/oauth/discovery/keys',
      userinfo: '/oauth/userinfo',
      idToken: { sub: '42', groups_direct: ['team/inner'], ...about },
      userinfoClaims: { ...about, groups: ['team', 'team/inner'] },
    },
    (origin) => ({ preset: { name: 'gitlab', url: origin } }),
  );
  t.strictSame(await personOf(scene), {
    user: '42',
    email: ada.email,
    username: 'ada',
    groups: 'team,team/inner',
  });
});

test('an address that the provider does not vouch for counts for no rule, with the presets that ask for it', async (t) => {
  const shape = {
    issuer: '',
    authorize: '/oauth/authorize',
    token: '/oauth/token',
    jwks: '/oauth/discovery/keys',
    userinfo: '/oauth/userinfo',
    idToken: { sub: '42', email: ada.email },
    userinfoClaims: { email: ada.email },
  };
  const provider = (origin: string) => ({ preset: { name: 'gitlab', url: origin } });
  const allow = [{ emailDomains: 'example.com' }];
  const scene = await arrangePreset(t, imitated(shape), { provider, allow });
  t.equal((await scene.signIn()).status, 403);
});
