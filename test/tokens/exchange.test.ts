import { test } from 'tap';
import { arrangeGateway, arrangeUpstream, type Teardown } from '../support/arrange.ts';
import { createClient } from '../support/client.ts';
import { logIn } from '../support/log-in.ts';
import { startRedis } from '../support/redis.ts';
import { audienceOf, bearerOf, exchangeGrant, startTokenProvider } from './scene.ts';

const audience = 'https://api.example.com';

async function arrange(t: Teardown, token: Record<string, unknown> = {}) {
  const provider = await startTokenProvider(t);
  const upstream = await arrangeUpstream(t);
  const routes = [
    { path: '/', upstream: upstream.url },
    { path: '/api', upstream: upstream.url, token: { exchange: true, audience, scopes: ['read'], ...token } },
    { path: '/api/open', upstream: upstream.url, allow: 'public', token: { exchange: true, audience } },
    {
      path: '/named',
      upstream: upstream.url,
      token: { exchange: true, audience },
      headers: { 'X-Api-Token': '{token}', Authorization: 'Bearer {access_token}' },
    },
  ];
  const scene = await arrangeGateway(t, { provider, config: { routes } });
  await logIn(scene.client, scene.gateway.url, 'ada');
  return { ...scene, provider, upstream };
}

test('RFC 8693: an upstream gets a token that was exchanged for it, in place of the session’s', async (t) => {
  const { client, gateway, provider } = await arrange(t);
  const own = bearerOf(await client.get(`${gateway.url}/`));
  const answer = await client.get(`${gateway.url}/api/x`);
  t.equal(answer.status, 200);
  t.equal(audienceOf(answer), audience);
  t.notOk(answer.text.includes(own ?? 'none'), 'the session’s own token is nowhere in the request');
  const [asked] = provider.tokenRequests;
  t.match(asked, {
    grant_type: exchangeGrant,
    subject_token: own,
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    audience,
    scope: 'read',
  });
  t.equal(bearerOf(await client.get(`${gateway.url}/`)), own, 'other routes keep the session’s');
  t.notOk(gateway.log.text().includes(bearerOf(answer) ?? 'none'), 'and the log has no token');
});

test('the parameters that the file adds go along with an exchange, and are a part of what tokens are shared by', async (t) => {
  const { client, gateway, provider } = await arrange(t, {
    params: { connector_id: 'ldap', subject: 'a&b=c' },
  });
  const asked: URLSearchParams[] = [];
  provider.tamper(async (hit) => {
    if (hit.path === '/token') asked.push(new URLSearchParams(await hit.body()));
    return hit.pass();
  });
  t.equal((await client.get(`${gateway.url}/api/x`)).status, 200);
  t.equal((await client.get(`${gateway.url}/named`)).status, 200);
  const [added, plain, ...others] = asked;
  const sent = Object.fromEntries(added ?? []);
  t.match(sent, { grant_type: exchangeGrant, connector_id: 'ldap', subject: 'a&b=c', audience });
  t.notOk(plain?.has('connector_id'), 'another route has a token of its own');
  t.strictSame(others, []);
});

test('{token} stands where a template puts it, beside what the file says of Authorization', async (t) => {
  const { client, gateway } = await arrange(t);
  const own = bearerOf(await client.get(`${gateway.url}/`));
  const answer = await client.get(`${gateway.url}/named`);
  t.equal(bearerOf(answer), own);
  t.match(answer.text, /"x-api-token","eyJ/i);
});

test('500 requests make one exchange; another person another one', async (t) => {
  const { client, gateway, provider } = await arrange(t);
  const cookie = client.cookies.headerFor(gateway.url) ?? '';
  const crowd = createClient();
  t.teardown(() => crowd.close());
  const answers = await Promise.all(
    Array.from({ length: 500 }, () => crowd.request(`${gateway.url}/api`, { headers: { cookie } })),
  );
  t.same([...new Set(answers.map(({ status }) => status))], [200]);
  t.equal(new Set(answers.map(bearerOf)).size, 1);
  t.equal(provider.tokenRequests.length, 1);
  const grace = createClient();
  t.teardown(() => grace.close());
  await logIn(grace, gateway.url, 'grace');
  t.not(bearerOf(await grace.get(`${gateway.url}/api`)), answers[0] && bearerOf(answers[0]));
  t.equal(provider.tokenRequests.length, 2);
});

test('a token whose life nobody tells is asked for again, and not at every request', async (t) => {
  const { client, gateway, provider } = await arrange(t);
  provider.exchangedFor = undefined;
  const first = bearerOf(await client.get(`${gateway.url}/api`));
  t.equal(bearerOf(await client.get(`${gateway.url}/api`)), first);
  t.equal(provider.tokenRequests.length, 1);
});

test('a token is renewed ahead of its end, while the old one goes on', async (t) => {
  const { client, gateway, provider } = await arrange(t);
  provider.exchangedFor = 4;
  const tokens = new Set<string | undefined>();
  const end = Date.now() + 5000;
  while (Date.now() < end) {
    const answer = await client.get(`${gateway.url}/api`);
    t.equal(answer.status, 200);
    tokens.add(bearerOf(answer));
  }
  t.ok(tokens.size >= 2, `${tokens.size} tokens`);
  t.ok(provider.tokenRequests.length <= 3, `${provider.tokenRequests.length} exchanges`);
});

test('who is nobody gets no token on a public route, and the provider is not asked', async (t) => {
  const { gateway, provider } = await arrange(t);
  const stranger = createClient();
  t.teardown(() => stranger.close());
  const answer = await stranger.get(`${gateway.url}/api/open`);
  t.equal(answer.status, 200);
  t.equal(bearerOf(answer), undefined);
  t.same(provider.tokenRequests, []);
});

test('a refused exchange is 403, the upstream hears nothing, and the session’s token is no substitute', async (t) => {
  const { client, gateway, provider, upstream } = await arrange(t);
  for (const error of ['access_denied', 'invalid_target', 'invalid_grant']) {
    provider.refuseExchanges(error);
    const fresh = createClient();
    t.teardown(() => fresh.close());
    await logIn(fresh, gateway.url, 'ada');
    const answer = await fresh.get(`${gateway.url}/api`);
    t.equal(answer.status, 403, error);
    t.equal(answer.headers['x-sallyport-error'], 'token_refused');
  }
  provider.refuseExchanges('unsupported_grant_type');
  const answer = await client.get(`${gateway.url}/api`);
  t.equal(answer.status, 502, 'what is set up wrongly is no fault of the person');
  t.equal(answer.headers['x-sallyport-error'], 'token_unavailable');
  t.same(
    upstream.requests.filter(({ url }) => url.startsWith('/api')),
    [],
  );
});

test('C17: an exchange that gives something else than a bearer access token gives nothing', async (t) => {
  const bodies = [
    { token_type: 'Bearer', access_token: 'x', expires_in: 60 },
    { token_type: 'N_A', access_token: 'x', issued_token_type: 'urn:ietf:params:oauth:token-type:saml2' },
    {
      token_type: 'N_A',
      access_token: 'x',
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    },
    {
      token_type: 'DPoP',
      access_token: 'x',
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    },
    { token_type: 'Bearer', issued_token_type: 'urn:ietf:params:oauth:token-type:access_token' },
  ];
  for (const body of bodies) {
    const { client, gateway, provider } = await arrange(t);
    provider.tamper((hit) =>
      hit.path === '/token'
        ? hit.send({ headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
        : hit.pass(),
    );
    const answer = await client.get(`${gateway.url}/api`);
    t.equal(answer.status, 502, JSON.stringify(body));
    t.equal(answer.headers['x-sallyport-error'], 'token_unavailable');
  }
});

test('C18: an outage of the provider is 503 with Retry-After, and known tokens go on', async (t) => {
  const { client, gateway, provider } = await arrange(t);
  const token = bearerOf(await client.get(`${gateway.url}/api`));
  await provider.stop();
  t.equal(bearerOf(await client.get(`${gateway.url}/api`)), token);
  const grace = createClient();
  t.teardown(() => grace.close());
  await provider.restart();
  await logIn(grace, gateway.url, 'grace');
  await provider.stop();
  const answer = await grace.get(`${gateway.url}/api`);
  t.equal(answer.status, 503);
  t.ok(Number(answer.headers['retry-after']) >= 1);
  t.equal((await grace.get(`${gateway.url}/`)).status, 200, 'nobody was signed out for it');
  await provider.restart();
});

test('in Redis, where instances share it, a token is sealed', async (t) => {
  const provider = await startTokenProvider(t);
  const upstream = await arrangeUpstream(t);
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  const routes = [
    { path: '/', upstream: upstream.url, token: { exchange: true, audience } },
    { path: '/jobs', upstream: upstream.url, token: { clientCredentials: true } },
  ];
  const session = { secret: Buffer.alloc(32, 5).toString('base64'), redis: { url: redis.url } };
  const parts = { provider, config: { session, routes } };
  const { client, gateway } = await arrangeGateway(t, parts);
  const { gateway: other } = await arrangeGateway(t, parts);
  await logIn(client, gateway.url, 'ada');
  const cookie = client.cookies.headerFor(gateway.url) ?? '';
  const elsewhere = createClient();
  t.teardown(() => elsewhere.close());
  for (const path of ['/', '/jobs']) {
    const token = bearerOf(await client.get(gateway.url + path)) ?? '';
    const there = await elsewhere.request(other.url + path, { headers: { cookie } });
    t.equal(bearerOf(there), token, 'the other instance has it too');
    for (const { key, value } of await redis.dump()) t.notOk(`${key} ${value}`.includes(token.slice(-40)));
  }
  t.equal(provider.tokenRequests.length, 2, 'and asked nobody');
});

test('forward-auth and WebSockets get the token too', async (t) => {
  const provider = await startTokenProvider(t);
  const upstream = await arrangeUpstream(t);
  const seen: (string | undefined)[] = [];
  upstream.server.on('upgrade', (request, socket) => {
    seen.push(request.headers.authorization);
    socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
  });
  const routes = [{ path: '/', upstream: upstream.url, token: { exchange: true, audience } }];
  const { client, gateway } = await arrangeGateway(t, {
    provider,
    config: { routes, trustedProxies: ['127.0.0.1/32'] },
  });
  await logIn(client, gateway.url, 'ada');
  const token = bearerOf(await client.get(`${gateway.url}/`));
  const asked = await client.get(`${gateway.url}/oauth2/auth`, { 'x-forwarded-uri': '/x' });
  t.equal(asked.status, 202);
  t.equal(asked.headers.authorization, `Bearer ${token}`);
  const shake = await client.get(`${gateway.url}/socket`, {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': Buffer.alloc(16).toString('base64'),
  });
  t.equal(shake.status, 403);
  t.same(seen, [`Bearer ${token}`]);
});
