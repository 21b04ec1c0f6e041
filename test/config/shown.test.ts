import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { stringify } from 'yaml';
import { configJsonSchema, type JsonSchema, listForm, members } from '../../src/config/json-schema.ts';
import { parseConfig } from '../../src/config/load.ts';
import { configHash, shownConfig } from '../../src/plan/show.ts';
import { gatewayYaml } from '../support/gateway-config.ts';

/** Secrets that are like no other text: as base64 of 32 bytes each is a session secret too. */
let made = 0;
const canary = (): string => {
  made += 1;
  return Buffer.alloc(33, `canary ${made} sings~`).toString('base64');
};

const forms = (secret: string): string[] => {
  const bytes = Buffer.from(secret);
  return [
    secret,
    encodeURIComponent(secret),
    bytes.toString('base64').replace(/=+$/, ''),
    bytes.toString('base64url'),
    bytes.toString('hex'),
    Buffer.from(secret, 'base64').toString('latin1'),
    Buffer.from(secret, 'base64').toString('hex'),
  ];
};

/** A file with a secret wherever one can stand, and the environment that goes with it. */
function arrange(t: Test) {
  const secrets: string[] = [];
  const secret = () => {
    const one = canary();
    secrets.push(one);
    return one;
  };
  const folder = t.testdir();
  const env: NodeJS.ProcessEnv = {};
  const variable = () => {
    const name = `CANARY_${secrets.length}`;
    env[name] = secret();
    return `\${${name}}`;
  };
  const file = () => {
    const path = join(folder, `secret-${secrets.length}`);
    writeFileSync(path, `${secret()}\n`);
    return path;
  };
  return { secrets, secret, env, variable, file, ofFile: () => `\${file:${file()}}` };
}

const isolated = (t: Test, shown: unknown, secrets: readonly string[]) => {
  const text = JSON.stringify(shown);
  for (const secret of secrets)
    for (const form of forms(secret)) if (text.includes(form)) t.fail(`${form} is shown: ${text}`);
};

/** The places of secret keys, with `*` for what a file chooses. */
function secretPlaces(schema: JsonSchema, path = ''): string[] {
  if (schema.secret) return [path];
  const below = listForm(schema)?.items;
  const each = schema.additionalProperties;
  return [
    ...members(schema).flatMap(([name, member]) =>
      secretPlaces(member, path === '' ? name : `${path}.${name}`),
    ),
    ...(below ? secretPlaces(below, `${path}[]`) : []),
    ...(typeof each === 'object' ? secretPlaces(each, `${path}.*`) : []),
  ];
}

test('no secret is in what is shown, wherever it stands', (t) => {
  const { secrets, secret, env, variable, file, ofFile } = arrange(t);
  const literal = secret();
  const key = secret();
  const provider = (more: Record<string, unknown>) => ({
    issuer: 'https://id.example.com',
    clientId: ofFile(),
    ...more,
  });
  const document = {
    publicUrl: 'https://app.example.com',
    admin: { token: secret() },
    provider: provider({
      clientSecret: key,
      authorizationParams: { key: variable(), page: 'display' },
      sources: [{ endpoint: `https://u.example/?page=1&key=${variable()}`, claim: 'x', value: 'y' }],
      endSessionParams: { key: variable() },
      claimsParameter: { id_token: { acr: { value: variable() } } },
      introspectionEndpoint: `https://id.example.com/i?${secret()}`,
      icon: `https://cdn.example/i.png?sig=${secret()}`,
    }),
    providers: {
      corp: provider({ privateKey: { key: secret() }, label: `Corp ${key}`, clientAuth: 'private_key_jwt' }),
    },
    bearer: [
      {
        introspectionEndpoint: 'https://id.example.com/i',
        audience: 'app',
        clientId: 'gateway',
        clientSecret: variable(),
      },
    ],
    session: {
      secret: [secret(), variable()],
      store: `rediss+sentinel://${encodeURIComponent(secret())}:${encodeURIComponent(secret())}@one:1,two:2/main`,
    },
    tracing: { endpoint: `https://traces.example/?key=${secret()}`, headers: { 'X-Api-Key': secret() } },
    headers: {
      'X-Key': `key ${variable()} of {user}`,
      'X-Twice': `{user} ${key}`,
      Authorization: `Basic ${literal}`,
    },
    routes: [
      {
        path: '/',
        upstream: 'http://legacy:8080',
        allow: [{ groups: ['staff'] }],
        responseHeaders: { 'X-Key': ofFile(), 'Proxy-Authorization': `Bearer {user} ${secret()}` },
      },
      {
        path: '/basic',
        upstream: 'http://legacy:8080',
        basicAuth: { username: variable(), password: secret() },
      },
      {
        path: '/jobs',
        upstream: 'http://legacy:8080',
        token: { clientCredentials: { clientId: 'jobs', clientSecret: secret() }, provider: 'corp' },
      },
    ],
  };
  env.SALLYPORT_PROVIDERS_CORP_CLIENT_ID_FILE = file();
  const { config } = parseConfig(stringify(document), { file: 'c.yaml', env });
  const shown = shownConfig(config);
  isolated(t, shown, secrets);
  const held = JSON.stringify({ ...config, shown: undefined, session: { ...config.session, secret: [] } });
  const hidden = secrets.filter((one) => held.includes(one) || held.includes(encodeURIComponent(one)));
  t.ok(hidden.length >= secrets.length - 3, 'the configuration in force has them');
  t.match(shown, {
    providers: {
      default: {
        clientId: '***',
        clientSecret: '***',
        authorizationParams: { key: '***', page: 'display' },
        sources: [{ endpoint: 'https://u.example/?page=***&key=***' }],
      },
      corp: { clientId: '***', privateKey: { key: '***' } },
    },
    session: { secret: ['***', '***'], store: 'rediss+sentinel://***@one:1,two:2/main' },
    tracing: { endpoint: 'https://traces.example/?key=***', headers: { 'X-Api-Key': '***' } },
    headers: { 'X-Key': 'key *** of {user}', Authorization: '***' },
    routes: [
      { allow: [{ groups: ['staff'] }], responseHeaders: { 'X-Key': '***' } },
      { basicAuth: { username: '***', password: '***' } },
    ],
  });
  const tried = [
    ...['provider.clientSecret', 'providers.*.clientSecret', 'provider.privateKey.key'],
    ...['providers.*.privateKey.key', 'bearer[].clientSecret', 'session.secret', 'session.store'],
    ...[
      'admin.token',
      'session.redis.url',
      'tracing.headers.*',
      'routes[].basicAuth.password',
      'routes[].token.clientCredentials.clientSecret',
    ],
  ];
  t.strictSame(secretPlaces(configJsonSchema()).sort(), tried.sort(), 'a new secret key is tried here too');
  t.end();
});

test('the addresses of Redis are shown without their login, also from the environment', (t) => {
  const { secrets, secret, env } = arrange(t);
  const urlOf = () => `redis://:${encodeURIComponent(secret())}@redis:6379/2`;
  env.SALLYPORT_SESSION_REDIS_URL = urlOf();
  env.SALLYPORT_PROVIDER_CLIENT_SECRET = secret();
  const { config } = parseConfig(gatewayYaml({ upstream: 'http://legacy' }, 4180), { file: 'c.yaml', env });
  isolated(t, config.shown, secrets);
  t.match(config.shown, { session: { redis: { url: 'redis://***@redis:6379/2' }, store: 'cookie' } });
  t.end();
});

test('what is shown has the form of a file, with defaults, and no short form', (t) => {
  const config = { upstream: 'http://legacy', listen: '127.0.0.1:4180', session: { idleTimeout: '90m' } };
  const { shown } = parseConfig(gatewayYaml({ config }, 4180), { file: 'c.yaml', env: {} }).config;
  t.match(shown, {
    listen: { address: '127.0.0.1:4180' },
    session: { idleTimeout: '90m', maxLifetime: '12h', maxCookieBytes: '16KiB' },
    limits: { keepAlive: '75s' },
    providers: { default: { clientId: 'app', claims: { user: 'sub' }, timeout: '10s' } },
    routes: [{ path: '/', upstream: 'http://legacy', allow: 'signed-in', timeout: { connect: '10s' } }],
  });
  t.notOk('provider' in shown || 'upstream' in shown);
  t.strictSame(JSON.parse(JSON.stringify(shown)), shown);
  t.end();
});

test('the hash of a configuration names what it says, and no guess of a secret can be tried on it', (t) => {
  const hashOf = (more: Record<string, unknown>) =>
    configHash(
      parseConfig(gatewayYaml({ upstream: 'http://legacy', config: more }, 4180), { file: 'c.yaml', env: {} })
        .config,
    );
  const hash = hashOf({});
  t.match(hash, /^[0-9a-f]{12}$/);
  t.equal(hashOf({}), hash, 'also with another session secret');
  t.equal(hashOf({ provider: { clientSecret: 'another guess' } }), hash);
  t.equal(hashOf({ headers: { 'X-A': 'a', 'X-B': 'b' } }), hashOf({ headers: { 'X-B': 'b', 'X-A': 'a' } }));
  t.not(hashOf({ headers: { 'X-A': 'a' } }), hash);
  t.equal(
    hashOf({ headers: { Authorization: 'Basic YTpi' } }),
    hashOf({ headers: { Authorization: 'Basic YzpK' } }),
  );
  t.end();
});
