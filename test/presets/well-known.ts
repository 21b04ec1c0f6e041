import type { Imitated } from './imitation.ts';

type Json = Record<string, unknown>;

/** A provider in the shape that its public documentation shows, and who signs in there. */
export interface WellKnown {
  name: string;
  imitated: Imitated;
  /** The keys of the provider, made from the imitation's origin. */
  provider: (origin: string) => Json;
  /** What applications are told. */
  person: Json;
}

/** Metadata at the usual place below the issuer. */
function discovered(
  below: string,
  endpoints: { authorize: string; token: string; jwks: string; userinfo?: string },
  more: Json = {},
  slash = '',
): Pick<Imitated, 'metadata' | 'paths'> {
  const { authorize, token, jwks, userinfo } = endpoints;
  return {
    paths: { authorize, token, jwks },
    metadata: (origin) => ({
      path: `${below}/.well-known/openid-configuration`,
      document: {
        issuer: origin + below + slash,
        authorization_endpoint: origin + authorize,
        token_endpoint: origin + token,
        jwks_uri: origin + jwks,
        ...(userinfo !== undefined && { userinfo_endpoint: origin + userinfo }),
        response_types_supported: ['code'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['RS256'],
        ...more,
      },
    }),
  };
}

const tenant = '72f988bf-86f1-41af-91ab-2d7cd011db47';

/** https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference */
const entra: WellKnown = {
  name: 'Entra',
  imitated: {
    ...discovered(
      `/${tenant}/v2.0`,
      { authorize: '/authorize', token: '/token', jwks: '/keys', userinfo: '/oidc/userinfo' },
      {
        token_endpoint_auth_methods_supported: [
          'client_secret_post',
          'private_key_jwt',
          'client_secret_basic',
        ],
        response_modes_supported: ['query', 'fragment', 'form_post'],
        subject_types_supported: ['pairwise'],
        request_uri_parameter_supported: false,
        http_logout_supported: true,
      },
    ),
    idToken: (origin) => ({
      iss: `${origin}/${tenant}/v2.0`,
      tid: tenant,
      ver: '2.0',
      oid: '690222be-ff1a-4d56-abd1-7e4f7d38e474',
      sub: 'HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ',
      name: 'Ada Lovelace',
      preferred_username: 'ada@example.com',
      email: 'ada@example.com',
      xms_edov: true,
      groups: ['0ab2'],
      uti: 'x',
      rh: '0.A',
      aio: 'Df2',
    }),
    tokens: { token_type: 'Bearer', scope: 'openid profile email', expires_in: 3736, ext_expires_in: 3736 },
    api: { '/oidc/userinfo': () => ({ json: { sub: 'HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ' } }) },
  },
  provider: (origin) => ({ preset: { name: 'entra', tenant, url: origin, api: origin } }),
  person: {
    user: '690222be-ff1a-4d56-abd1-7e4f7d38e474',
    email: 'ada@example.com',
    username: 'ada@example.com',
    groups: '0ab2',
  },
};

/** https://developers.google.com/identity/openid-connect/openid-connect */
const google: WellKnown = {
  name: 'Google',
  imitated: {
    ...discovered(
      '',
      { authorize: '/o/oauth2/v2/auth', token: '/token', jwks: '/oauth2/v3/certs', userinfo: '/v1/userinfo' },
      { token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'] },
    ),
    idToken: (origin) => ({
      iss: origin,
      azp: 'app',
      sub: '110169484474386276334',
      hd: 'example.org',
      email: 'ada@example.org',
      email_verified: true,
    }),
    tokens: {
      token_type: 'Bearer',
      expires_in: 3920,
      scope: 'openid https://www.googleapis.com/auth/userinfo.email',
      refresh_token: '1//xEoDL4iW3cxlI7yDbSRFYNG01kVKM2C-259HOF2aQbI',
    },
    api: { '/v1/userinfo': () => ({ json: { sub: '110169484474386276334', email: 'ada@example.org' } }) },
  },
  provider: (origin) => ({
    preset: { name: 'google', hostedDomain: ['example.com', 'example.org'] },
    issuer: origin,
  }),
  person: { user: '110169484474386276334', email: 'ada@example.org', username: 'ada@example.org' },
};

/** https://developer.okta.com/docs/reference/api/oidc/ */
const okta: WellKnown = {
  name: 'Okta',
  imitated: {
    ...discovered('/oauth2/default', {
      authorize: '/oauth2/default/v1/authorize',
      token: '/oauth2/default/v1/token',
      jwks: '/oauth2/default/v1/keys',
      userinfo: '/oauth2/default/v1/userinfo',
    }),
    idToken: (origin) => ({
      iss: `${origin}/oauth2/default`,
      ver: 1,
      sub: '00uid4BxXw6I6TV4m0g3',
      jti: 'ID.e-0bhyQ',
      amr: ['pwd', 'mfa', 'otp'],
      idp: '00ok1u7AsAkrwdZL3z0g3',
      auth_time: 1311280969,
      preferred_username: 'ada@example.com',
    }),
    tokens: { token_type: 'Bearer', expires_in: 3600, scope: 'openid email profile' },
    api: {
      '/oauth2/default/v1/userinfo': () => ({
        json: {
          sub: '00uid4BxXw6I6TV4m0g3',
          email: 'ada@example.com',
          email_verified: true,
          zoneinfo: 'America/Los_Angeles',
          updated_at: 1311280970,
          groups: ['Everyone', 'IT, Berlin'],
        },
      }),
    },
  },
  provider: (origin) => ({
    preset: { name: 'okta', domain: 'example.okta.com', authorizationServer: 'default' },
    issuer: `${origin}/oauth2/default`,
  }),
  person: {
    user: '00uid4BxXw6I6TV4m0g3',
    email: 'ada@example.com',
    username: 'ada@example.com',
    groups: 'Everyone,IT%2C Berlin',
  },
};

/** https://auth0.com/docs/secure/tokens/id-tokens/id-token-structure */
const auth0: WellKnown = {
  name: 'Auth0',
  imitated: {
    ...discovered(
      '',
      {
        authorize: '/authorize',
        token: '/oauth/token',
        jwks: '/.well-known/jwks.json',
        userinfo: '/userinfo',
      },
      { scopes_supported: ['openid', 'profile', 'offline_access', 'email'] },
      '/',
    ),
    idToken: (origin) => ({
      iss: `${origin}/`,
      sub: 'auth0|507f1f77bcf86cd799439020',
      nickname: 'ada',
      name: 'Ada',
      email: 'ada@example.com',
      email_verified: true,
      'https://app.example.com/roles': ['editor'],
      updated_at: '2026-01-01T00:00:00.000Z',
    }),
    tokens: { token_type: 'Bearer', expires_in: 86400 },
    api: { '/userinfo': () => ({ json: { sub: 'auth0|507f1f77bcf86cd799439020' } }) },
  },
  provider: (origin) => ({
    preset: { name: 'auth0', domain: 'example.eu.auth0.com' },
    issuer: origin,
    claims: { groups: 'https://app.example.com/roles' },
  }),
  person: {
    user: 'auth0|507f1f77bcf86cd799439020',
    email: 'ada@example.com',
    username: 'ada',
    groups: 'editor',
  },
};

/** https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-id-token.html */
const cognito: WellKnown = {
  name: 'Cognito',
  imitated: {
    ...discovered('/eu-central-1_Example', {
      authorize: '/oauth2/authorize',
      token: '/oauth2/token',
      jwks: '/eu-central-1_Example/.well-known/jwks.json',
      userinfo: '/oauth2/userInfo',
    }),
    idToken: (origin) => ({
      iss: `${origin}/eu-central-1_Example`,
      sub: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee',
      token_use: 'id',
      'cognito:username': 'ada',
      'cognito:groups': ['staff'],
      'cognito:roles': ['arn:aws:iam::111122223333:role/x'],
      event_id: '64f513be-32db-42b0-b78e-b02127b4f463',
      auth_time: 1500009400,
      email: 'ada@example.com',
      email_verified: true,
    }),
    tokens: { token_type: 'Bearer', expires_in: 3600, refresh_token: 'eyJjd' },
    api: {
      '/oauth2/userInfo': () => ({
        json: { sub: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee', username: 'ada', email_verified: 'true' },
      }),
    },
  },
  provider: (origin) => ({
    preset: {
      name: 'cognito',
      region: 'eu-central-1',
      userPool: 'eu-central-1_Example',
      domain: 'example.auth.eu-central-1.amazoncognito.com',
    },
    issuer: `${origin}/eu-central-1_Example`,
  }),
  person: {
    user: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee',
    email: 'ada@example.com',
    username: 'ada',
    groups: 'staff',
  },
};

/** https://docs.gitlab.com/integration/openid_connect_provider/ */
const gitlab: WellKnown = {
  name: 'GitLab',
  imitated: {
    ...discovered('', {
      authorize: '/oauth/authorize',
      token: '/oauth/token',
      jwks: '/oauth/discovery/keys',
      userinfo: '/oauth/userinfo',
    }),
    idToken: (origin) => ({
      iss: origin,
      sub: '42',
      sub_legacy: '9f3',
      auth_time: 1,
      groups_direct: ['team'],
    }),
    tokens: { token_type: 'Bearer', expires_in: 7200, scope: 'openid profile email', created_at: 1607635748 },
    api: {
      '/oauth/userinfo': () => ({
        json: {
          sub: '42',
          nickname: 'ada',
          preferred_username: 'ada',
          email: 'ada@example.com',
          email_verified: true,
          groups: ['team', 'team/inner'],
        },
      }),
    },
  },
  provider: (origin) => ({ preset: { name: 'gitlab', url: origin } }),
  person: { user: '42', email: 'ada@example.com', username: 'ada', groups: 'team,team/inner' },
};

/**
 * A number for a person, scopes with commas, a form unless JSON is asked for, no address in the answer about the person,
 * and a 403 for teams that the organization does not show.
 * https://docs.github.com/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps
 */
const github: WellKnown = {
  name: 'GitHub',
  imitated: {
    paths: { authorize: '/login/oauth/authorize', token: '/login/oauth/access_token' },
    formUnlessJson: true,
    iss: (origin) => `${origin}/login/oauth`,
    tokens: { token_type: 'bearer', scope: 'read:org,read:user,user:email' },
    api: {
      '/api/v3/user': () => ({ json: { login: 'octocat', id: 583231, name: 'The Octocat', email: null } }),
      '/api/v3/user/emails': () => ({
        json: [
          { email: 'old@example.com', primary: false, verified: true, visibility: null },
          { email: 'octocat@example.com', primary: true, verified: true, visibility: 'private' },
        ],
      }),
      '/api/v3/user/orgs': () => ({ json: [{ login: 'example', id: 1 }] }),
      '/api/v3/user/teams': () => ({
        status: 403,
        json: { message: 'Resource not accessible', status: '403' },
      }),
    },
  },
  provider: (origin) => ({ preset: { name: 'github', url: origin } }),
  person: { user: '583231', email: 'octocat@example.com', username: 'octocat', groups: 'example' },
};

/** https://learn.microsoft.com/windows-server/identity/ad-fs/development/ad-fs-openid-connect-oauth-concepts */
const adfs: WellKnown = {
  name: 'AD FS',
  imitated: {
    ...discovered(
      '/adfs',
      {
        authorize: '/adfs/oauth2/authorize/',
        token: '/adfs/oauth2/token/',
        jwks: '/adfs/discovery/keys',
        userinfo: '/adfs/userinfo',
      },
      {
        access_token_issuer: 'http://fs.example.com/adfs/services/trust',
        token_endpoint_auth_methods_supported: [
          'client_secret_post',
          'client_secret_basic',
          'private_key_jwt',
        ],
        scopes_supported: ['openid', 'profile', 'email', 'allatclaims', 'user_impersonation'],
      },
    ),
    idToken: (origin) => ({
      iss: `${origin}/adfs`,
      sub: 'ISlIfv3GJ2cVL3vBhOmkwvCmEj2Mw4VfLqM2f7RQmyA=',
      upn: 'ada@corp.example',
      unique_name: 'CORP\\ada',
      group: ['Staff', 'Domain Users'],
      apptype: 'Confidential',
    }),
    tokens: {
      token_type: 'bearer',
      expires_in: 3600,
      resource: 'urn:microsoft:userinfo',
      refresh_token_expires_in: 28799,
      scope: 'openid',
    },
    // It is not content with a token of another resource, and names no challenge.
    api: { '/adfs/userinfo': () => ({ status: 401 }) },
  },
  provider: (origin) => ({
    issuer: `${origin}/adfs`,
    claims: { user: 'upn', username: 'unique_name', groups: 'group' },
  }),
  person: { user: 'ada@corp.example', username: 'CORP\\ada', groups: 'Staff,Domain Users' },
};

/** Scopes are a list. https://dev.twitch.tv/docs/authentication/getting-tokens-oidc/ */
const twitch: WellKnown = {
  name: 'Twitch',
  imitated: {
    ...discovered(
      '/oauth2',
      {
        authorize: '/oauth2/authorize',
        token: '/oauth2/token',
        jwks: '/oauth2/keys',
        userinfo: '/oauth2/userinfo',
      },
      { token_endpoint_auth_methods_supported: ['client_secret_post'], scopes_supported: ['openid'] },
    ),
    idToken: (origin) => ({
      iss: `${origin}/oauth2`,
      azp: 'app',
      sub: '713936733',
      preferred_username: 'adastreams',
    }),
    tokens: {
      token_type: 'bearer',
      expires_in: 14124,
      scope: ['openid', 'user:read:email'],
      refresh_token: 'eyJfaWQ',
    },
    api: {
      '/oauth2/userinfo': ({ origin }) => ({
        json: {
          aud: 'app',
          iss: `${origin}/oauth2`,
          sub: '713936733',
          email: 'ada@example.com',
          email_verified: true,
        },
      }),
    },
  },
  provider: (origin) => ({
    issuer: `${origin}/oauth2`,
    scopes: ['openid', 'user:read:email'],
    claimsParameter: { userinfo: { email: null, email_verified: null } },
  }),
  person: { user: '713936733', email: 'ada@example.com', username: 'adastreams' },
};

/**
 * No type, a life of no seconds, members of its own beside the token, and people in a list.
 * https://dev.vk.com/api/access-token/authcode-flow-user
 */
const vk: WellKnown = {
  name: 'VK',
  imitated: {
    paths: { authorize: '/authorize', token: '/access_token' },
    tokens: { token_type: undefined, expires_in: 0, user_id: 66748, email: 'ada@example.com' },
    api: {
      '/method/users.get': ({ url }) =>
        url.searchParams.get('v') === '5.199'
          ? { json: { response: [{ id: 66748, first_name: 'Ada', last_name: 'L', is_closed: false }] } }
          : { json: { error: { error_code: 100, error_msg: 'v is required' } } },
    },
  },
  provider: (origin) => ({
    type: 'oauth2',
    authorizationEndpoint: `${origin}/authorize`,
    tokenEndpoint: `${origin}/access_token`,
    userinfoEndpoint: `${origin}/method/users.get?v=5.199`,
    scopes: ['email'],
    claims: { user: 'response.0.id', username: 'response.0.first_name', name: 'response.0.first_name' },
  }),
  person: { user: '66748', username: 'Ada' },
};

/** Claims whose names are URLs. https://docs.slack.dev/authentication/sign-in-with-slack */
const slack: WellKnown = {
  name: 'Slack',
  imitated: {
    ...discovered('', {
      authorize: '/openid/connect/authorize',
      token: '/api/openid.connect.token',
      jwks: '/openid/connect/keys',
      userinfo: '/api/openid.connect.userInfo',
    }),
    idToken: (origin) => ({
      iss: origin,
      sub: 'U0R7MFMJM',
      'https://slack.com/team_id': 'T0RR',
      'https://slack.com/user_id': 'U0R7MFMJM',
      email: 'ada@example.com',
      email_verified: true,
      date_email_verified: 1622128723,
      name: 'ada',
    }),
    tokens: { ok: true, token_type: 'Bearer' },
    api: {
      '/api/openid.connect.userInfo': () => ({
        json: { ok: true, sub: 'U0R7MFMJM', 'https://slack.com/team_domain': 'kraneflannel' },
      }),
    },
  },
  provider: (origin) => ({
    issuer: origin,
    requiredClaims: { 'https://slack.com/team_id': 'T0RR' },
    claims: { groups: 'https://slack.com/team_domain', username: 'name' },
  }),
  person: { user: 'U0R7MFMJM', email: 'ada@example.com', username: 'ada', groups: 'kraneflannel' },
};

/** A life that is a text, and the person one level down. https://developers.naver.com/docs/login/profile/profile.md */
const naver: WellKnown = {
  name: 'Naver',
  imitated: {
    paths: { authorize: '/oauth2.0/authorize', token: '/oauth2.0/token' },
    tokens: {
      token_type: 'bearer',
      expires_in: '3600',
      refresh_token: 'c8ceMEJisO4Se7uGisHoX0f5JEii7JnipglQipk',
    },
    api: {
      '/v1/nid/me': () => ({
        json: {
          resultcode: '00',
          message: 'success',
          response: {
            id: '32742776',
            email: 'ada@naver.example',
            nickname: 'Ada',
            gender: 'F',
            age: '40-49',
          },
        },
      }),
    },
  },
  provider: (origin) => ({
    type: 'oauth2',
    authorizationEndpoint: `${origin}/oauth2.0/authorize`,
    tokenEndpoint: `${origin}/oauth2.0/token`,
    userinfoEndpoint: `${origin}/v1/nid/me`,
    scopes: [],
    claims: { user: 'response.id', email: 'response.email', username: 'response.nickname' },
  }),
  person: { user: '32742776', email: 'ada@naver.example', username: 'Ada' },
};

/** https://developers.kakao.com/docs/latest/en/kakaologin/rest-api */
const kakao: WellKnown = {
  name: 'Kakao',
  imitated: {
    paths: { authorize: '/oauth/authorize', token: '/oauth/token' },
    tokens: {
      token_type: 'bearer',
      expires_in: 43199,
      refresh_token: 'r',
      refresh_token_expires_in: 5184000,
      scope: 'account_email profile_nickname',
    },
    api: {
      '/v2/user/me': () => ({
        json: {
          id: 123456789,
          connected_at: '2026-04-11T01:45:28Z',
          properties: { nickname: '홍길동' },
          kakao_account: {
            profile_nickname_needs_agreement: false,
            profile: { nickname: '홍길동', is_default_image: true },
            has_email: true,
            is_email_valid: true,
            is_email_verified: true,
            email: 'sample@sample.example',
          },
        },
      }),
    },
  },
  provider: (origin) => ({
    type: 'oauth2',
    authorizationEndpoint: `${origin}/oauth/authorize`,
    tokenEndpoint: `${origin}/oauth/token`,
    userinfoEndpoint: `${origin}/v2/user/me`,
    scopes: ['account_email', 'profile_nickname'],
    requireVerifiedEmail: true,
    claims: {
      user: 'id',
      email: 'kakao_account.email',
      emailVerified: 'kakao_account.is_email_verified',
      username: 'kakao_account.profile.nickname',
    },
  }),
  person: { user: '123456789', email: 'sample@sample.example', username: encodeURIComponent('홍길동') },
};

/** https://developers.line.biz/en/reference/line-login/ */
const line: WellKnown = {
  name: 'LINE',
  imitated: {
    paths: { authorize: '/oauth2/v2.1/authorize', token: '/oauth2/v2.1/token' },
    tokens: {
      token_type: 'Bearer',
      expires_in: 2592000,
      refresh_token: 'Aa1FdeggRhTnPNNpxr8p',
      scope: 'profile',
    },
    api: {
      '/v2/profile': () => ({
        json: {
          userId: 'U4af4980629',
          displayName: 'Brown',
          pictureUrl: 'https://profile.example/x',
          statusMessage: 'Hi',
        },
      }),
    },
  },
  provider: (origin) => ({
    type: 'oauth2',
    authorizationEndpoint: `${origin}/oauth2/v2.1/authorize`,
    tokenEndpoint: `${origin}/oauth2/v2.1/token`,
    userinfoEndpoint: `${origin}/v2/profile`,
    scopes: ['profile'],
    claims: { user: 'userId', username: 'displayName', name: 'displayName' },
  }),
  person: { user: 'U4af4980629', username: 'Brown' },
};

export const wellKnown: readonly WellKnown[] = [
  ...[entra, google, okta, auth0, cognito, gitlab, github],
  ...[adfs, twitch, vk, slack, naver, kakao, line],
];
