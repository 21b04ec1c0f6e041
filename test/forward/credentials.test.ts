import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import { test } from 'tap';
import { createAssertions } from '../../src/forward/assertion.ts';
import { arrangeSignedIn, arrangeUpstream } from '../support/arrange.ts';
import { createClient } from '../support/client.ts';
import { type Echo, valuesOf } from '../support/upstream.ts';

test('basicAuth sends the person’s name with a password, in any characters', async (t) => {
  const upstream = await arrangeUpstream(t);
  const routes = [
    { path: '/', upstream: upstream.url, basicAuth: { username: '{claims.email}', password: 'grüße:x' } },
    { path: '/none', upstream: upstream.url, basicAuth: { username: '{claims.absent}', password: 'x' } },
    { path: '/colon', upstream: upstream.url, basicAuth: { username: 'a:{claims.sub}', password: 'x' } },
  ];
  const { gateway, client } = await arrangeSignedIn(t, { config: { routes } });
  const authorization = async (path: string) =>
    valuesOf(((await client.get(`${gateway.url}${path}`)).json() as Echo).rawHeaders, 'authorization');
  const [sent = ''] = await authorization('/');
  t.match(sent, /^Basic /);
  t.match(Buffer.from(sent.slice(6), 'base64').toString(), /^ada@\S+:grüße:x$/);
  t.same(await authorization('/none'), [], 'no name, no credentials');
  t.same(await authorization('/colon'), [], 'a colon would name somebody else');
});

test('responseHeaders set, replace and remove headers of the answer', async (t) => {
  const upstream = await arrangeUpstream(t, (_request, response) => {
    response.setHeader('Server', 'legacy/1.0');
    response.setHeader('X-Frame-Options', 'ALLOWALL');
    response.end('x');
  });
  const responseHeaders = { server: null, 'x-frame-options': 'DENY', 'X-Served-To': '{claims.sub}' };
  const { gateway, client } = await arrangeSignedIn(t, {
    config: { routes: [{ path: '/', upstream: upstream.url, responseHeaders }] },
  });
  const { headers } = await client.get(`${gateway.url}/`);
  t.equal(headers.server, undefined);
  t.equal(headers['x-frame-options'], 'DENY');
  t.equal(headers['x-served-to'], 'ada');
});

test('an upstream can verify the signed assertion by the published keys', async (t) => {
  const upstream = await arrangeUpstream(t);
  const routes = [
    { path: '/', upstream: upstream.url },
    { path: '/own', upstream: upstream.url, assertion: { header: 'X-Jwt', audience: ['a', 'b'], ttl: '5m' } },
    { path: '/open', upstream: upstream.url, allow: 'public' },
  ];
  const assertion = { audience: 'https://grafana.example.com' };
  const { gateway, client } = await arrangeSignedIn(t, { config: { routes, assertion } });
  const echo = async (path: string, from = client) =>
    (
      (
        await from.get(`${gateway.url}${path}`, { 'x-sallyport-assertion': 'forged', X_JWT: 'forged' })
      ).json() as Echo
    ).rawHeaders;
  const keySet = (await client.get(`${gateway.url}/oauth2/jwks`)).json() as JSONWebKeySet;
  t.ok(keySet.keys.length === 3 && keySet.keys.every((key) => !('d' in key)), 'public keys only');
  const keys = createLocalJWKSet(keySet);
  const [token = '', ...more] = valuesOf(await echo('/'), 'x-sallyport-assertion');
  t.same(more, [], 'the forged one is gone');
  const { payload } = await jwtVerify(token, keys, {
    issuer: gateway.url,
    audience: 'https://grafana.example.com',
    algorithms: ['ES256'],
    requiredClaims: ['exp', 'iat', 'jti'],
  });
  t.match(payload, { sub: 'ada', email: /^ada@/, groups: ['staff', 'admins'] });
  t.equal((payload.exp ?? 0) - (payload.iat ?? 0), 60);
  const [again = ''] = valuesOf(await echo('/'), 'x-sallyport-assertion');
  t.not((await jwtVerify(again, keys)).payload.jti, payload.jti, 'each has an id of its own');

  const own = await echo('/own');
  t.same(valuesOf(own, 'x-sallyport-assertion'), []);
  t.same((await jwtVerify(valuesOf(own, 'x-jwt')[0] ?? '', keys)).payload.aud, ['a', 'b']);
  const stranger = createClient();
  t.teardown(() => stranger.close());
  const open = await echo('/open', stranger);
  t.same([...valuesOf(open, 'x-sallyport-assertion'), ...valuesOf(open, 'x_jwt')], [], 'nobody is asserted');
});

test('assertion keys rotate: the next one is published before it signs, and instances agree', async (t) => {
  let now = Date.parse('2026-01-01T00:00:00Z');
  const day = 86_400_000;
  const secrets = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
  const source = {
    issuer: 'https://app.example',
    rotations: [7 * day],
  };
  const one = createAssertions({ ...source, secrets }, () => now);
  const other = createAssertions({ ...source, secrets: [...secrets].reverse() }, () => now);
  const sign = one.compile({ header: 'X', audience: ['a'], ttl: 60_000, rotation: 7 * day });
  const person = {
    accessToken: '',
    idToken: undefined,
    sessionId: '',
    provider: '',
    user: 'ada',
    email: undefined,
    name: undefined,
    groups: [],
    claims: { sub: 'ada' },
  };
  const before = other.keySet() as JSONWebKeySet;
  t.equal(before.keys.length, 6, 'of both secrets: past, present and next');
  const kids = new Set<unknown>();
  for (const days of [0, 7]) {
    now += days * day;
    const token = sign({ requestId: '', person }) ?? '';
    const verified = await jwtVerify(token, createLocalJWKSet(before), { currentDate: new Date(now) });
    kids.add(verified.protectedHeader.kid);
  }
  t.equal(kids.size, 2, 'the key has changed');
  now += 14 * day;
  const late = sign({ requestId: '', person }) ?? '';
  await t.rejects(jwtVerify(late, createLocalJWKSet(before), { currentDate: new Date(now) }));
});
