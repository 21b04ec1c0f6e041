import { randomBytes } from 'node:crypto';
import { SignJWT } from 'jose';
import { test } from 'tap';
import { createClient } from '../support/client.ts';
import { logIn, submitForm } from '../support/log-in.ts';
import type { TestProvider } from '../support/provider.ts';
import { arrangeStepUp, authorizationRequest, gold, silver } from './scene.ts';

const secure = { '/secure': { stepUp: { acr: [gold, silver] } } };
const recent = { '/recent': { stepUp: { maxAge: '5m' } } };

/** Alters the claims of every ID token that the token endpoint gives, under a good signature. */
function alterIdTokens(provider: TestProvider, alter: (claims: Record<string, unknown>) => void): void {
  provider.tamper(async (hit) => {
    if (hit.path !== '/token') {
      await hit.pass();
      return;
    }
    const answer = await hit.original();
    const tokens = JSON.parse(answer.body) as { id_token: string };
    const claims = JSON.parse(
      Buffer.from(tokens.id_token.split('.')[1] ?? '', 'base64url').toString(),
    ) as Record<string, unknown>;
    alter(claims);
    const [key] = provider.keys;
    if (!key) throw new Error('the provider has no key');
    const idToken = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'RS256', kid: String(key.kid) })
      .sign(key as Parameters<SignJWT['sign']>[0]);
    hit.send({ ...answer, body: JSON.stringify({ ...tokens, id_token: idToken }) });
  });
}

test('RFC 9470: a page that asks for more sends the person to the provider again, and comes up afterwards', async (t) => {
  const { client, gateway } = await arrangeStepUp(t, secure);
  const answer = await client.navigate(`${gateway.url}/secure/page?x=1`);
  t.equal(answer.status, 302);
  const asked = authorizationRequest(answer).searchParams;
  t.equal(asked.get('acr_values'), `${gold} ${silver}`);
  t.equal(asked.get('max_age'), null);
  const page = await client.navigate(answer.headers.location ?? '', { follow: 10 });
  const arrived = await submitForm(client, page, { login: 'ada' });
  t.equal(arrived.url, `${gateway.url}/secure/page?x=1`);
  t.equal(arrived.status, 200);
  t.equal((await client.navigate(`${gateway.url}/secure`)).status, 200, 'and stays open');
  t.equal((await client.get(`${gateway.url}/secure`)).status, 200, 'for programs of the page too');
});

test('a login that leads to such a page asks for it at once', async (t) => {
  const { gateway } = await arrangeStepUp(t, secure);
  const stranger = createClient();
  t.teardown(() => stranger.close());
  const asked = authorizationRequest(await stranger.navigate(`${gateway.url}/secure`)).searchParams;
  t.equal(asked.get('acr_values'), `${gold} ${silver}`);
  await logIn(stranger, gateway.url, 'ada', { path: '/secure' });
  t.equal((await stranger.navigate(`${gateway.url}/secure`)).status, 200);
});

test('the address of a page that asks for more may be as long as any other', async (t) => {
  const acr = Array.from({ length: 16 }, (_, index) => `${'x'.repeat(100)}${index}`);
  const { gateway } = await arrangeStepUp(t, { '/secure': { stepUp: { acr: [gold, ...acr.slice(1)] } } });
  for (const length of [400, 800, 2500]) {
    const stranger = createClient();
    t.teardown(() => stranger.close());
    const query = randomBytes(length / 2).toString('hex');
    const page = await stranger.navigate(`${gateway.url}/secure?${query}`, { follow: 10 });
    const arrived = await submitForm(stranger, page, { login: 'ada' });
    t.equal(arrived.status, 200);
    t.ok([`${gateway.url}/secure?${query}`, `${gateway.url}/secure`].includes(arrived.url), arrived.url);
  }
});

test('H4: a program gets 401 with what it needs, and the address of a login that brings it', async (t) => {
  const routes = { '/secure': { stepUp: { acr: gold, maxAge: '5m' } } };
  const { client, gateway, upstream } = await arrangeStepUp(t, routes);
  const before = upstream.requests.length;
  for (const method of ['GET', 'POST']) {
    const answer = await client.request(`${gateway.url}/secure/x`, { method });
    t.equal(answer.status, 401);
    t.equal(answer.headers['x-sallyport-error'], 'step_up_required');
    t.equal(
      answer.headers['www-authenticate'],
      `Bearer realm="${gateway.url}", error="insufficient_user_authentication", error_description="The sign-in is not strong or not recent enough", acr_values="${gold}", max_age="300"`,
    );
    const { loginUrl } = answer.json() as { loginUrl: string };
    const asked = authorizationRequest(await client.navigate(loginUrl)).searchParams;
    t.equal(asked.get('acr_values'), gold, `${method}: ${loginUrl}`);
    t.equal(asked.get('max_age'), '300');
  }
  t.equal(upstream.requests.length, before, 'nothing reached the application');
});

test('H4: `unauthenticated: 401` means the challenge for browsers too', async (t) => {
  const { client, gateway } = await arrangeStepUp(t, {
    '/secure': { stepUp: { acr: gold }, unauthenticated: '401' },
  });
  const answer = await client.navigate(`${gateway.url}/secure`);
  t.equal(answer.status, 401);
  t.match(answer.headers['www-authenticate'], /insufficient_user_authentication/);
});

test('nobody can choose what is asked for: the address of start names a page, and no class', async (t) => {
  const { client, gateway } = await arrangeStepUp(t, secure);
  const start = `${gateway.url}/oauth2/start`;
  for (const query of [
    'rd=/&acr_values=x&max_age=1',
    'rd=/&step_up=x',
    'rd=/&step_up=GET:/',
    'rd=/&step_up=GET:/../x',
  ]) {
    const asked = authorizationRequest(await client.navigate(`${start}?${query}`)).searchParams;
    t.equal(asked.get('acr_values'), null, query);
    t.equal(asked.get('max_age'), null, query);
  }
  const asked = authorizationRequest(await client.navigate(`${start}?rd=/secure`)).searchParams;
  t.equal(asked.get('acr_values'), `${gold} ${silver}`);
});

test('maxAge: the provider knows of a recent sign-in, and nobody is asked for a name again', async (t) => {
  const { client, gateway } = await arrangeStepUp(t, recent);
  const answer = await client.navigate(`${gateway.url}/recent`, { follow: 10 });
  t.equal(answer.url, `${gateway.url}/recent`, 'the provider knew when it was');
  t.equal(answer.status, 200);
});

test('a refresh keeps how and when the person signed in', async (t) => {
  const { client, gateway, provider } = await arrangeStepUp(
    t,
    { '/secure': { stepUp: { acr: gold, maxAge: '5m' } } },
    { options: { ttl: { accessToken: 2 } } },
  );
  const page = await client.navigate(`${gateway.url}/secure`, { follow: 10 });
  t.equal((await submitForm(client, page, { login: 'ada' })).status, 200);
  alterIdTokens(provider, (claims) => {
    delete claims.acr;
    delete claims.auth_time;
  });
  const count = () => provider.events.filter(({ grantType }) => grantType === 'refresh_token').length;
  for (const before = count(); count() === before; ) {
    t.equal((await client.navigate(`${gateway.url}/secure`)).status, 200);
  }
  t.equal((await client.navigate(`${gateway.url}/secure`)).status, 200);
});

test('C19: a class below what was asked: once more with prompt=login, then refused; the session stays', async (t) => {
  const { client, gateway, provider, upstream } = await arrangeStepUp(t, {
    '/secure': { stepUp: { acr: 'urn:example:platinum' } },
  });
  const before = upstream.requests.length;
  const first = await client.navigate(`${gateway.url}/secure`);
  const requests: URLSearchParams[] = [];
  let answer = first;
  for (let step = 0; step < 20 && answer.headers.location !== undefined; step++) {
    const next = new URL(answer.headers.location, answer.url).href;
    if (next.startsWith(`${provider.issuer}/auth?`)) requests.push(new URL(next).searchParams);
    answer = await client.navigate(next);
    if (answer.status === 200 && answer.url.includes('/interaction/')) {
      answer = await client.request(answer.url, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: 'login=ada',
      });
    }
  }
  t.equal(answer.status, 403);
  t.equal(answer.headers['x-sallyport-error'], 'step_up_failed');
  t.match(answer.text, /Start again/, 'with a page that says how to go on');
  const said = /asked for acr (\S.*), and the sign-in has acr ([^.<]+)/.exec(answer.text);
  t.ok(said, 'and what was asked for and came');
  t.match(gateway.log.text(), /the ID token has acr/, 'which the log says too');
  t.equal(requests.length, 2, 'asked twice in all');
  t.same(
    requests.map((asked) => asked.get('prompt')),
    [null, 'login'],
  );
  t.equal(upstream.requests.length, before);
  t.equal((await client.get(`${gateway.url}/`)).status, 200, 'the session from before goes on');
  t.equal((await client.get(`${gateway.url}/secure`)).status, 401);
});

for (const [name, authTime] of [
  ['older than max_age', -3600],
  ['in the future', 3600],
] as const) {
  test(`C19: auth_time ${name}: asked twice, then refused`, async (t) => {
    const { client, gateway, provider } = await arrangeStepUp(t, recent);
    alterIdTokens(provider, (claims) => {
      claims.auth_time = Math.floor(Date.now() / 1000) + authTime;
    });
    const page = await client.navigate(`${gateway.url}/recent`, { follow: 10 });
    const answer = await submitForm(client, page, { login: 'ada' });
    t.equal(answer.status, 403);
    t.equal(answer.headers['x-sallyport-error'], 'step_up_failed');
    t.match(answer.text, /asked for max_age \d+, and the sign-in has auth_time \d+, -?\d+ seconds ago/);
    t.equal((await client.get(`${gateway.url}/`)).status, 200);
    t.equal((await client.get(`${gateway.url}/recent`)).status, 401);
  });
}

test('C19: an ID token without auth_time, or with a text for one, where max_age was asked: refused', async (t) => {
  for (const authTime of [undefined, 'yesterday']) {
    const { client, gateway, provider } = await arrangeStepUp(t, recent);
    alterIdTokens(provider, (claims) => {
      claims.auth_time = authTime;
    });
    const answer = await client.navigate(`${gateway.url}/recent`, { follow: 10 });
    t.equal(answer.status, 400);
    t.match(answer.headers['x-sallyport-error'], /^login_(token|response)_invalid$/);
    t.equal((await client.get(`${gateway.url}/recent`)).status, 401);
  }
});

test('userinfo has no say in how somebody signed in, and is not asked for it', async (t) => {
  const people = { ada: { email: 'ada@example.com', name: 'Ada', preferred_username: 'ada', groups: [] } };
  const { client, gateway, provider } = await arrangeStepUp(t, secure, { options: { people } });
  t.equal(provider.hits.get('/me') ?? 0, 0);
  t.equal((await client.get(`${gateway.url}/secure`)).status, 401);
  provider.tamper(async (hit) => {
    if (hit.path !== '/me') {
      await hit.pass();
      return;
    }
    const answer = await hit.original();
    const claims = JSON.parse(answer.body) as Record<string, unknown>;
    hit.send({ ...answer, body: JSON.stringify({ ...claims, acr: gold, email: 'ada@example.com' }) });
  });
  const without = createClient();
  t.teardown(() => without.close());
  const { email: _, ...less } = people.ada;
  Object.assign(people, { ada: less });
  await logIn(without, gateway.url, 'ada');
  t.equal(provider.hits.get('/me'), 1, 'the email was asked for');
  t.equal((await without.get(`${gateway.url}/secure`)).status, 401);
});

test('a WebSocket and a forward-auth question are told too', async (t) => {
  const { client, gateway } = await arrangeStepUp(t, secure, {
    config: { trustedProxies: ['127.0.0.1/32'] },
  });
  const shake = await client.get(`${gateway.url}/secure/socket`, {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': Buffer.alloc(16).toString('base64'),
  });
  t.equal(shake.status, 401);
  t.match(shake.headers['www-authenticate'], /insufficient_user_authentication/);
  const forwarded = { headers: { 'x-forwarded-uri': '/secure/y' } };
  const nginx = await client.navigate(`${gateway.url}/oauth2/auth`, forwarded);
  t.equal(nginx.status, 401);
  t.match(nginx.headers['www-authenticate'], /acr_values=/);
  const traefik = await client.navigate(`${gateway.url}/oauth2/forward-auth`, forwarded);
  t.equal(authorizationRequest(traefik).searchParams.get('acr_values'), `${gold} ${silver}`);
});

test('a path that could be read as one that asks for more is refused', async (t) => {
  const { client, gateway } = await arrangeStepUp(t, secure);
  for (const path of ['/x/..%2fsecure', '/secure%2fx', '/secure%5cx', '/secure/..%2fx']) {
    const answer = await client.get(gateway.url + path);
    t.equal(answer.status, 400, path);
    t.equal(answer.headers['x-sallyport-error'], 'ambiguous_path');
  }
});
