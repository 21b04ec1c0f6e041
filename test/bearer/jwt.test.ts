import { createHmac, createPublicKey } from 'node:crypto';
import { test } from 'tap';
import {
  assembled,
  type Claims,
  foreignKey,
  providerKey,
  publicHalf,
  type SigningKey,
} from '../attack/forged-token.ts';
import { logIn } from '../support/log-in.ts';
import { api, arrangeBearer, challengeOf, goodClaims, header, issuedToken } from './scene.ts';

const seconds = () => Math.floor(Date.now() / 1000);

test('a client with a JWT access token passes, and the upstream gets its token and its claims', async (t) => {
  const scene = await arrangeBearer(t);
  const token = await scene.token();
  const answer = await scene.ask('/report?q=1', token);
  t.equal(answer.status, 200);
  t.equal(header(answer, 'authorization'), `Bearer ${token}`);
  t.equal(header(answer, 'x-forwarded-user'), 'ada');
  t.equal(header(answer, 'x-forwarded-email'), 'ada@example.com');
  t.equal(header(answer, 'x-forwarded-groups'), 'staff,admins');
  t.strictSame(answer.setCookies, [], 'no session is made');
  t.equal((await scene.ask('/admins', token)).status, 200);
  t.equal((await scene.ask('/', token, { scheme: 'bEaReR' })).status, 200, 'the scheme has no case');
});

test('a token that a real provider issued passes, once keys are found by discovery', async (t) => {
  const scene = await arrangeBearer(t);
  const token = await issuedToken(scene, scene.provider, { resource: api, scope: 'files:read' });
  const answer = await scene.ask('/', token);
  t.equal(answer.status, 200);
  t.equal(header(answer, 'x-forwarded-user'), 'robot');
  const another = await issuedToken(scene, scene.provider, { resource: 'https://other.example.com' });
  t.equal((await scene.ask('/', another)).status, 401, 'E3: one for another audience does not');
});

test('E1: a token in the query or in the body is not accepted, nor looked at', async (t) => {
  const scene = await arrangeBearer(t);
  const token = await scene.token();
  const inQuery = await scene.client.get(`${scene.gateway.url}/?access_token=${token}`);
  t.equal(inQuery.status, 401);
  const inBody = await scene.client.request(`${scene.gateway.url}/`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: `access_token=${token}`,
  });
  t.equal(inBody.status, 401);
  t.strictSame(scene.upstream.requests, []);
  t.equal(scene.provider.hits.get('/jwks'), undefined, 'nobody asked for keys');
});

test('E2: typ other than at+jwt, or the configured, is refused', async (t) => {
  const scene = await arrangeBearer(t);
  for (const typ of ['JWT', 'jwt', 'logout+jwt', 'dpop+jwt', 'secevent+jwt', undefined, 1, ['at+jwt'], '']) {
    await t.test(`typ ${typ}`, async (t) => {
      const answer = await scene.ask('/', await scene.token({ header: { typ } }));
      t.equal(answer.status, 401, `typ ${typ}`);
      t.equal(challengeOf(answer).error, 'invalid_token');
    });
  }
  for (const typ of ['at+jwt', 'AT+JWT', 'application/at+jwt'])
    t.equal((await scene.ask('/', await scene.token({ header: { typ } }))).status, 200, typ);
});

test('E2: where JWT is the configured type, at+jwt is refused', async (t) => {
  const scene = await arrangeBearer(t);
  const other = await arrangeBearer(t, {
    bearer: [{ issuer: scene.provider.issuer, audience: api, type: 'JWT' }],
  });
  const { ask } = other;
  t.equal((await ask('/', await scene.token({ header: { typ: 'JWT' } }))).status, 200);
  t.equal((await ask('/', await scene.token())).status, 401);
});

test('E3: wrong, missing and misshapen claims are refused', async (t) => {
  const scene = await arrangeBearer(t);
  const bad: Record<string, Claims> = {
    'iss of another': { iss: 'https://evil.example' },
    'iss with a slash more': { iss: `${scene.provider.issuer}/` },
    'iss missing': { iss: undefined },
    'iss a list': { iss: [scene.provider.issuer] },
    'aud of another': { aud: 'https://other.example.com' },
    'aud with a slash more': { aud: `${api}/` },
    'aud missing': { aud: undefined },
    'aud empty': { aud: [] },
    'aud an object': { aud: { [api]: true } },
    'sub missing': { sub: undefined },
    'sub empty': { sub: '' },
    'sub a number': { sub: 7 },
    'exp past': { exp: seconds() - 60 },
    'exp missing': { exp: undefined },
    'exp a text': { exp: String(seconds() + 300) },
    'iat missing': { iat: undefined },
    'iat far in the future': { iat: seconds() + 3600 },
    'nbf in the future': { nbf: seconds() + 3600 },
    'nbf a text': { nbf: 'soon' },
  };
  for (const [what, claims] of Object.entries(bad)) {
    await t.test(what, async (t) => {
      const answer = await scene.ask('/', await scene.token({ claims }));
      t.equal(answer.status, 401, what);
      t.equal(answer.headers['x-sallyport-error'], 'token_invalid', what);
    });
  }
  t.strictSame(scene.upstream.requests, []);
  const several = await scene.token({ claims: { aud: ['https://other.example.com', api] } });
  t.equal((await scene.ask('/', several)).status, 200, 'of several audiences one is enough');
  const late = await scene.token({ claims: { exp: seconds() - 5 } });
  t.equal((await scene.ask('/', late)).status, 200, 'a clock may differ a little');
});

test('E3: algorithms that are not allowed, and signatures of others, are refused', async (t) => {
  const scene = await arrangeBearer(t);
  const own = await providerKey(scene.provider);
  const foreign = await foreignKey();
  const claims = goodClaims(scene.provider);
  const none = assembled({ alg: 'none', typ: 'at+jwt' }, claims);
  const publicKey = createPublicKey({ key: publicHalf(own.jwk) as never, format: 'jwk' });
  const hmac = (secret: string | Buffer) => {
    const unsigned = assembled({ alg: 'HS256', typ: 'at+jwt', kid: own.kid }, claims).replace(/\.$/, '');
    return `${unsigned}.${createHmac('sha256', secret).update(unsigned).digest('base64url')}`;
  };
  const good = await scene.token();
  const [head = '', body = '', signature = ''] = good.split('.');
  const other = Buffer.from(JSON.stringify({ ...claims, sub: 'root' })).toString('base64url');
  const tokens: Record<string, string> = {
    none,
    'none in other letters': assembled({ alg: 'nOnE', typ: 'at+jwt' }, claims),
    'HS256 with the public key': hmac(publicKey.export({ type: 'spki', format: 'pem' })),
    'HS256 with the JWK': hmac(JSON.stringify(publicHalf(own.jwk))),
    'a foreign key of an unknown kid': await scene.token({ key: foreign }),
    'a foreign key of a known kid': await scene.token({ key: { ...foreign, kid: own.kid } }),
    'a foreign key without kid': await scene.token({ key: { key: foreign.key } }),
    'other claims under the same signature': `${head}.${other}.${signature}`,
    'no signature': `${head}.${body}.`,
    'a signature cut short': good.slice(0, -8),
  };
  for (const [what, token] of Object.entries(tokens)) {
    await t.test(what, async (t) => {
      const answer = await scene.ask('/', token);
      t.equal(answer.status, 401, what);
      t.equal(challengeOf(answer).error, 'invalid_token', what);
    });
  }
  t.strictSame(scene.upstream.requests, []);
  const esKey = await providerKey(scene.provider, 'ES256');
  t.equal((await scene.ask('/', await scene.token({ key: esKey }))).status, 200, 'ES256 is allowed');
  t.equal((await scene.ask('/', await scene.token({ key: { key: own.key } }))).status, 200, 'and no kid');
});

test('E3: the list of algorithms can be shorter', async (t) => {
  const scene = await arrangeBearer(t);
  const strict = await arrangeBearer(t, {
    bearer: [{ issuer: scene.provider.issuer, audience: api, algorithms: ['ES256'] }],
  });
  t.equal((await strict.ask('/', await scene.token())).status, 401);
  const esKey = await providerKey(scene.provider, 'ES256');
  t.equal((await strict.ask('/', await scene.token({ key: esKey }))).status, 200);
});

test('E3: an ID token is no access token, whatever it is called', async (t) => {
  const scene = await arrangeBearer(t, { headers: { 'X-Id-Token': '{id_token}' } });
  await logIn(scene.client, scene.gateway.url, 'ada');
  const idToken = header(await scene.client.get(`${scene.gateway.url}/`), 'x-id-token') ?? '';
  t.match(idToken, /^eyJ/, 'a real one');
  const { issuer, clientId } = scene.provider;
  const other = await arrangeBearer(t, {
    provider: undefined,
    bearer: [{ issuer, audience: [api, clientId], type: ['JWT', 'at+jwt'] }],
    routes: [{ upstream: scene.upstream.url }],
  });
  const refused = await other.ask('/', idToken);
  t.equal(refused.status, 401);
  t.match(challengeOf(refused).error_description, /typ of the token/, 'of no typ');
  const kinds = [
    { nonce: 'n' },
    { at_hash: 'a' },
    { c_hash: 'c' },
    { typ: 'ID' },
    { typ: 'Refresh' },
    { token_use: 'id' },
    { events: { 'http://schemas.openid.net/event/backchannel-logout': {} } },
  ];
  for (const claims of kinds) {
    const token = await scene.token({ claims, header: { typ: 'JWT' } });
    t.equal((await other.ask('/', token)).status, 401, JSON.stringify(claims));
  }
  t.equal((await other.ask('/', await scene.token({ header: { typ: 'JWT' } }))).status, 200);
});

test('E4: a token that fails gets 401 invalid_token and never a redirect, and nothing of it comes back', async (t) => {
  const scene = await arrangeBearer(t);
  const token = await scene.token({ claims: { exp: seconds() - 3600, email: 'secret@example.com' } });
  for (const path of ['/', '/login', '/pass', '/admins', '/people']) {
    await t.test(path, async (t) => {
      const answer = await scene.ask(path, token, { headers: { accept: 'text/html' } });
      t.equal(answer.status, 401, path);
      t.match(challengeOf(answer), {
        scheme: 'Bearer',
        realm: scene.gateway.url,
        error: 'invalid_token',
        error_description: 'The token has expired',
      });
      t.notOk(answer.text.includes('secret') || answer.text.includes(token.slice(-20)));
    });
  }
  const line = await scene.gateway.log.line(({ code }) => code === 'token_invalid');
  t.match(line.reason, /expired/);
  t.notOk(scene.gateway.log.text().includes(token.split('.')[1] ?? '-'), 'nor is it in the log');
  const open = await scene.ask('/open', token);
  t.equal(open.status, 200, 'where everybody may pass, it counts as nobody');
  t.equal(header(open, 'x-forwarded-user'), undefined);
  t.equal(header(open, 'authorization'), undefined);
});

test('E4: without a token the challenge has no error, and a scope that is missing is 403', async (t) => {
  const scene = await arrangeBearer(t);
  const missing = await scene.client.get(`${scene.gateway.url}/programs`);
  t.equal(missing.status, 401);
  t.match(challengeOf(missing), { scheme: 'Bearer', realm: scene.gateway.url });
  t.equal(challengeOf(missing).error, undefined);
  const narrow = await scene.ask('/write', await scene.token());
  t.equal(narrow.status, 403);
  t.equal(narrow.headers['x-sallyport-error'], 'insufficient_scope');
  t.match(challengeOf(narrow), { error: 'insufficient_scope', scope: 'files:write files:read' });
  const wide = await scene.token({ claims: { scope: 'files:read files:write' } });
  t.equal((await scene.ask('/write', wide)).status, 200);
  const listed = await scene.token({ claims: { scope: undefined, scp: ['all'] } });
  t.equal((await scene.ask('/write', listed)).status, 200, 'a list in scp, and the alternative');
  const people = await scene.ask('/people', wide);
  t.equal(people.status, 403);
  t.equal(people.headers['x-sallyport-error'], 'not_allowed', 'no scope would help there');
});

test('E7: of two Authorization headers none is believed', async (t) => {
  const scene = await arrangeBearer(t);
  const token = await scene.token();
  const pairs = [
    [`Bearer ${token}`, `Bearer ${token}`],
    ['Basic YTpi', `Bearer ${token}`],
    [`Bearer ${token}`, 'Basic YTpi'],
    ['Bearer x', `DPoP ${token}`],
  ];
  for (const [first = '', second = ''] of pairs) {
    await t.test(`${first.slice(0, 8)} ${second.slice(0, 8)}`, async (t) => {
      const answer = await scene.client.request(`${scene.gateway.url}/`, {
        headers: ['Authorization', first, 'AUTHORIZATION', second],
      });
      t.equal(answer.status, 400, `${first.slice(0, 8)} ${second.slice(0, 8)}`);
      t.equal(challengeOf(answer).error, 'invalid_request');
    });
  }
  t.strictSame(scene.upstream.requests, []);
});

test('E7: beside a session cookie the token decides, and never a mix of both', async (t) => {
  const scene = await arrangeBearer(t);
  await logIn(scene.client, scene.gateway.url, 'grace');
  t.equal(header(await scene.client.get(`${scene.gateway.url}/`), 'x-forwarded-user'), 'grace');
  const answer = await scene.ask('/', await scene.token({ claims: { email: undefined, groups: ['x'] } }));
  t.equal(header(answer, 'x-forwarded-user'), 'ada');
  t.equal(header(answer, 'x-forwarded-email'), undefined, 'not the email of the session');
  t.equal(header(answer, 'x-forwarded-groups'), 'x');
  t.strictSame(answer.setCookies, []);
  const bad = await scene.token({ claims: { exp: 1 } });
  t.equal((await scene.ask('/', bad)).status, 401, 'a bad token is not made up for by a session');
  t.equal(header(await scene.ask('/open', bad), 'x-forwarded-user'), undefined);
  const basic = await scene.client.get(`${scene.gateway.url}/`, { authorization: 'Basic YTpi' });
  t.equal(header(basic, 'x-forwarded-user'), 'grace', 'another scheme is no token');
});

test('E8: tokens that are too large, too deep or want a key fetched are refused without any fetch', async (t) => {
  const scene = await arrangeBearer(t);
  const foreign = await foreignKey();
  const { url } = scene.upstream;
  const deep = (levels: number) => {
    const header64 = Buffer.from(JSON.stringify({ alg: 'RS256', typ: 'at+jwt' })).toString('base64url');
    return `${header64}.${Buffer.from('['.repeat(levels) + ']'.repeat(levels)).toString('base64url')}.c2ln`;
  };
  const deepHeader = Buffer.from(`{"alg":"RS256","x":${'['.repeat(5000)}${']'.repeat(5000)}}`);
  const tokens: Record<string, string> = {
    'over 16 KiB': await scene.token({ claims: { padding: 'x'.repeat(16 * 1024) } }),
    'over 16 KiB, opaque': 'x'.repeat(17 * 1024),
    'a deep payload': deep(5000),
    'a deep header': `${deepHeader.toString('base64url')}.e30.c2ln`,
    crit: await scene.token({ header: { crit: ['exp'], exp: 1 } }).catch(() => ''),
    'crit, unsigned': assembled({ alg: 'RS256', typ: 'at+jwt', crit: ['b64'], b64: false }, {}, 'c2ln'),
    b64: assembled({ alg: 'RS256', typ: 'at+jwt', b64: false }, goodClaims(scene.provider), 'c2ln'),
    jku: await scene.token({ header: { jku: `${url}/keys` }, key: foreign }),
    x5u: await scene.token({ header: { x5u: `${url}/cert` }, key: foreign }),
    jwk: await scene.token({ header: { jwk: foreign.publicJwk }, key: foreign }),
    'jwk of the right key': await scene.token({
      header: { jwk: publicHalf((await providerKey(scene.provider)).jwk) },
    }),
    'no JSON': 'bm90.anNvbg.c2ln',
    'no object': `${Buffer.from('[]').toString('base64url')}.e30.c2ln`,
    'other characters': 'ab"cd',
    'a space': 'a b',
    empty: '',
  };
  for (const [what, token] of Object.entries(tokens)) {
    await t.test(what, async (t) => {
      const answer = await scene.ask('/', token);
      t.equal(answer.status, 401, what);
      t.equal(answer.headers['x-sallyport-error'], 'token_invalid', what);
    });
  }
  t.strictSame(scene.upstream.requests, [], 'nothing came to the application, be it for a key');
  t.equal(scene.provider.hits.get('/jwks'), undefined);
  const huge = await scene.ask('/', 'x'.repeat(1024 * 1024)).catch(() => undefined);
  t.ok(huge === undefined || huge.status === 431, 'one of 1 MB does not even arrive');
});

test('E8: symmetric keys of an issuer never verify anything', async (t) => {
  const scene = await arrangeBearer(t);
  const secret: SigningKey = new TextEncoder().encode('k'.repeat(32));
  scene.provider.tamper(async (hit) => {
    if (hit.path !== '/jwks') return hit.pass();
    const oct = {
      kty: 'oct',
      k: Buffer.from(secret as Uint8Array).toString('base64url'),
      kid: 'oct',
      alg: 'HS256',
    };
    hit.send({ headers: { 'content-type': 'application/json' }, body: JSON.stringify({ keys: [oct] }) });
  });
  const token = await scene.token({ key: { key: secret, alg: 'HS256', kid: 'oct' } });
  t.equal((await scene.ask('/', token)).status, 401);
});
