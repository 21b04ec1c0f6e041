import type { Setting } from './setting.ts';

/** One test plan of the suite, as it is run: what the suite is told of the client, and what the gateway of the provider. */
export interface Run {
  name: string;
  /** As it stands in the table. */
  title: string;
  plan: string;
  variant: Readonly<Record<string, string>>;
  /** The registration of the gateway. */
  client: Readonly<Record<string, unknown>>;
  /** Keys of `provider`. */
  provider: Readonly<Record<string, unknown>>;
  /** A module of these names is about something that this gateway does not do; see `notForUs`. */
  leavesOut?: RegExp;
}

/** What modules of the whole list are about, and why it does not apply. */
const neverForUs: readonly [module: RegExp, why: string][] = [
  [/webfinger/, 'the provider is configured, and not looked up by the name of a person'],
  [/aggregated|distributed/, 'claims of other issuers are not read'],
  [/userinfo-bearer-body/, 'an access token is sent in a header (RFC 6750 §2.1), never in a body'],
];
/** In a plan whose client has no secret. */
const ofSecret: (typeof neverForUs)[number] = [
  /client-secret-basic/,
  'it is about a client with a secret, and is run in the other plans',
];
export const notForUs = [...neverForUs, ofSecret];

const secret = 'the secret of a client that is registered for these tests alone';

const plainRequest = { request_type: 'plain_http_request', client_registration: 'static_client' };
const code = { response_type: 'code', response_mode: 'default' };
const byBasic = { client_auth_type: 'client_secret_basic' };
const fapi = { authorization_request_type: 'simple', fapi_client_type: 'oidc', fapi_profile: 'plain_fapi' };
const securityProfile = 'fapi2-security-profile-final-client-test-plan';
const messageSigning = 'fapi2-message-signing-final-client-test-plan';

const inClientId = { clientSecret: secret, clientAuth: 'client_secret_basic' };

/** All runs, in the order of the table. */
export function runsOf(setting: Setting): Run[] {
  return [...certified(setting), ...logouts(setting), ...fapiRuns(setting), ...everyAuthentication(setting)];
}

const oidcClient = ({ gateway }: Setting, more: Record<string, unknown> = {}) => ({
  client_id: 'sallyport-client',
  client_secret: secret,
  redirect_uris: [`${gateway.url}/oauth2/callback`],
  ...more,
});

function certified(setting: Setting): Run[] {
  const client = oidcClient(setting);
  const { url } = setting.gateway;
  return [
    {
      name: 'basic',
      title: 'Basic RP',
      plan: 'oidcc-client-basic-certification-test-plan',
      variant: plainRequest,
      client,
      provider: inClientId,
    },
    {
      name: 'config',
      title: 'Config RP',
      plan: 'oidcc-client-config-certification-test-plan',
      variant: { ...plainRequest, ...byBasic, response_mode: 'default' },
      client,
      provider: inClientId,
    },
    {
      name: 'form-post',
      title: 'Form Post RP',
      plan: 'oidcc-client-formpost-basic-certification-test-plan',
      variant: plainRequest,
      client,
      provider: { ...inClientId, responseMode: 'form_post' },
    },
    {
      name: 'refresh',
      title: 'Refresh tokens',
      plan: 'oidcc-client-refreshtoken-test-plan',
      variant: { ...plainRequest, ...byBasic, ...code },
      client: oidcClient(setting, { scope: 'openid offline_access' }),
      provider: {
        ...inClientId,
        scopes: ['openid', 'profile', 'email', 'offline_access'],
        prompt: 'consent',
      },
    },
    {
      name: 'third-party',
      title: 'Third-party-initiated login RP',
      plan: 'oidcc-client-test-3rd-party-init-login-test-plan',
      variant: { ...plainRequest, ...byBasic, ...code },
      client: { ...client, initiate_login_uri: `${url}/oauth2/initiate` },
      provider: inClientId,
    },
  ];
}

function logouts(setting: Setting): Run[] {
  const { url } = setting.gateway;
  const back = {
    backchannel_logout_session_required: true,
    backchannel_logout_uri: `${url}/oauth2/backchannel-logout`,
  };
  const front = {
    frontchannel_logout_session_required: true,
    frontchannel_logout_uri: `${url}/oauth2/frontchannel-logout`,
  };
  const run = (name: string, title: string, plan: string, more: Record<string, unknown>): Run => ({
    name,
    title,
    plan: `oidcc-client-${plan}-rp-basic`,
    variant: { ...plainRequest, ...byBasic, response_mode: 'default' },
    client: oidcClient(setting, {
      post_logout_redirect_uris: [`${url}/oauth2/signed_out`, `${url}/`],
      ...more,
    }),
    provider: inClientId,
  });
  return [
    run('rp-initiated', 'RP-Initiated RP', 'rp-initiated-logout', back),
    run('back-channel', 'Back-Channel RP', 'back-channel-logout', back),
    run('front-channel', 'Front-Channel RP', 'front-channel-logout', front),
  ];
}

/** An API of the suite, which has to be asked before a module of FAPI ends. */
const accounts = (root: string, alias: string) => ({
  sources: [
    {
      endpoint: `${root}/a/${alias}/open-banking/v1.1/accounts`,
      claim: 'accounts',
      value: 'conformance-test-finished',
    },
  ],
});

function fapiRuns({ gateway, keys, alias, suite }: Setting): Run[] {
  const client = {
    client_id: 'sallyport-client',
    scope: 'openid profile email',
    redirect_uri: `${gateway.url}/oauth2/callback`,
    jwks: { keys: [keys.ps256] },
    certificate: keys.own.cert,
  };
  const signed = { privateKey: { key: keys.rsaPem, kid: keys.ps256.kid, alg: 'PS256' } };
  const tls = { tls: { cert: keys.own.certFile, key: keys.own.keyFile } };
  const direct = accounts(`${suite.url}/test`, alias);
  const byTls = accounts(`${suite.mtlsUrl}/test-mtls`, alias);
  const run = (name: string, plan: string, variant: Record<string, string>, more: object): Run => ({
    name,
    title: `${plan === securityProfile ? 'FAPI 2.0 Security Profile' : 'FAPI 2.0 Message Signing'} (${Object.values(variant).join(', ')})`,
    plan,
    variant: { ...fapi, ...variant },
    client,
    provider: { profile: 'fapi2', ...more },
  });
  const auth = (client_auth_type: string, sender_constrain: string) => ({
    client_auth_type,
    sender_constrain,
  });
  const request = (fapi_response_mode: string) => ({
    fapi_request_method: 'signed_non_repudiation',
    fapi_response_mode,
  });
  const byKey = { clientAuth: 'private_key_jwt', ...signed };
  const byCertificate = { clientAuth: 'tls_client_auth', ...tls };
  const jar = { requestObject: true };
  return [
    run('fapi-key-dpop', securityProfile, auth('private_key_jwt', 'dpop'), { ...byKey, ...direct }),
    run('fapi-key-tls', securityProfile, auth('private_key_jwt', 'mtls'), { ...byKey, ...tls, ...byTls }),
    run('fapi-tls-dpop', securityProfile, auth('mtls', 'dpop'), { ...byCertificate, dpop: true, ...direct }),
    run('fapi-tls-tls', securityProfile, auth('mtls', 'mtls'), { ...byCertificate, ...byTls }),
    run(
      'signing-key-dpop',
      messageSigning,
      { ...auth('private_key_jwt', 'dpop'), ...request('jarm') },
      { ...byKey, ...jar, jarm: true, ...direct },
    ),
    run(
      'signing-key-tls',
      messageSigning,
      { ...auth('private_key_jwt', 'mtls'), ...request('plain_response') },
      { ...byKey, ...tls, ...jar, ...byTls },
    ),
    run(
      'signing-tls-tls',
      messageSigning,
      { ...auth('mtls', 'mtls'), ...request('jarm') },
      { ...byCertificate, ...signed, ...jar, jarm: true, ...byTls },
    ),
  ];
}

/** The whole list of OpenID Connect Core, once for each way in which a client authenticates. */
function everyAuthentication(setting: Setting): Run[] {
  const { keys } = setting;
  const rs256 = {
    clientAuth: 'private_key_jwt',
    privateKey: { key: keys.rsaPem, kid: keys.rs256.kid, alg: 'RS256' },
  };
  const withKeys = (more: object) => oidcClient(setting, { ...more });
  const run = (
    name: string,
    method: string,
    client: Record<string, unknown>,
    provider: Record<string, unknown>,
    request_type = 'plain_http_request',
  ): Run => ({
    name: `core-${name}`,
    title: `OpenID Connect Core (${method}${request_type === 'request_object' ? ', request objects' : ''})`,
    plan: 'oidcc-client-test-plan',
    variant: { ...plainRequest, ...code, client_auth_type: method, request_type },
    client,
    provider,
    leavesOut: new RegExp(
      (method === 'none' ? notForUs : neverForUs).map(([module]) => module.source).join('|'),
    ),
  });
  const secretBy = (clientAuth: string) => ({ clientSecret: secret, clientAuth });
  const registered = withKeys({ jwks: { keys: [keys.rs256] } });
  const certificate = ({ certFile, keyFile }: { certFile: string; keyFile: string }) => ({
    tls: { cert: certFile, key: keyFile },
  });
  return [
    run('basic', 'client_secret_basic', withKeys({}), secretBy('client_secret_basic')),
    run('post', 'client_secret_post', withKeys({}), secretBy('client_secret_post')),
    run('secret-jwt', 'client_secret_jwt', withKeys({}), secretBy('client_secret_jwt')),
    run('key', 'private_key_jwt', registered, rs256),
    run('request-object', 'private_key_jwt', registered, { ...rs256, requestObject: true }, 'request_object'),
    run('none', 'none', withKeys({ client_secret: undefined }), { clientAuth: 'none' }),
    run('tls', 'tls_client_auth', withKeys({ tls_client_auth_subject_dn: keys.issuedSubject }), {
      clientAuth: 'tls_client_auth',
      ...certificate(keys.issued),
    }),
    run('own-tls', 'self_signed_tls_client_auth', withKeys({ jwks: { keys: [keys.ownKey] } }), {
      clientAuth: 'self_signed_tls_client_auth',
      ...certificate(keys.own),
    }),
  ];
}

/** The configuration of the gateway for a module. */
export function configurationOf(
  { gateway, suite, alias, ca, server }: Setting,
  { provider }: Pick<Run, 'provider'>,
  module: string,
): Record<string, unknown> {
  // One module is about this method, whatever the plan says.
  const isOfBasic = module === 'oidcc-client-test-client-secret-basic';
  return {
    publicUrl: gateway.url,
    listen: { address: `127.0.0.1:${gateway.port}`, tls: { cert: server.certFile, key: server.keyFile } },
    admin: { listen: `127.0.0.1:${gateway.adminPort}` },
    logging: { level: 'debug', format: 'json' },
    provider: {
      issuer: `${suite.url}/test/a/${alias}/`,
      clientId: 'sallyport-client',
      ca,
      userinfo: true,
      scopes: ['openid', 'profile', 'email'],
      // Whatever is not said here is not there.
      clientSecret: undefined,
      clientAuth: undefined,
      ...provider,
      // Its requests are as the plan says, and signed where they are objects.
      ...(isOfBasic && {
        tls: undefined,
        ...(!provider.requestObject && { privateKey: undefined }),
        ...inClientId,
      }),
    },
  };
}
