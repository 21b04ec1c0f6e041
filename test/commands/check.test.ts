import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { projectRoot } from '../docs/documents.ts';
import { startImitation } from '../presets/imitation.ts';
import { arrangeUpstream } from '../support/arrange.ts';
import { gatewayYaml } from '../support/gateway-config.ts';

function check(file: string): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['dist/src/main.js', 'check', '-c', file], { cwd: projectRoot });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk;
    });
    child.on('close', (code) => resolve({ code, output }));
  });
}

/** A provider whose endpoints are given by hand. */
const byHand = (origin: string) => ({
  issuer: undefined,
  type: 'oauth2',
  authorizationEndpoint: `${origin}/authorize`,
  tokenEndpoint: `${origin}/token`,
  userinfoEndpoint: `${origin}/whoami`,
});

test('check connects to endpoints that were given by hand', async (t) => {
  const upstream = await arrangeUpstream(t);
  const imitation = await startImitation({ paths: { authorize: '/authorize', token: '/token' } });
  const file = join(t.testdir(), 'sallyport.yaml');
  const provider = byHand(imitation.origin);
  writeFileSync(file, gatewayYaml({ upstream, config: { provider } }, 4180));
  const good = await check(file);
  t.equal(good.code, 0);
  t.match(good.output, `  ok     provider ${imitation.origin}`);
  await imitation.stop();
  const bad = await check(file);
  t.equal(bad.code, 1);
  t.match(bad.output, new RegExp(`FAIL {3}provider ${imitation.origin}: .*ECONNREFUSED`));
});

test('check compares the scopes with those that the provider names, and the clock with its own', async (t) => {
  const upstream = await arrangeUpstream(t);
  let date = new Date().toUTCString();
  const imitation = await startImitation({
    paths: { authorize: '/authorize', token: '/token', jwks: '/keys' },
    metadata: (origin) => ({
      path: '/.well-known/openid-configuration',
      document: {
        issuer: origin,
        authorization_endpoint: `${origin}/authorize`,
        token_endpoint: `${origin}/token`,
        jwks_uri: `${origin}/keys`,
        scopes_supported: ['openid', 'email', 'profile'],
      },
      headers: { date },
    }),
  });
  t.teardown(() => imitation.stop());
  const file = join(t.testdir(), 'sallyport.yaml');
  const provider = {
    issuer: imitation.origin,
    clientSecret: 'x',
    scopes: ['openid', 'email', 'groups', 'offline_access'],
  };
  const routes = [
    { upstream: upstream.url, token: { resource: 'https://api.example.com', scopes: ['pay'] } },
  ];
  writeFileSync(file, gatewayYaml({ config: { provider, routes } }, 4180));
  const { code, output } = await check(file);
  t.equal(code, 0, 'a provider need not name all of them');
  t.match(output, /note {3}provider \S+: groups, offline_access, pay is not among its scopes_supported/);
  for (const [difference, says] of [
    [-300, /FAIL {3}provider .*the clock of this machine is (29|30)\d seconds ahead of the provider's/],
    [7200, /FAIL {3}provider .*the clock of this machine is (719|720)\d seconds behind the provider's/],
  ] as const) {
    date = new Date(Date.now() + difference * 1000).toUTCString();
    const off = await check(file);
    t.equal(off.code, 1);
    t.match(off.output, says);
  }
});

test('check names the settings that would let ordinary spellings of a path pass', async (t) => {
  const upstream = await arrangeUpstream(t);
  const file = join(t.testdir(), 'sallyport.yaml');
  const routes = [
    { path: '/', upstream: upstream.url, allow: 'public' },
    { path: '/admin', upstream: upstream.url, unauthenticated: '401' },
  ];
  writeFileSync(file, gatewayYaml({ config: { routes } }, 4180));
  const { output } = await check(file);
  t.match(
    output,
    /note {3}\/Admin is refused: Admin is a place of .* It passes with paths\.ignoreCase: true,/,
  );
  t.match(
    output,
    /note {3}\/admin;v=1 is refused: ; can be read .* It passes with paths\.parameters: strip,/,
  );
  t.match(
    output,
    /note {3}\/admin%2Fx is refused: %2F can .* It passes with paths\.encodedSlash: separator,/,
  );
  const paths = { ignoreCase: true, parameters: 'strip', encodedSlash: 'separator' };
  writeFileSync(file, gatewayYaml({ config: { routes, paths } }, 4180));
  t.notMatch((await check(file)).output, /is refused/);
  writeFileSync(file, gatewayYaml({ upstream }, 4180));
  t.notMatch((await check(file)).output, /is refused/, 'nothing is where there is one rule');
});

test('check says which file of a route cannot be read', async (t) => {
  const file = join(t.testdir(), 'sallyport.yaml');
  const routes = [{ upstream: 'https://127.0.0.1:9', tls: { ca: '/no/such/ca.pem' } }];
  writeFileSync(file, gatewayYaml({ config: { routes } }, 4180));
  const { code, output } = await check(file);
  t.equal(code, 1);
  t.match(output, /FAIL {3}files that routes name: .*\/no\/such\/ca\.pem/);
});

test('check looks at the file of the audit and at the collector of traces', async (t) => {
  const upstream = await arrangeUpstream(t);
  const imitation = await startImitation({ paths: { authorize: '/authorize', token: '/token' } });
  t.teardown(() => imitation.stop());
  const folder = t.testdir({ there: 'a line\n' });
  const file = join(folder, 'sallyport.yaml');
  const provider = byHand(imitation.origin);
  const checked = (audit: string, endpoint: string) => {
    const config = { provider, audit: { file: audit }, tracing: { endpoint } };
    writeFileSync(file, gatewayYaml({ upstream, config }, 4180));
    return check(file);
  };
  for (const audit of [`${folder}/there`, `${folder}/new`]) {
    const good = await checked(audit, `${imitation.origin}/v1/traces`);
    t.equal(good.code, 0, good.output);
    t.match(good.output, `  ok     audit ${audit}`);
    t.match(good.output, `  ok     traces to ${imitation.origin}`);
  }
  t.equal(existsSync(`${folder}/new`), false, 'it makes no file');
  const bad = await checked(`${folder}/none/audit.jsonl`, 'http://127.0.0.1:1');
  t.equal(bad.code, 1);
  t.match(bad.output, /FAIL {3}audit .*\/none\/audit\.jsonl: ENOENT/);
  t.match(bad.output, /FAIL {3}traces to http:\/\/127\.0\.0\.1:1: .*ECONNREFUSED/);
  t.match((await checked(folder, imitation.origin)).output, /FAIL {3}audit .*: EISDIR: it is a folder/);
});
