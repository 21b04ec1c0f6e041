import { test } from 'tap';
import { arrangeGateway, arrangeUpstream, type Teardown } from '../support/arrange.ts';
import { freePort } from '../support/free-port.ts';
import { api, challengeOf, issuedToken, signedToken, startIssuer } from './scene.ts';

const wellKnown = '/.well-known/oauth-protected-resource';

async function arrange(t: Teardown, more: Record<string, unknown> = {}) {
  const provider = await startIssuer();
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  const origin = `http://127.0.0.1:${await freePort()}`;
  const routes = [
    { path: '/', upstream: upstream.url },
    {
      path: '/mcp',
      upstream: upstream.url,
      resource: {
        identifier: `${origin}/mcp`,
        scopes: ['files:read', 'files:write'],
        name: 'Files',
        documentation: 'https://docs.example.com/files',
      },
      allow: [{ scope: 'files:read' }],
    },
    { path: '/mcp/deep', upstream: upstream.url, resource: `${origin}/mcp/deep` },
    { path: '/open', upstream: upstream.url, allow: 'public' },
  ];
  const scene = await arrangeGateway(t, {
    config: {
      publicUrl: origin,
      listen: new URL(origin).host,
      provider: undefined,
      bearer: [{ issuer: provider.issuer, audience: api }],
      routes,
      ...more,
    },
  });
  const ask = (path: string, token: string) =>
    scene.client.get(origin + path, { authorization: `Bearer ${token}` });
  return { ...scene, provider, upstream, origin, ask };
}

test('H1: the metadata of a resource is at its well-known URL, for everybody and every origin', async (t) => {
  const { client, origin, provider, upstream } = await arrange(t);
  const answer = await client.get(`${origin}${wellKnown}/mcp`, { origin: 'https://inspector.example' });
  t.equal(answer.status, 200);
  t.match(answer.headers['content-type'], /^application\/json/);
  t.equal(answer.headers['access-control-allow-origin'], '*');
  t.match(answer.json(), {
    resource: `${origin}/mcp`,
    authorization_servers: [provider.issuer],
    scopes_supported: ['files:read', 'files:write'],
    bearer_methods_supported: ['header'],
    resource_name: 'Files',
    resource_documentation: 'https://docs.example.com/files',
  });
  const deep = (await client.get(`${origin}${wellKnown}/mcp/deep`)).json() as Record<string, unknown>;
  t.equal(deep.resource, `${origin}/mcp/deep`);
  t.notOk('scopes_supported' in deep, 'what is not known is left out');
  const preflight = await client.request(`${origin}${wellKnown}/mcp`, {
    method: 'OPTIONS',
    headers: {
      origin: 'https://inspector.example',
      'access-control-request-method': 'GET',
      'access-control-request-headers': 'mcp-protocol-version',
    },
  });
  t.equal(preflight.status, 204);
  t.equal(preflight.headers['access-control-allow-headers'], '*');
  t.strictSame(upstream.requests, []);
});

test('H1: every other well-known path is the application’s own', async (t) => {
  const { client, origin, provider, upstream } = await arrange(t);
  const token = await signedToken(provider);
  for (const path of [
    wellKnown,
    `${wellKnown}/other`,
    `${wellKnown}/mcp/`,
    '/.well-known/openid-configuration',
  ]) {
    const anonymous = await client.get(origin + path);
    t.equal(anonymous.status, 401, `${path} is under the rule of its route`);
    const answer = await client.get(origin + path, { authorization: `Bearer ${token}` });
    t.equal(answer.status, 200, path);
  }
  t.equal(upstream.requests.length, 4);
  for (const path of [
    '/.well-known/%6fauth-protected-resource/mcp',
    `${wellKnown}//mcp`,
    `${wellKnown}/x/../mcp`,
  ]) {
    const { status } = await client.get(origin + path);
    t.ok([200, 400].includes(status), `${path}: ${status}`);
  }
  t.equal(upstream.requests.length, 4, 'no spelling of it reaches the application');
});

test('H1: a resource without a path has its metadata at the bare well-known path', async (t) => {
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const upstream = await arrangeUpstream(t);
  const provider = await startIssuer();
  t.teardown(() => provider.stop());
  const { client } = await arrangeGateway(t, {
    config: {
      publicUrl: origin,
      listen: `127.0.0.1:${port}`,
      provider: undefined,
      bearer: [{ issuer: provider.issuer }],
      routes: [
        {
          upstream: upstream.url,
          resource: { identifier: origin, authorizationServers: ['https://as.example'] },
        },
      ],
    },
  });
  const answer = await client.get(origin + wellKnown);
  t.match(answer.json(), { resource: origin, authorization_servers: ['https://as.example'] });
  t.match(challengeOf(await client.get(`${origin}/x`)), { resource_metadata: origin + wellKnown });
  for (const aud of [origin, `${origin}/`]) {
    const token = await signedToken(provider, { claims: { aud } });
    t.equal((await client.get(`${origin}/`, { authorization: `Bearer ${token}` })).status, 200, aud);
  }
});

test('H2: a 401 names the metadata and the scope, and so does a 403', async (t) => {
  const { client, origin, provider, ask } = await arrange(t);
  const missing = await client.get(`${origin}/mcp`);
  t.equal(missing.status, 401);
  t.equal(missing.headers['x-sallyport-error'], 'token_missing');
  t.strictSame(challengeOf(missing), {
    scheme: 'Bearer',
    realm: origin,
    scope: 'files:read',
    resource_metadata: `${origin}${wellKnown}/mcp`,
  });
  const browser = await client.navigate(`${origin}/mcp`);
  t.equal(browser.status, 401, 'nobody is sent to a login that there is not');
  t.notMatch(browser.text, /oauth2\/start/);
  t.match(challengeOf(await client.get(`${origin}/mcp/deep/x`)), {
    resource_metadata: `${origin}${wellKnown}/mcp/deep`,
  });
  t.match(challengeOf(await ask('/mcp', 'wrong')), {
    error: 'invalid_token',
    resource_metadata: `${origin}${wellKnown}/mcp`,
  });
  const narrow = await ask(
    '/mcp',
    await signedToken(provider, { claims: { aud: `${origin}/mcp`, scope: 'x' } }),
  );
  t.equal(narrow.status, 403);
  t.match(challengeOf(narrow), {
    error: 'insufficient_scope',
    scope: 'files:read',
    resource_metadata: `${origin}${wellKnown}/mcp`,
  });
  const plain = challengeOf(await client.get(`${origin}/`));
  t.notOk('resource_metadata' in plain, 'a route without a resource names none');
});

test('H3: a token for another resource is refused, as is one for the gateway at large', async (t) => {
  const { client, gateway, origin, provider, ask, upstream } = await arrange(t);
  const tokenFor = (resource: string) => issuedToken({ client }, provider, { resource, scope: 'files:read' });
  const mcp = await tokenFor(`${origin}/mcp`);
  const deep = await tokenFor(`${origin}/mcp/deep`);
  const large = await tokenFor(api);
  t.equal((await ask('/mcp', mcp)).status, 200);
  t.equal((await ask('/mcp/deep', deep)).status, 200);
  t.equal((await ask('/', large)).status, 200);
  const before = upstream.requests.length;
  const wrong: [string, string][] = [
    ['/mcp', deep],
    ['/mcp', large],
    ['/mcp/deep', mcp],
    ['/mcp/deep', large],
    ['/', mcp],
    ['/', deep],
    ['/mcp', await signedToken(provider, { claims: { aud: `${origin}/mcp/` } })],
    ['/mcp', await signedToken(provider, { claims: { aud: `${origin}/mc` } })],
    ['/mcp', await signedToken(provider, { claims: { aud: origin } })],
  ];
  for (const [path, token] of wrong) {
    const answer = await ask(path, token);
    t.equal(answer.status, 401, path);
    t.match(challengeOf(answer), {
      error: 'invalid_token',
      error_description: 'The token is for another audience',
    });
  }
  t.equal(upstream.requests.length, before);
  t.equal((await client.get(`${gateway.url}/mcp/deep/..%2f`)).status, 400, 'a path of two readings');
});
