import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { parseConfig } from '../../src/config/load.ts';
import { openFiles } from '../../src/files.ts';
import { createProviderHttp } from '../../src/identity/provider/http.ts';
import { fetchMetadata } from '../../src/identity/provider/metadata.ts';
import { alterClaims, onPath, sendJson } from '../attack/forged-token.ts';
import { projectRoot } from '../docs/documents.ts';
import { arrangeUpstream } from '../support/arrange.ts';
import { startTestGateway } from '../support/gateway.ts';
import { gatewayYaml, onlyProvider } from '../support/gateway-config.ts';
import { startProvider, type TestProvider } from '../support/provider.ts';
import { type Echo, valuesOf } from '../support/upstream.ts';
import { anotherBrowser, beginLogin, isSignedIn, signInAtProvider } from './steps.ts';

/** Where browsers find the provider; the gateway cannot ask anything there. */
const outside = 'https://id.public.example/realms/main';

/** The provider as it is seen from inside, beside its public issuer. */
const byHand = ({ issuer }: TestProvider) => ({
  issuer: outside,
  authorizationEndpoint: `${outside}/auth`,
  tokenEndpoint: `${issuer}/token`,
  jwksUri: `${issuer}/jwks`,
  userinfoEndpoint: `${issuer}/me`,
  endSessionEndpoint: `${outside}/logout`,
  userinfo: true,
});

async function arrange(t: Test) {
  const provider = await startProvider({ conformIdTokenClaims: true });
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  return { provider, upstream };
}

test('endpoints on this machine, by hand, serve beside a public https issuer', async (t) => {
  const { provider, upstream } = await arrange(t);
  const config = { provider: byHand(provider), headers: { 'X-Mail': '{email}' } };
  const gateway = await startTestGateway({ provider, upstream, config });
  t.teardown(() => gateway.close());
  const client = anotherBrowser(t);
  const { authorizationRequest } = await beginLogin(client, gateway.url);
  t.match(authorizationRequest.href, `${outside}/auth?`, 'the browser goes to the public address');
  const inside = new URL(`${provider.issuer}/auth${authorizationRequest.search}`);
  const callback = await signInAtProvider(client, { authorizationRequest: inside });
  callback.searchParams.set('iss', outside);
  provider.tamper(alterClaims(provider, (claims) => ({ ...claims, iss: outside })));
  t.equal((await client.navigate(callback.href)).status, 302);
  provider.tamper(undefined);
  t.ok(await isSignedIn(client, gateway.url));
  const { rawHeaders } = (await client.get(`${gateway.url}/`)).json() as Echo;
  t.strictSame(valuesOf(rawHeaders, 'x-mail'), ['ada@example.com'], 'userinfo was asked inside');
  const out = await client.navigate(`${gateway.url}/oauth2/sign_out`);
  t.match(out.headers.location, `${outside}/logout?`, 'the sign-out goes to the public address too');
});

test('check asks what the gateway asks, and connects to nothing that only browsers need', async (t) => {
  const { provider, upstream } = await arrange(t);
  const file = join(t.testdir(), 'sallyport.yaml');
  writeFileSync(file, gatewayYaml({ provider, upstream, config: { provider: byHand(provider) } }, 4180));
  const check = () =>
    new Promise<{ code: number | null; output: string }>((resolve) => {
      const child = spawn(process.execPath, ['dist/src/main.js', 'check', '-c', file], { cwd: projectRoot });
      let output = '';
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk;
      });
      child.on('close', (code) => resolve({ code, output }));
    });
  const good = await check();
  t.match(good, { code: 0, output: `  ok     provider ${outside}` });
  await provider.stop();
  const bad = await check();
  t.match(bad, { code: 1, output: /FAIL {3}provider .*ECONNREFUSED/ }, 'the inner address counts');
});

async function metadataWith(t: Test, provider: TestProvider, settings: object) {
  const yaml = gatewayYaml({ provider, upstream: 'http://127.0.0.1:9', config: { provider: settings } }, 1);
  const config = onlyProvider(parseConfig(yaml, { file: 'sallyport.yaml', env: {} }).config);
  const http = createProviderHttp(config, openFiles().read);
  t.teardown(() => http.close());
  return { config, http };
}

test('C21 plain http on this machine counts by hand, or where the metadata are read there; never by word of https', async (t) => {
  const { provider } = await arrange(t);
  const { issuer } = provider;
  const wellKnown = '/.well-known/openid-configuration';
  const named = onPath(wellKnown, async (hit) => {
    const metadata = JSON.parse((await hit.original()).body) as object;
    sendJson(hit, { ...metadata, issuer: outside, authorization_endpoint: `${outside}/auth` });
  });
  provider.tamper(named);
  const here = await metadataWith(t, provider, { issuer: outside, metadataUrl: issuer + wellKnown });
  const { metadata } = await fetchMetadata(here.config, here.http);
  t.equal(metadata.token_endpoint, `${issuer}/token`, 'read on this machine');

  const there = await metadataWith(t, provider, { issuer: outside });
  // As if the public address had answered.
  const answered = { ...there.http, fetch: () => here.http.fetch(issuer + wellKnown, get) };
  await t.rejects(fetchMetadata(there.config, answered), { message: /is plain http/ });
  const given = {
    tokenEndpoint: `${issuer}/token`,
    jwksUri: `${issuer}/jwks`,
    userinfoEndpoint: `${issuer}/me`,
    endSessionEndpoint: `${outside}/logout`,
    revocationEndpoint: `${issuer}/token/revocation`,
    introspectionEndpoint: `${issuer}/token/introspection`,
    pushedAuthorizationRequestEndpoint: `${issuer}/request`,
  };
  const all = await metadataWith(t, provider, { issuer: outside, ...given });
  const mixed = { ...all.http, fetch: answered.fetch };
  await t.resolves(fetchMetadata(all.config, mixed), 'what is given by hand counts');
});

const get = { method: 'GET' as const, headers: {}, body: undefined, redirect: 'manual' as const };
