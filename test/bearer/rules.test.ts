import { test } from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import { logIn } from '../support/log-in.ts';
import { until } from '../support/until.ts';
import { valuesOf } from '../support/upstream.ts';
import { api, arrangeBearer, challengeOf, header } from './scene.ts';

test('the same rules decide for programs as for people, and rules can tell them apart', async (t) => {
  const scene = await arrangeBearer(t);
  const outsider = await scene.token({ claims: { groups: ['staff'] } });
  t.equal((await scene.ask('/admins', outsider)).status, 403);
  t.equal((await scene.ask('/programs', outsider)).status, 200);
  t.equal((await scene.ask('/people', outsider)).status, 403);
  await logIn(scene.client, scene.gateway.url, 'ada');
  t.equal((await scene.client.get(`${scene.gateway.url}/people`)).status, 200);
  t.equal((await scene.client.get(`${scene.gateway.url}/programs`)).status, 403);
  t.equal((await scene.client.get(`${scene.gateway.url}/write`)).status, 200, 'an alternative without scope');
});

test('a rule on scopes never holds for a session', async (t) => {
  const { upstream } = await arrangeBearer(t);
  const routes = [
    { upstream: upstream.url },
    { path: '/scope', upstream: upstream.url, allow: [{ scope: 'files:read' }] },
  ];
  const other = await arrangeBearer(t, { routes });
  await logIn(other.client, other.gateway.url, 'ada');
  const answer = await other.client.get(`${other.gateway.url}/scope`);
  t.equal(answer.status, 403);
  t.equal(answer.headers['x-sallyport-error'], 'not_allowed');
});

test('claims of tokens are read where the entry says, and the provider is the one of the same issuer', async (t) => {
  const first = await arrangeBearer(t);
  const { provider, upstream } = first;
  const scene = await arrangeBearer(t, {
    bearer: [
      { issuer: provider.issuer, audience: api, claims: { user: 'client_id', groups: 'realm_access.roles' } },
    ],
    headers: { 'X-Provider': '{provider}', 'X-Session': '{session.id}', 'X-Tenant': '{claims.tenant.name}' },
    routes: [{ upstream: upstream.url }],
  });
  const claims = { realm_access: { roles: ['a', 'b'] }, tenant: { name: 'blue' } };
  const answer = await scene.ask('/', await first.token({ claims }));
  t.equal(header(answer, 'x-forwarded-user'), 'robot');
  t.equal(header(answer, 'x-forwarded-groups'), 'a,b');
  t.equal(header(answer, 'x-tenant'), 'blue');
  t.equal(header(answer, 'x-session'), undefined);
  t.equal(header(answer, 'x-provider'), undefined, 'its issuer is no provider of this gateway');
});

test('a route for people of one provider takes tokens of its issuer, and refuses others', async (t) => {
  const other = await arrangeBearer(t);
  const scene = await arrangeBearer(t);
  const { upstream, provider } = scene;
  const routes = [{ upstream: upstream.url, provider: 'default' }];
  const bearer = [
    { issuer: provider.issuer, audience: api },
    { issuer: other.provider.issuer, audience: api },
  ];
  const both = await arrangeBearer(t, {
    routes,
    bearer,
    provider: { issuer: provider.issuer, clientId: 'app', clientSecret: 'x' },
  });
  t.equal((await both.ask('/', await scene.token())).status, 200);
  const answer = await both.ask('/', await other.token(), { headers: { accept: 'text/html' } });
  t.equal(answer.status, 401, 'and is not sent to a login');
  t.match(challengeOf(answer), { error: 'invalid_token' });
});

test('a change that a program sends needs no header against forgery', async (t) => {
  const scene = await arrangeBearer(t);
  t.equal((await scene.ask('/csrf', await scene.token(), { method: 'POST', body: 'x' })).status, 200);
  await logIn(scene.client, scene.gateway.url, 'ada');
  const session = await scene.client.request(`${scene.gateway.url}/csrf`, { method: 'POST', body: 'x' });
  t.equal(session.status, 403, 'one of a session does');
});

test('forward-auth and auth answer for tokens as for sessions', async (t) => {
  const scene = await arrangeBearer(t, { trustedProxies: ['127.0.0.1'] });
  const about = (path: string) => ({ 'x-forwarded-uri': path, 'x-forwarded-method': 'GET' });
  const token = await scene.token();
  for (const [endpoint, status] of [
    ['/oauth2/auth', 202],
    ['/oauth2/forward-auth', 200],
  ] as const) {
    const answer = await scene.ask(endpoint, token, { headers: about('/report') });
    t.equal(answer.status, status, endpoint);
    t.equal(answer.headers['x-forwarded-user'], 'ada');
    t.equal(answer.headers.authorization, `Bearer ${token}`);
    const bad = await scene.ask(endpoint, await scene.token({ claims: { exp: 1 } }), {
      headers: { ...about('/login'), accept: 'text/html' },
    });
    t.equal(bad.status, 401);
    t.match(challengeOf(bad), { error: 'invalid_token' });
    t.equal((await scene.ask(endpoint, token, { headers: about('/write') })).status, 403);
  }
});

test('a WebSocket opens with a token, from any origin, and ends with it', async (t) => {
  const scene = await arrangeBearer(t);
  const sockets = new WebSocketServer({ server: scene.upstream.server });
  t.teardown(() => sockets.close());
  const url = `${scene.gateway.url.replace('http', 'ws')}/socket`;
  const open = (authorization: string) =>
    new WebSocket(url, { headers: { authorization, origin: 'https://elsewhere.example' } });
  const seconds = Math.floor(Date.now() / 1000);
  const good = open(`Bearer ${await scene.token({ claims: { exp: seconds + 3 } })}`);
  const closed = new Promise<number>((resolve) => good.on('close', resolve));
  await new Promise((resolve, reject) => good.on('open', resolve).on('error', reject));
  const bad = open('Bearer wrong');
  const status = await new Promise((resolve) => {
    bad.on('unexpected-response', (_request, answer) => resolve(answer.statusCode));
    bad.on('error', () => {});
  });
  t.equal(status, 401);
  await closed;
  t.ok(Date.now() / 1000 >= seconds + 3, 'not before its end');
});

test('an event stream that a token opened ends with the token', async (t) => {
  const scene = await arrangeBearer(t);
  scene.upstream.server.removeAllListeners('request');
  scene.upstream.server.on('request', (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
  });
  const seconds = Math.floor(Date.now() / 1000);
  const token = await scene.token({ claims: { exp: seconds + 2 } });
  const answer = await scene.ask('/', token, { timeout: 15_000 });
  t.equal(answer.status, 200);
  t.ok(Date.now() / 1000 >= seconds + 2);
});

test('a token that is known already is refused at its end all the same', async (t) => {
  const other = await arrangeBearer(t);
  const strict = await arrangeBearer(t, {
    bearer: [{ issuer: other.provider.issuer, audience: api, clockTolerance: '0s' }],
    routes: [{ upstream: other.upstream.url }],
  });
  const seconds = Math.floor(Date.now() / 1000);
  const token = await other.token({ claims: { exp: seconds + 5 } });
  t.equal((await strict.ask('/', token)).status, 200);
  await until('the end of the token', async () => (await strict.ask('/', token)).status === 401, 20_000);
  t.ok(Date.now() / 1000 >= seconds + 5);
  t.equal(valuesOf(other.upstream.requests.at(-1)?.rawHeaders ?? [], 'authorization')[0], `Bearer ${token}`);
});
