import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { stringify } from 'yaml';
import { parseConfig } from '../../src/config/load.ts';
import { presetNames, presets } from '../../src/config/presets/index.ts';
import { ConfigError, formatPath } from '../../src/config/problems.ts';
import { projectRoot } from '../docs/documents.ts';
import { onlyProvider } from '../support/gateway-config.ts';

type Keys = Record<string, unknown>;

const client = { clientId: 'app', clientSecret: 'the secret of the app' };

const fileWith = (provider: Keys) =>
  stringify({
    publicUrl: 'https://app.example.com',
    upstream: 'http://legacy:8080',
    session: { secret: Buffer.alloc(32, 7).toString('base64') },
    provider: { ...client, ...provider },
  });

const read = (provider: Keys, env: NodeJS.ProcessEnv = {}) =>
  onlyProvider(parseConfig(fileWith(provider), { file: 'sallyport.yaml', env }).config);

function problemsOf(provider: Keys): Record<string, string> {
  try {
    read(provider);
    return {};
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return Object.fromEntries(error.problems.map(({ path, message }) => [formatPath(path), message]));
  }
}

test('every preset is a whole provider, once its parameters are given', async (t) => {
  for (const name of presetNames) {
    const provider = read({ preset: { name, ...presets[name].required } });
    t.match(provider.issuer, /^https:\/\//, name);
    t.type(provider.label, 'string');
  }
});

test('no code asks for the name of a preset', async (t) => {
  const names = new RegExp(`['"\`](${presetNames.join('|')})['"\`]`);
  const files = readdirSync(join(projectRoot, 'src'), { recursive: true, encoding: 'utf8' }).filter(
    (path) => path.endsWith('.ts') && !path.startsWith('config/presets/'),
  );
  t.ok(files.length > 100);
  const asking = files.filter((path) => names.test(readFileSync(join(projectRoot, 'src', path), 'utf8')));
  t.strictSame(asking, []);
});

test('a parameter that is missing or unknown is named, and nothing that follows from it', async (t) => {
  t.match(problemsOf({ preset: 'keycloak' }), {
    'provider.preset.url': /required: preset keycloak needs it, such as https:/,
    'provider.preset.realm': /required: preset keycloak needs it, such as main/,
  });
  t.equal(Object.keys(problemsOf({ preset: 'keycloak' })).length, 2);
  t.match(problemsOf({ preset: { name: 'google', hosteddomain: 'example.com' } }), {
    'provider.preset.hosteddomain': /no such (parameter|key).*hostedDomain/,
  });
  t.match(problemsOf({ preset: { name: 'google', realm: 'main' } }), {
    'provider.preset.realm': /preset google has no such parameter/,
  });
  t.match(problemsOf({ preset: 'googel' }), { 'provider.preset.name': /expected one of keycloak, entra/ });
});

test('the keys of the file win over those of a preset; maps are merged, lists replaced', async (t) => {
  const provider = read({
    preset: { name: 'google', hostedDomain: 'example.com' },
    label: 'Work account',
    prompt: 'select_account',
    authorizationParams: { ui_locales: 'de' },
    scopes: ['openid', 'email'],
  });
  t.equal(provider.label, 'Work account');
  t.strictSame(provider.authorizationParams, {
    access_type: 'offline',
    ui_locales: 'de',
    hd: 'example.com',
  });
  t.equal(provider.prompt, 'select_account');
  t.strictSame(provider.scopes, ['openid', 'email']);
  t.strictSame(provider.requiredClaims, { hd: ['example.com'] });
});

test('Google: several hosted domains; the page can only be told that it has to be some', async (t) => {
  const provider = read({ preset: { name: 'google', hostedDomain: ['example.com', 'example.org'] } });
  t.strictSame(provider.requiredClaims, { hd: ['example.com', 'example.org'] });
  t.equal(provider.authorizationParams.hd, '*');
  t.match(problemsOf({ preset: { name: 'google', hostedDomain: [] } }), {
    'provider.preset.hostedDomain': /a list of them/,
  });
  t.match(problemsOf({ preset: { name: 'google', hostedDomain: ['example.com', 7] } }), {
    'provider.preset.hostedDomain[1]': /./,
  });
});

test('Apple: the secret is made of the key, unless there is one', async (t) => {
  const apple = { preset: { name: 'apple', teamId: 'A1B2C3D4E5' } };
  t.match(problemsOf({ ...apple, clientSecret: undefined }), { 'provider.privateKey': /secretFromKey/ });
  const privateKey = { key: '/etc/sallyport/AuthKey.p8', kid: 'ABC123DEFG' };
  const provider = read({ ...apple, clientSecret: undefined, privateKey });
  t.match(provider, { secretFromKey: { issuer: 'A1B2C3D4E5' }, responseMode: 'form_post', postedName: true });
  t.equal(read(apple).clientSecret, client.clientSecret);
});

test('the environment names a preset and its parameters', async (t) => {
  const provider = read(
    {},
    {
      SALLYPORT_PROVIDER_PRESET: 'entra',
      SALLYPORT_PROVIDER_PRESET_TENANT: '7',
      SALLYPORT_PROVIDER_LABEL: 'Us',
    },
  );
  t.equal(provider.issuer, 'https://login.microsoftonline.com/7/v2.0');
  t.equal(provider.label, 'Us');
});

test('presets of several providers stay apart', async (t) => {
  const { config } = parseConfig(
    stringify({
      publicUrl: 'https://app.example.com',
      upstream: 'http://legacy:8080',
      session: { secret: Buffer.alloc(32, 7).toString('base64') },
      providers: { hub: { ...client, preset: 'github' }, lab: { ...client, preset: 'gitlab' } },
    }),
    { file: 'sallyport.yaml', env: {} },
  );
  t.equal(config.providers.hub?.issuer, 'https://github.com/login/oauth');
  t.equal(config.providers.hub?.userinfoEndpoint, 'https://api.github.com/user');
  t.equal(config.providers.lab?.issuer, 'https://gitlab.com');
  t.equal(config.providers.lab?.type, 'oidc');
});

test('addresses with many tenants need to be told which tenants are let in', async (t) => {
  const preset = { name: 'entra', tenant: 'organizations' };
  t.match(problemsOf({ preset }), { 'provider.tenants': /required.*insecureAnyTenant: true/ });
  t.strictSame(problemsOf({ preset, tenants: ['7'] }), {});
  t.strictSame(problemsOf({ preset, insecureAnyTenant: true }), {});
  t.match(problemsOf({ preset, tenants: '7', insecureAnyTenant: true }), {
    'provider.tenants': /give one of the two/,
  });
  t.match(problemsOf({ preset: { ...preset, tenant: '7' }, tenants: '8' }), {
    'provider.tenants': /one tenant only/,
  });
  const { warnings } = parseConfig(fileWith({ preset, insecureAnyTenant: true }), { file: 'x', env: {} });
  t.match(warnings, [/insecureAnyTenant of provider default is on/]);
});

const endpoints = {
  authorizationEndpoint: 'https://id.example.com/authorize',
  tokenEndpoint: 'https://id.example.com/token',
};

test('what plain OAuth 2.0 needs and excludes is named', async (t) => {
  const oauth = { type: 'oauth2', ...endpoints, userinfoEndpoint: 'https://id.example.com/me' };
  t.equal(read(oauth).issuer, 'https://id.example.com');
  t.match(problemsOf({ type: 'oauth2' }), { 'provider.issuer': /authorizationEndpoint.*tokenEndpoint/ });
  t.match(problemsOf({ type: 'oauth2', ...endpoints }), { 'provider.userinfoEndpoint': /required/ });
  t.match(problemsOf({ ...oauth, userinfo: false }), { 'provider.userinfo': /only userinfo says/ });
  t.match(problemsOf(endpoints), { 'provider.issuer': /required/ });
  t.match(problemsOf({ ...oauth, issuerTemplate: 'https://x.example/{tid}', tenants: 'a' }), {
    'provider.issuerTemplate': /no ID token/,
  });
});

test('a source on plain http, or with a value that cannot be read, is named', async (t) => {
  const provider = (source: Keys) => ({
    issuer: 'https://id.example.com',
    sources: [{ endpoint: 'https://api.example.com/x', claim: 'groups', value: 'name', ...source }],
  });
  t.strictSame(problemsOf(provider({ value: '{a.b}/{c}' })), {});
  t.match(problemsOf(provider({ endpoint: 'http://api.example.com/x' })), {
    'provider.sources[0].endpoint': /plain http to another machine/,
  });
  t.match(problemsOf(provider({ value: '{a' })), { 'provider.sources[0].value': /expected a dotted path/ });
  t.match(problemsOf(provider({ valeu: 'x' })), {
    'provider.sources[0].valeu': /no such key; did you mean provider\.sources\[0\]\.value/,
  });
});
