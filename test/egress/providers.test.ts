import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { parseConfig } from '../../src/config/load.ts';
import { arrangeGateway, arrangeUpstream } from '../support/arrange.ts';
import { makeCertificate } from '../support/certificate.ts';
import { createWoundClock } from '../support/clock.ts';
import { freePort } from '../support/free-port.ts';
import { gatewayYaml } from '../support/gateway-config.ts';
import { listenOnLoopback } from '../support/listening.ts';
import { logIn } from '../support/log-in.ts';
import { startProvider, type TestProvider } from '../support/provider.ts';
import { onlyByProxy, type Squid, startSquid } from '../support/squid.ts';
import { type Echo, valuesOf } from '../support/upstream.ts';

const user = { name: 'gateway', password: 'pr0xy/s3cret!' };
const withUser = (squid: Squid, { name, password } = user) =>
  `http://${name}:${encodeURIComponent(password)}@127.0.0.1:${squid.port}`;

/** The provider, of which what the gateway asks for in a login is at a name that only a proxy knows. */
async function arrangeProvider(t: Test) {
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const { port } = new URL(provider.issuer);
  const away = `http://${onlyByProxy}:${port}`;
  const byName = {
    authorizationEndpoint: `${provider.issuer}/auth`,
    tokenEndpoint: `${away}/token`,
    userinfoEndpoint: `${away}/me`,
    jwksUri: `${away}/jwks`,
    revocationEndpoint: `${away}/token/revocation`,
    insecureHttp: true,
  };
  return { provider, away, byName, place: `${onlyByProxy}:${port}` };
}

const bearerOf = (answer: { json(): unknown }) =>
  valuesOf((answer.json() as Echo).rawHeaders, 'authorization')[0];

/** Somebody signs in, and their tokens are renewed. */
async function signInAndRefresh(t: Test, provider: TestProvider, keys: object, env: NodeJS.ProcessEnv) {
  const upstream = await arrangeUpstream(t);
  const clock = createWoundClock();
  const scene = await arrangeGateway(t, { provider, upstream, clock, env, config: { provider: keys } });
  const first = bearerOf(await logIn(scene.client, scene.gateway.url, 'ada'));
  clock.wind(295_000);
  const second = bearerOf(await scene.client.get(`${scene.gateway.url}/`));
  t.ok(first !== undefined && second !== undefined && first !== second, 'the token was replaced');
  return scene;
}

test('a login and a refresh go through the proxy of the environment, which asks for credentials', async (t) => {
  const squid = await startSquid(t, { user });
  const { provider, byName, place } = await arrangeProvider(t);
  const env = { HTTP_PROXY: withUser(squid) };
  const { gateway } = await signInAndRefresh(t, provider, byName, env);
  await gateway.close();
  const asked = await squid.asked();
  t.ok(asked.includes(`CONNECT ${place} 200`), asked.join());
  t.notOk(
    asked.some((line) => line.includes('127.0.0.1')),
    'neither this machine nor the upstream',
  );
  t.notMatch(gateway.log.text(), /pr0xy/);
  t.notMatch(gateway.log.text(), Buffer.from(`gateway:${user.password}`).toString('base64'));
});

test('provider.proxy holds for every call of its provider, and for no other', async (t) => {
  const squid = await startSquid(t, { user });
  const { provider } = await arrangeProvider(t);
  const env = { NO_PROXY: '*' };
  const { gateway } = await signInAndRefresh(t, provider, { proxy: withUser(squid) }, env);
  const other = await startProvider();
  t.teardown(() => other.stop());
  const upstream = await arrangeUpstream(t);
  const scene = await arrangeGateway(t, { provider: other, upstream, env: { HTTP_PROXY: withUser(squid) } });
  await logIn(scene.client, scene.gateway.url, 'ada');
  await Promise.all([gateway.close(), scene.gateway.close()]);
  const { host } = new URL(provider.issuer);
  const asked = await squid.asked();
  t.ok(asked.length > 0 && asked.every((line) => line === `CONNECT ${host} 200`), asked.join());
});

test('what NO_PROXY names is asked directly, and so is all where provider.proxy is off', async (t) => {
  const squid = await startSquid(t);
  const { provider, byName } = await arrangeProvider(t);
  const upstream = await arrangeUpstream(t);
  const tries: [object, NodeJS.ProcessEnv][] = [
    [{}, { NO_PROXY: 'sallyport.test' }],
    [{ proxy: 'off' }, {}],
  ];
  for (const [keys, env] of tries) {
    const config = { provider: { ...byName, ...keys } };
    const scene = await arrangeGateway(t, {
      provider,
      upstream,
      env: { http_proxy: squid.url, ...env },
      config,
    });
    await t.rejects(
      logIn(scene.client, scene.gateway.url, 'ada'),
      /no session/,
      'the name is not known here',
    );
    await scene.gateway.log.line((line) => /ENOTFOUND|EAI_AGAIN/.test(JSON.stringify(line)));
    await scene.gateway.close();
  }
  t.strictSame(await squid.asked(), []);
});

test('a proxy that is out, refuses, or takes other credentials is named in the log; they are not', async (t) => {
  const strict = await startSquid(t, { user });
  const narrow = await startSquid(t, { onlyPorts: [443] });
  const { provider, byName } = await arrangeProvider(t);
  const upstream = await arrangeUpstream(t);
  const nobody = await freePort();
  const cases: [proxy: string, said: string][] = [
    [
      `http://gateway:wr0ng-pass@127.0.0.1:${nobody}`,
      `http://127.0.0.1:${nobody} cannot be reached: ECONNREFUSED`,
    ],
    [
      withUser(strict, { name: 'gateway', password: 'wr0ng-pass' }),
      `${strict.url} does not take these credentials`,
    ],
    [strict.url, `${strict.url} does not take these credentials, or asks for some (407)`],
    [narrow.url, `${narrow.url} does not allow connections to ${onlyByProxy}`],
  ];
  for (const [proxy, said] of cases) {
    const env = { HTTP_PROXY: proxy };
    const scene = await arrangeGateway(t, { provider, upstream, env, config: { provider: byName } });
    const answer = await logIn(scene.client, scene.gateway.url, 'ada').catch((error: Error) => error.message);
    t.match(answer, /no session after the login: 503/, 'it may pass');
    const line = await scene.gateway.log.line((each) => JSON.stringify(each).includes('the proxy'));
    t.match(JSON.stringify(line), said);
    t.notMatch(scene.gateway.log.text(), /wr0ng-pass/);
    t.notMatch(scene.gateway.log.text(), Buffer.from('gateway:wr0ng-pass').toString('base64'));
  }
});

test('access tokens: the keys of an issuer are fetched through the proxy', async (t) => {
  const { provider, away, place } = await arrangeProvider(t);
  const upstream = await arrangeUpstream(t);
  const bearer = (keys: object) => [
    { issuer: provider.issuer, audience: 'api', jwksUri: `${away}/jwks`, insecureHttp: true, ...keys },
  ];
  for (const isKey of [false, true]) {
    const squid = await startSquid(t);
    const [keys, env] = isKey ? [{ proxy: squid.url }, {}] : [{}, { HTTP_PROXY: squid.url }];
    const config = { provider: undefined, upstream: upstream.url, bearer: bearer(keys) };
    const { gateway, client } = await arrangeGateway(t, { env, config });
    const header = Buffer.from('{"alg":"RS256","typ":"at+jwt","kid":"unknown"}').toString('base64url');
    const body = Buffer.from(JSON.stringify({ iss: provider.issuer, aud: 'api' })).toString('base64url');
    const { status } = await client.get(`${gateway.url}/`, {
      authorization: `Bearer ${header}.${body}.AAAA`,
    });
    t.equal(status, 401, 'the keys came, and this is signed with none of them');
    await gateway.close();
    t.ok((await squid.asked()).includes(`CONNECT ${place} 200`));
  }
});

test('credentials of a proxy are masked wherever the configuration is shown or refused', async (t) => {
  const proxy = 'http://gateway:pr0xy-s3cret@proxy.test:3128';
  const yaml = gatewayYaml(
    { config: { provider: { issuer: 'https://id.test', proxy } }, upstream: 'http://127.0.0.1:9' },
    1,
  );
  const { config } = parseConfig(yaml, { env: { HTTPS_PROXY: 'http://other:0ther-secret@proxy.test' } });
  t.match(JSON.stringify(config.shown), 'http://***@proxy.test:3128');
  t.notMatch(JSON.stringify(config.shown), /pr0xy-s3cret|0ther-secret/);
  for (const secret of ['pr0xy-s3cret', '0ther-secret']) t.ok(config.secrets.includes(secret));
  const refused = (value: Record<string, unknown>, env: NodeJS.ProcessEnv = {}) => {
    try {
      parseConfig(gatewayYaml({ config: value, upstream: 'http://127.0.0.1:9' }, 1), { env });
      return '';
    } catch (error) {
      return (error as Error).message;
    }
  };
  const wrong = refused({ provider: { proxy: 'socks5://gateway:pr0xy-s3cret@proxy.test' } });
  t.match(wrong, /provider\.proxy: expected .*proxy such as/);
  t.notMatch(wrong, /s3cret/);
  const ofEnvironment = refused({}, { https_proxy: 'socks5://gateway:pr0xy-s3cret@proxy.test' });
  t.match(ofEnvironment, /^https_proxy: expected/);
  t.notMatch(ofEnvironment, /s3cret/);
  t.match(
    refused({ provider: { issuer: 'http://127.0.0.1:8080', proxy: 'http://proxy.test:3128' } }),
    /plain http to another machine/,
    'the loopback of a proxy is another machine',
  );
  t.equal(refused({ provider: { issuer: 'http://127.0.0.1:8080', proxy: 'http://127.0.0.1:3128' } }), '');
});

test('a call whose connection is refused by the rules is not made through the proxy either', async (t) => {
  const squid = await startSquid(t);
  const { provider, away } = await arrangeProvider(t);
  provider.tamper(async (hit) => {
    if (!hit.path.includes('.well-known')) return hit.pass();
    const original = await hit.original();
    const metadata = { ...(JSON.parse(original.body) as object), token_endpoint: `${away}/token` };
    return hit.send({ ...original, body: JSON.stringify(metadata) });
  });
  const upstream = await arrangeUpstream(t);
  const { gateway } = await arrangeGateway(t, {
    provider,
    upstream,
    awaitProvider: false,
    env: { HTTP_PROXY: squid.url },
  });
  await gateway.log.line((line) => JSON.stringify(line).includes('token_endpoint is plain http'));
  await gateway.close();
  t.strictSame(await squid.asked(), []);
});

/** What `sallyport check` prints. */
async function check(t: Test, config: Record<string, unknown>, env: NodeJS.ProcessEnv) {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-check-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const file = join(folder, 'sallyport.yaml');
  await writeFile(
    file,
    gatewayYaml({ upstream: config.routes ? undefined : 'http://127.0.0.1:9', config }, 4180),
  );
  const { NODE_OPTIONS: _, ...inherited } = process.env;
  return new Promise<string>((resolve) => {
    const child = spawn(process.execPath, ['dist/src/main.js', 'check', '-c', file], {
      env: { ...inherited, ...env },
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.on('close', () => resolve(output));
  });
}

test('check says which way each was asked', async (t) => {
  const squid = await startSquid(t, { user });
  const { provider, byName } = await arrangeProvider(t);
  const upstream = await arrangeUpstream(t);
  const { issuer, clientId, clientSecret } = provider;
  const routes = [
    { path: '/', upstream: upstream.url },
    { path: '/far', upstream: upstream.url, proxy: withUser(squid) },
  ];
  const named = { issuer, clientId, clientSecret };
  const byKey = await check(t, { provider: { ...named, proxy: withUser(squid) }, routes }, {});
  t.match(byKey, `ok     provider ${issuer}, by the proxy ${squid.url}`);
  t.match(byKey, `ok     upstream ${upstream.url}\n`);
  t.match(byKey, `ok     upstream ${upstream.url}, by the proxy ${squid.url}`);
  t.notMatch(byKey, /pr0xy|FAIL/);

  const env = { HTTP_PROXY: withUser(squid) };
  const mixed = await check(t, { provider: { ...named, ...byName }, routes: routes.slice(0, 1) }, env);
  t.match(
    mixed,
    `${issuer}, directly; http://${onlyByProxy}:${new URL(issuer).port}, by the proxy ${squid.url}`,
  );
  const wrong = await check(t, { provider: { ...named, ...byName } }, { HTTP_PROXY: squid.url });
  t.match(wrong, /FAIL {3}provider .*the proxy http:\/\/127.0.0.1:\d+ does not take these credentials/);
});

/** Answers everything with the metadata of an issuer. */
function metadataOf(issuer: string): RequestListener {
  const at = (path: string) => issuer + path;
  const metadata = {
    issuer,
    authorization_endpoint: at('/a'),
    token_endpoint: at('/t'),
    jwks_uri: at('/j'),
    response_types_supported: ['code'],
  };
  return (_request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(metadata));
  };
}

test('an https provider is asked through HTTPS_PROXY, and its certificate is checked for its own name', async (t) => {
  const squid = await startSquid(t);
  const certificate = await makeCertificate('provider', { names: `DNS:${onlyByProxy}` });
  const foreign = await makeCertificate('another', { names: 'DNS:another.test' });
  for (const [{ cert, key, certFile }, said] of [
    [certificate, 'ok     provider'],
    [foreign, 'FAIL   provider'],
  ] as const) {
    const server = createServer({ cert, key });
    const { port, close } = await listenOnLoopback(server, 'https');
    t.teardown(close);
    const issuer = `https://${onlyByProxy}:${port}`;
    server.on('request', metadataOf(issuer));
    const provider = { issuer, ca: certFile };
    const output = await check(t, { provider }, { HTTPS_PROXY: squid.url, HTTP_PROXY: 'http://127.0.0.1:9' });
    t.match(output, `${said} ${issuer}`);
    if (said.startsWith('ok')) t.match(output, `by the proxy ${squid.url}`);
    else t.match(output, 'ERR_TLS_CERT_ALTNAME_INVALID');
  }
});

test('NODE_EXTRA_CA_CERTS and provider.ca are both trusted, and nobody else', async (t) => {
  const [extra, own, foreign] = await Promise.all(
    ['extra', 'own', 'foreign'].map((name) => makeCertificate(name)),
  );
  const issuers = await Promise.all(
    [extra, own, foreign].map(async (certificate) => {
      const server = createServer({ cert: certificate?.cert ?? '', key: certificate?.key ?? '' });
      const listening = await listenOnLoopback(server, 'https');
      t.teardown(() => listening.close());
      server.on('request', metadataOf(listening.url));
      return listening.url;
    }),
  );
  const providers = Object.fromEntries(
    issuers.map((issuer, index) => [
      `p${index}`,
      { issuer, clientId: 'app', clientSecret: 'secret', ca: own?.certFile },
    ]),
  );
  const config = { provider: undefined, providers, upstream: 'http://127.0.0.1:9' };
  const output = await check(t, config, { NODE_EXTRA_CA_CERTS: extra?.certFile });
  t.match(output, `ok     provider ${issuers[0]}`);
  t.match(output, `ok     provider ${issuers[1]}`);
  t.match(output, `FAIL   provider ${issuers[2]}: DEPTH_ZERO_SELF_SIGNED_CERT`);
});
