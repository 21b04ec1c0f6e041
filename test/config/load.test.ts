import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { loadConfig, parseConfig } from '../../src/config/load.ts';
import { onlyProvider } from '../support/gateway-config.ts';

const secret = Buffer.alloc(32, 7).toString('base64');
const good = `publicUrl: https://app.example.com
upstream: http://legacy:8080
provider:
  issuer: https://id.example.com/realms/main
  clientId: legacy-app
  clientSecret: \${OIDC_CLIENT_SECRET}
session:
  secret: \${SALLYPORT_SESSION_SECRET}
`;
const env = { OIDC_CLIENT_SECRET: 's3cret', SALLYPORT_SESSION_SECRET: secret };
const parse = (text: string, more: NodeJS.ProcessEnv = {}) =>
  parseConfig(text, { file: 'sallyport.yaml', env: { ...env, ...more } });

test('the six-line file is enough, and everything else has its default', async (t) => {
  const { config, warnings } = parse(good);
  t.strictSame(config.publicUrl, ['https://app.example.com']);
  t.equal(onlyProvider(config).clientSecret, 's3cret');
  t.strictSame(config.session.secret, [Buffer.alloc(32, 7)]);
  t.strictSame(config.listen[0]?.address, { host: '127.0.0.1', port: 4180 });
  t.strictSame(config.admin.listen, { host: '127.0.0.1', port: 4181 });
  t.equal(config.endpoints.prefix, '/oauth2');
  t.equal(config.session.maxLifetime, 12 * 3600 * 1000);
  t.strictSame(onlyProvider(config).scopes, ['openid', 'profile', 'email']);
  t.strictSame(warnings, []);
});

test('JSON is read like YAML', async (t) => {
  const { config } = parse(
    JSON.stringify({
      publicUrl: 'https://app.example.com',
      upstream: 'http://legacy:8080',
      provider: { issuer: 'https://id.example.com', clientId: 'a', clientSecret: 'b' },
      session: { secret },
    }),
  );
  t.equal(config.upstream, 'http://legacy:8080');
});

test('variables, defaults and files are filled in, and a doubled dollar is a dollar', async (t) => {
  const file = join(t.testdir(), 'id');
  writeFileSync(file, 'from-a-file\n');
  const text = good
    .replace('legacy-app', () => `"\${file:${file}}"`)
    .replace('http://legacy', () => 'http://${HOST:-fallback}')
    .replace('${OIDC_CLIENT_SECRET}', () => '"$${literal}-${OIDC_CLIENT_SECRET}"');
  const { config } = parse(text);
  t.equal(onlyProvider(config).clientId, 'from-a-file');
  t.equal(config.upstream, 'http://fallback:8080');
  t.equal(onlyProvider(config).clientSecret, '${literal}-s3cret');
  t.equal(parse(text, { HOST: 'given' }).config.upstream, 'http://given:8080');
});

test('what a variable holds cannot change the structure of the file', async (t) => {
  const text = good.replace('  clientSecret', '  label: ${LABEL}\n  clientSecret');
  const { config } = parse(text, { OIDC_CLIENT_SECRET: 'x', LABEL: 'x\n  insecureHttp: true # ' });
  t.equal(onlyProvider(config).insecureHttp, false);
  t.equal(onlyProvider(config).label, 'x\n  insecureHttp: true # ');
});

test('the environment overrides scalars and lists, by name or by file', async (t) => {
  const file = join(t.testdir(), 'secret');
  writeFileSync(file, 'file-secret\n');
  const { config } = parse(good.replace(/ {2}clientSecret.*\n/, ''), {
    SALLYPORT_PROVIDER_CLIENT_ID: 'other',
    SALLYPORT_PROVIDER_CLIENT_SECRET_FILE: file,
    SALLYPORT_PROVIDER_SCOPES: 'openid, groups',
    SALLYPORT_LISTEN: '0.0.0.0:8080',
    SALLYPORT_ADMIN_LISTEN: 'off',
    SALLYPORT_TRUSTED_PROXIES: '10.0.0.0/8,::1',
    SALLYPORT_PROVIDER_INSECURE_HTTP: 'true',
  });
  t.equal(onlyProvider(config).clientId, 'other');
  t.equal(onlyProvider(config).clientSecret, 'file-secret');
  t.strictSame(onlyProvider(config).scopes, ['openid', 'groups']);
  t.strictSame(config.listen[0]?.address, { host: '0.0.0.0', port: 8080 });
  t.equal(config.admin.listen, 'off');
  t.equal(config.trustedProxies.length, 2);
  t.equal(onlyProvider(config).insecureHttp, true);
});

test('an address from the environment leaves the TLS settings of the file alone', async (t) => {
  const { config } = parse(`${good}listen: { tls: { cert: a.pem, key: b.pem } }\n`, {
    SALLYPORT_LISTEN: '0.0.0.0:8443',
  });
  t.strictSame(config.listen[0]?.address, { host: '0.0.0.0', port: 8443 });
  t.equal(config.listen[0]?.tls?.cert, 'a.pem');
});

test('the environment alone is a configuration', async (t) => {
  const { config, file } = parseConfig('', {
    file: undefined,
    env: {
      SALLYPORT_PUBLIC_URL: 'https://a.example.com,https://b.example.com',
      SALLYPORT_UPSTREAM: 'http://legacy:8080',
      SALLYPORT_PROVIDER_ISSUER: 'https://id.example.com',
      SALLYPORT_PROVIDER_CLIENT_ID: 'app',
      SALLYPORT_PROVIDER_CLIENT_SECRET: 's',
      SALLYPORT_SESSION_SECRET: `${secret},${secret}`,
    },
  });
  t.strictSame(config.publicUrl, ['https://a.example.com', 'https://b.example.com']);
  t.equal(config.session.secret.length, 2);
  t.equal(file, undefined);
});

test('an unknown variable is warned about, and what Kubernetes sets is not', async (t) => {
  const { warnings } = parse(good, {
    SALLYPORT_PROVIDER_CLIENTID: 'x',
    SALLYPORT_SERVICE_HOST: '10.0.0.1',
    SALLYPORT_PORT_4180_TCP: 'tcp://10.0.0.1:4180',
  });
  t.equal(warnings.length, 1);
  t.match(warnings[0], /SALLYPORT_PROVIDER_CLIENTID .*did you mean SALLYPORT_PROVIDER_CLIENT_ID\?/);
});

test('settings that weaken the defaults are said at start', async (t) => {
  const { warnings } = parse(
    good
      .replace('https://app', 'http://app')
      .replace('https://id', 'http://id')
      .replace('  clientId', '  insecureHttp: true\n  clientId'),
  );
  t.match(warnings.join('\n'), /insecureHttp of provider default is on/);
  t.match(warnings.join('\n'), /http:\/\/app\.example\.com is plain http/);
});

test('an admin listener that other machines reach is said at start', async (t) => {
  const warningsOf = (admin: string) => parse(`${good}admin: ${admin}\n`).warnings.join('\n');
  const token = 'token: a-token-of-the-admin';
  t.match(
    warningsOf('{ listen: "0.0.0.0:4181" }'),
    /admin\.listen 0\.0\.0\.0:4181, and there is no admin\.token/,
  );
  t.match(warningsOf(`{ listen: ":4181", ${token} }`), /0\.0\.0\.0:4181, which is plain http/);
  t.match(warningsOf('{ listen: "[::]:4181" }'), /admin\.listen \[::\]:4181/);
  for (const own of ['"127.0.0.1:4181"', '"[::1]:4181"', '"localhost:4181"', 'unix:/run/a.sock', 'off'])
    t.equal(warningsOf(`{ listen: ${own} }`), '', own);
});

test('a named file that is not there is an error that names the place', async (t) => {
  t.throws(() => loadConfig({ file: '/nonexistent/sallyport.yaml', env: {} }), {
    message: /cannot be read \(ENOENT: there is no such file\)\. Looked at \/nonexistent\/sallyport\.yaml/,
  });
});

test('SALLYPORT_CONFIG names the file', async (t) => {
  const file = join(t.testdir({ 'c.yaml': good }), 'c.yaml');
  t.equal(loadConfig({ env: { ...env, SALLYPORT_CONFIG: file } }).file, file);
});
