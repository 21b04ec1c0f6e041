import { type Test, test } from 'tap';
import { check } from '../../src/commands/check.ts';
import { parseConfig } from '../../src/config/load.ts';
import { ConfigError, formatPath } from '../../src/config/problems.ts';
import { openFiles } from '../../src/files.ts';
import { createProviderHttp } from '../../src/identity/provider/http.ts';
import { fetchMetadata } from '../../src/identity/provider/metadata.ts';
import { onPath, sendJson } from '../attack/forged-token.ts';
import { gatewayYaml, onlyProvider } from '../support/gateway-config.ts';
import { startProvider, type TestProvider } from '../support/provider.ts';
import { makeClientKey } from './scene.ts';

const key = makeClientKey();
const tls = { cert: '/etc/sallyport/client.crt', key: '/etc/sallyport/client.key' };

/** The configuration of a client that has what `keys` say and no secret. */
const yamlOf = (keys: Record<string, unknown>, provider?: TestProvider) =>
  gatewayYaml(
    {
      provider,
      upstream: 'http://127.0.0.1:9',
      config: { provider: { clientSecret: undefined, ...keys } },
    },
    1,
  );

const parse = (yaml: string) => parseConfig(yaml, { file: 'sallyport.yaml', env: {} }).config;

function problemsOf(keys: Record<string, unknown>): string[] {
  try {
    parse(yamlOf(keys));
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ path, message }) => `${formatPath(path)}: ${message}`);
  }
}

const fapi2 = { profile: 'fapi2', privateKey: key.jwk };

const refused: [what: string, keys: Record<string, unknown>, says: RegExp][] = [
  ['a client secret with fapi2', { ...fapi2, clientSecret: 's' }, /clientSecret: .*forbids client secrets/],
  [
    'client_secret_jwt with fapi2',
    { ...fapi2, clientAuth: 'client_secret_jwt', clientSecret: 's' },
    /clientAuth: .*allows private_key_jwt, tls_client_auth/,
  ],
  ['a public client with fapi2', { profile: 'fapi2', clientAuth: 'none' }, /clientAuth: `profile: fapi2`/],
  [
    'neither key nor certificate with fapi2',
    { profile: 'fapi2' },
    /privateKey: .*give `privateKey`, or `tls`/,
  ],
  ['par: false with fapi2', { ...fapi2, par: false }, /par: .*needs pushed authorization requests/],
  ['dpop: false with fapi2', { ...fapi2, dpop: false }, /dpop: .*bound to the client/],
  ['insecureHttp with fapi2', { ...fapi2, insecureHttp: true }, /insecureHttp: .*forbids plain http/],
  [
    'RS256 with fapi2',
    { profile: 'fapi2', privateKey: { key: key.pem, alg: 'RS256' } },
    /privateKey: .*PS256, ES256, EdDSA only, not RS256/,
  ],
  [
    'the token URL as audience with fapi2',
    { ...fapi2, assertionAudience: 'tokenEndpoint' },
    /assertionAudience: .*issuer/,
  ],
  ['another profile', { ...fapi2, profile: 'fapi1' }, /profile: expected one of standard, fapi2/],
  ['private_key_jwt without a key', { clientAuth: 'private_key_jwt' }, /privateKey: this key is required/],
  ['tls_client_auth without a certificate', { clientAuth: 'tls_client_auth' }, /tls: this key is required/],
  [
    'client_secret_jwt without a secret',
    { clientAuth: 'client_secret_jwt' },
    /clientSecret: this key is required/,
  ],
  [
    'a request object without a key',
    { clientSecret: 's', requestObject: true },
    /privateKey: .*`requestObject`/,
  ],
  ['a key that nothing uses', { clientAuth: 'none', privateKey: key.jwk }, /privateKey: neither/],
  [
    'a key and a secret',
    { clientSecret: 's', privateKey: key.jwk },
    /clientSecret: .*say which by `clientAuth`/,
  ],
  [
    'a secret beside private_key_jwt',
    { clientAuth: 'private_key_jwt', privateKey: key.jwk, clientSecret: 's' },
    /has no secret/,
  ],
  ['a resource with a fragment', { clientSecret: 's', resource: 'https://a.example/#b' }, /absolute URI/],
  ['an algorithm with a shared key', { privateKey: { key: key.pem, alg: 'HS256' } }, /one of RS256/],
  ['claims that are a list', { clientSecret: 's', claimsParameter: '[1]' }, /a map such as/],
  [
    'one parameter in two ways',
    { clientSecret: 's', prompt: 'login', authorizationParams: { prompt: 'x' } },
    /`prompt` sets/,
  ],
  [
    'response_mode by hand',
    { clientSecret: 's', authorizationParams: { response_mode: 'fragment' } },
    /see `responseMode`/,
  ],
  [
    'a resource by hand',
    { clientSecret: 's', authorizationParams: { resource: 'urn:a' } },
    /give it as `resource`/,
  ],
  [
    'max_age that is no number',
    { clientSecret: 's', authorizationParams: { max_age: 'soon' } },
    /number of seconds/,
  ],
  ['claims that are no JSON', { clientSecret: 's', authorizationParams: { claims: '{' } }, /JSON text/],
  [
    'a parameter set and allowed',
    { clientSecret: 's', prompt: 'login', allowedParams: ['prompt'] },
    /nobody can choose/,
  ],
  [
    'a parameter that is never passed on',
    { clientSecret: 's', allowedParams: ['scope'] },
    /one of prompt, max_age/,
  ],
];

test('a configuration that contradicts itself, or the profile, is refused in words', async (t) => {
  for (const [what, keys, says] of refused) {
    const problems = problemsOf(keys);
    t.ok(
      problems.some((problem) => says.test(problem)),
      what,
      { problems },
    );
    t.notMatch(problems.join(), /PRIVATE KEY|"d":/, 'nothing of the key');
  }
});

test('profile fapi2 turns on what it asks for', async (t) => {
  t.match(onlyProvider(parse(yamlOf(fapi2))), { par: true, dpop: true });
  t.match(onlyProvider(parse(yamlOf({ profile: 'fapi2', tls }))), { par: true, dpop: false });
  t.match(onlyProvider(parse(yamlOf({ profile: 'fapi2', tls, dpop: true }))), { dpop: true });
  t.match(onlyProvider(parse(yamlOf({ privateKey: key.jwk }))), { par: 'auto', dpop: false });
});

test('a key, a flag and a list come from the environment too', async (t) => {
  const { config } = parseConfig(yamlOf({}), {
    file: 'sallyport.yaml',
    env: {
      SALLYPORT_PROVIDER_PRIVATE_KEY: key.pem,
      SALLYPORT_PROVIDER_PRIVATE_KEY_KID: 'one',
      SALLYPORT_PROVIDER_PAR: 'true',
      SALLYPORT_PROVIDER_DPOP: 'true',
      SALLYPORT_PROVIDER_RESOURCE: 'urn:a,urn:b',
      SALLYPORT_PROVIDER_ALLOWED_PARAMS: 'login_hint,prompt',
      SALLYPORT_PROVIDER_CLAIMS_PARAMETER: '{"userinfo":{}}',
    },
  });
  t.match(onlyProvider(config), {
    privateKey: { key: key.pem, kid: 'one' },
    par: true,
    dpop: true,
    resource: ['urn:a', 'urn:b'],
    allowedParams: ['login_hint', 'prompt'],
    claimsParameter: '{"userinfo":{}}',
  });
});

/** A provider whose metadata say whatever a test likes. */
async function stated(t: { teardown(end: () => unknown): void }, change: Record<string, unknown> = {}) {
  const provider = await startProvider({
    configuration: { features: { pushedAuthorizationRequests: { enabled: true } } },
  });
  t.teardown(() => provider.stop());
  const good = { token_endpoint_auth_methods_supported: ['private_key_jwt', 'client_secret_basic'] };
  provider.tamper(
    onPath('/.well-known/openid-configuration', async (hit) => {
      sendJson(hit, { ...JSON.parse((await hit.original()).body), ...good, ...change });
    }),
  );
  return provider;
}

const lacking: [what: string, metadata: Record<string, unknown>, says: RegExp][] = [
  ['PAR', { pushed_authorization_request_endpoint: undefined }, /no endpoint for pushed/],
  ['PKCE S256', { code_challenge_methods_supported: ['plain'] }, /S256/],
  ['any word on PKCE', { code_challenge_methods_supported: undefined }, /PKCE S256/],
  ['private_key_jwt', { token_endpoint_auth_methods_supported: ['client_secret_basic'] }, /private_key_jwt/],
  ['iss', { authorization_response_iss_parameter_supported: undefined }, /RFC 9207/],
  ['DPoP', { dpop_signing_alg_values_supported: undefined }, /does not state DPoP/],
  ['DPoP by ES256', { dpop_signing_alg_values_supported: ['RS256'] }, /ES256/],
  ['good ID tokens', { id_token_signing_alg_values_supported: ['RS256'] }, /signs ID tokens with none/],
];

test('profile fapi2 refuses a provider that does not support it, and says what is missing', async (t) => {
  for (const [what, metadata, says] of [['nothing', {}, /./] as const, ...lacking]) {
    const provider = await stated(t, metadata);
    const config = onlyProvider(parse(yamlOf({ clientAuth: undefined, ...fapi2 }, provider)));
    const http = createProviderHttp(config, openFiles().read);
    t.teardown(() => http.close());
    const found = fetchMetadata(config, http);
    if (what === 'nothing') await t.resolves(found, 'one that does is found');
    else await t.rejects(found, { message: says }, what);
  }
});

/** What `sallyport check` prints, line by line. */
async function printed(options: {
  config: string;
  offline?: boolean;
}): Promise<{ code: number; lines: string[] }> {
  const lines: string[] = [];
  const { log } = console;
  console.log = (line: string) => lines.push(line);
  try {
    return { code: await check(options), lines };
  } finally {
    console.log = log;
  }
}

/** What it prints of a gateway whose only trouble can be its provider. */
async function checked(
  t: Test,
  provider: TestProvider,
  keys: Record<string, unknown>,
): Promise<{ code: number; line: string }> {
  const yaml = yamlOf(keys, provider).replace('http://127.0.0.1:9', provider.issuer);
  const folder = t.testdir({ 'c.yaml': yaml });
  const { code, lines } = await printed({ config: `${folder}/c.yaml` });
  return { code, line: lines.find((each) => /^ {2}\w+ +provider /.test(each)) ?? '' };
}

test('check reads the private key, the provider aside', async (t) => {
  const folder = t.testdir({ 'c.yaml': yamlOf({ clientAuth: undefined, privateKey: '/nowhere/key.pem' }) });
  const { code, lines } = await printed({ config: `${folder}/c.yaml`, offline: true });
  t.equal(code, 1);
  t.match(lines.join(), /FAIL {3}private key of provider default: .*ENOENT/);
});

test('check is content with a provider that offers everything', async (t) => {
  const keys = { clientAuth: undefined, ...fapi2 };
  t.match(await checked(t, await stated(t), keys), { code: 0, line: /^ {2}ok {5}provider/ });
});

test('check says what a provider does not offer, each in a sentence', async (t) => {
  const provider = await stated(t, {
    response_modes_supported: ['query'],
    dpop_signing_alg_values_supported: ['RS256'],
    claims_parameter_supported: false,
    request_parameter_supported: false,
    token_endpoint_auth_methods_supported: ['client_secret_basic'],
  });
  const keys = {
    clientAuth: 'private_key_jwt',
    privateKey: key.jwk,
    requestObject: true,
    jarm: true,
    dpop: true,
    claimsParameter: { id_token: {} },
  };
  const { code, line } = await checked(t, provider, keys);
  t.equal(code, 1);
  for (const says of [
    /private_key_jwt is not among its token_endpoint_auth_methods_supported/,
    /jwt is not among its response_modes_supported/,
    /ES256 is not among its dpop_signing_alg_values_supported/,
    /does not support the claims parameter/,
    /does not support request objects/,
  ])
    t.match(line, says);
});

const withSecret = { clientAuth: undefined, clientSecret: 's' };

test('check says that par: true has no endpoint', async (t) => {
  const provider = await stated(t, { pushed_authorization_request_endpoint: undefined });
  const { code, line } = await checked(t, provider, { ...withSecret, par: true });
  t.equal(code, 1);
  t.match(line, /FAIL {3}provider .*names no endpoint for pushed authorization requests/);
});

test('C20 check says that the issuer is another', async (t) => {
  const provider = await stated(t, { issuer: 'https://evil.example' });
  const { code, line } = await checked(t, provider, withSecret);
  t.equal(code, 1);
  t.match(line, /FAIL {3}provider .*issuer/);
});
