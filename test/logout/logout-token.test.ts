import { randomUUID } from 'node:crypto';
import { decodeJwt, exportJWK, type JWK, UnsecuredJWT } from 'jose';
import { type Test, test } from 'tap';
import { arrangeUpstream } from '../support/arrange.ts';
import { createClient, type HttpAnswer } from '../support/client.ts';
import { startTestGateway } from '../support/gateway.ts';
import type { TestProvider } from '../support/provider.ts';
import { startRedis } from '../support/redis.ts';
import { rsaKeyPair } from '../support/rsa.ts';
import { spawnGateway } from '../support/spawned-gateway.ts';
import { type Echo, valuesOf } from '../support/upstream.ts';
import { type Forgery, logoutEvent, makeLogoutToken, sendLogout, unknownExtension } from './forge.ts';
import { refused, signIn, startLogoutProvider, statusesOf, type Visitor } from './scene.ts';

/** The application gets the ID token, so that tests can read the `sid` in it. */
const headers = { 'X-Id-Token': '{id_token}' };

async function sidOf({ client }: Visitor, gatewayUrl: string): Promise<string> {
  const { rawHeaders } = (await client.get(`${gatewayUrl}/`)).json() as Echo;
  return String(decodeJwt(valuesOf(rawHeaders, 'x-id-token')[0] ?? '').sid);
}

async function arrange(t: Test, settings: object = {}) {
  const provider = await startLogoutProvider(t);
  const upstream = await arrangeUpstream(t);
  const config = { headers, provider: settings };
  const gateway = await startTestGateway({ provider, upstream, config });
  t.teardown(() => gateway.close());
  const ada = await signIn(t, gateway.url, 'ada');
  const sid = await sidOf(ada, gateway.url);
  const forge = (forgery: Forgery = {}) =>
    makeLogoutToken(provider, { ...forgery, claims: { sid, sub: 'ada', ...forgery.claims } });
  const send = (token: string) => sendLogout(gateway.url, { logout_token: token });
  return { provider, gateway, ada, sid, forge, send };
}

function equalRefusal(t: Test, { status, headers }: HttpAnswer): void {
  t.equal(status, 400);
  t.equal(headers['cache-control'], 'no-store');
  t.equal(headers['x-sallyport-error'], 'logout_token_invalid');
}

const strangersKey = (): Promise<JWK> => exportJWK(rsaKeyPair('stranger').privateKey);

const seconds = () => Math.floor(Date.now() / 1000);

/** What is wrong with each token; of everything else it is as the provider would make it. */
const wrong: Record<string, (provider: TestProvider) => Forgery | Promise<Forgery>> = {
  'a signature of a key that is not the provider’s': async () => ({ key: await strangersKey() }),
  'the algorithm HS256, keyed with the client secret': ({ clientSecret }) => ({
    header: { alg: 'HS256', kid: undefined },
    key: new TextEncoder().encode(clientSecret?.padEnd(32, '0')),
  }),
  'an unknown kid': async () => ({ header: { kid: 'nobody' }, key: await strangersKey() }),
  'an algorithm that its key is not for': ({ keys }) => ({
    header: { alg: 'ES256' },
    ...(keys[1] && { key: keys[1] }),
  }),
  'an algorithm of the provider that ID tokens are not registered for': ({ keys }) => ({
    header: { alg: 'ES256', kid: keys[1]?.kid },
    ...(keys[1] && { key: keys[1] }),
  }),
  'an unknown critical header': () => ({
    header: { crit: [unknownExtension], [unknownExtension]: 1 },
  }),
  'another issuer': () => ({ claims: { iss: 'http://127.0.0.1:9' } }),
  'no issuer': () => ({ claims: { iss: undefined } }),
  'another audience': () => ({ claims: { aud: 'another app' } }),
  'no audience': () => ({ claims: { aud: undefined } }),
  'no iat': () => ({ claims: { iat: undefined } }),
  'an iat of ten minutes ago': () => ({ claims: { iat: seconds() - 600 } }),
  'an iat in ten minutes': () => ({ claims: { iat: seconds() + 600, exp: seconds() + 700 } }),
  'no exp, and an iat of more than two minutes ago': () => ({
    claims: { exp: undefined, iat: seconds() - 125 },
  }),
  'no exp, and an iat in ten minutes': () => ({ claims: { exp: undefined, iat: seconds() + 600 } }),
  'no exp and no iat': () => ({ claims: { exp: undefined, iat: undefined } }),
  'no exp, and an iat that is text': () => ({ claims: { exp: undefined, iat: String(seconds()) } }),
  'an exp that is null': () => ({ claims: { exp: null } }),
  'an exp that is past': () => ({ claims: { iat: seconds() - 90, exp: seconds() - 80 } }),
  'no events': () => ({ claims: { events: undefined } }),
  'another event': () => ({ claims: { events: { 'http://schemas.openid.net/event/other': {} } } }),
  'events that are a list': () => ({ claims: { events: [logoutEvent] } }),
  'an event that is no object': () => ({ claims: { events: { [logoutEvent]: true } } }),
  'an event that is null': () => ({ claims: { events: { [logoutEvent]: null } } }),
  'an event that is a list': () => ({ claims: { events: { [logoutEvent]: [] } } }),
  'a nonce': () => ({ claims: { nonce: 'as in an ID token' } }),
  'a nonce that is empty': () => ({ claims: { nonce: '' } }),
  'neither sub nor sid': () => ({ claims: { sub: undefined, sid: undefined } }),
  'a sub and a sid that are empty': () => ({ claims: { sub: '', sid: '' } }),
  'a sid that is no text': () => ({ claims: { sub: undefined, sid: 7 } }),
  'no jti': () => ({ claims: { jti: undefined } }),
  'an empty jti': () => ({ claims: { jti: '' } }),
  'the typ of an access token': () => ({ header: { typ: 'at+jwt' } }),
};

test('D7 a logout token that fails one check ends nothing', async (t) => {
  const { provider, gateway, ada, sid, forge, send } = await arrange(t);
  const livesOn = async (t: Test) =>
    t.equal((await ada.client.get(`${gateway.url}/`)).status, 200, 'the session lives on');

  for (const [what, forgery] of Object.entries(wrong)) {
    await t.test(`with ${what}`, async (t) => {
      equalRefusal(t, await send(await forge(await forgery(provider))));
      await livesOn(t);
    });
  }

  await t.test('with the algorithm none', async (t) => {
    const claims = { ...decodeJwt(await forge()), sid };
    equalRefusal(t, await send(new UnsecuredJWT(claims).encode()));
    await livesOn(t);
  });

  await t.test('with a changed payload under the signature of another', async (t) => {
    const [head, , signature] = (await forge({ claims: { sid: 'another', sub: 'grace' } })).split('.');
    const [, payload] = (await forge()).split('.');
    equalRefusal(t, await send([head, payload, signature].join('.')));
    await livesOn(t);
  });

  await t.test('an ID token is no logout token', async (t) => {
    const { rawHeaders } = (await ada.client.get(`${gateway.url}/`)).json() as Echo;
    equalRefusal(t, await send(valuesOf(rawHeaders, 'x-id-token')[0] ?? ''));
    await livesOn(t);
  });

  for (const [what, token] of [
    ['nothing', ''],
    ['no token', 'not a token'],
    ['two dots', '..'],
    ['JSON', '{"sub":"ada"}'],
  ] as const) {
    await t.test(`that is ${what}`, async (t) => {
      equalRefusal(t, await send(token));
      await livesOn(t);
    });
  }

  await t.test('that is missing', async (t) => {
    equalRefusal(t, await sendLogout(gateway.url, {}));
    await livesOn(t);
  });

  await t.test('that is one of two', async (t) => {
    const two = [await forge(), await forge()].map((token): [string, string] => ['logout_token', token]);
    equalRefusal(t, await sendLogout(gateway.url, two));
    await livesOn(t);
  });

  await t.test('that is in the query', async (t) => {
    const address = `${gateway.url}/oauth2/backchannel-logout?logout_token=${await forge()}`;
    const client = createClient();
    t.teardown(() => client.close());
    equalRefusal(t, await client.request(address, { method: 'POST' }));
    const get = await client.get(address);
    t.ok([404, 405].includes(get.status), `GET got ${get.status}`);
    t.equal(get.headers['cache-control'], 'no-store');
    await livesOn(t);
  });

  await t.test('that is huge', async (t) => {
    equalRefusal(t, await send(await forge({ claims: { filler: 'x'.repeat(14_000) } })));
    const larger = await send(await forge({ claims: { filler: 'x'.repeat(100_000) } }));
    t.ok([400, 413].includes(larger.status), `100 KB got ${larger.status}`);
    await livesOn(t);
  });

  await t.test('and the one that is right ends the session, once', async (t) => {
    const token = await forge();
    const answer = await send(token);
    t.equal(answer.status, 200);
    t.equal(answer.headers['cache-control'], 'no-store');
    t.equal((await ada.client.get(`${gateway.url}/`)).status, 401);
    equalRefusal(t, await send(token));
    t.notMatch(gateway.log.text(), token, 'no token is in the log');
  });
});

test('D7 what a logout token names ends, and nothing else', async (t) => {
  const { gateway, provider, ada, sid, forge, send } = await arrange(t);
  const phone = await signIn(t, gateway.url, 'ada');
  const grace = await signIn(t, gateway.url, 'grace');
  const statuses = async () =>
    Promise.all([ada, phone, grace].map(async ({ client }) => (await client.get(`${gateway.url}/`)).status));
  t.same(await statuses(), [200, 200, 200]);

  t.equal((await send(await forge({ claims: { sid: 'of nobody', sub: undefined } }))).status, 200);
  t.same(await statuses(), [200, 200, 200], 'a session that is not known');
  t.equal((await send(await forge({ claims: { sub: undefined } }))).status, 200);
  t.same(await statuses(), [401, 200, 200], 'by sid');

  const desk = await signIn(t, gateway.url, 'ada');
  t.not(await sidOf(desk, gateway.url), sid);
  t.equal((await send(await forge({ claims: { sid: undefined } }))).status, 200);
  t.same(await statuses(), [401, 401, 200], 'by sub');
  t.equal((await desk.client.get(`${gateway.url}/`)).status, 401, 'every session of the person');
  t.equal(provider.hits.get('/jwks'), 1, 'the keys were fetched once, for logins and logout tokens alike');
});

test('tokens of older and of pickier providers are taken', async (t) => {
  const { provider, gateway, forge, send } = await arrange(t);
  const right: Record<string, Forgery> = {
    'no typ': { header: { typ: undefined } },
    'the typ JWT': { header: { typ: 'JWT' } },
    'the typ application/logout+jwt': { header: { typ: 'application/logout+jwt' } },
    'no exp': { claims: { exp: undefined } },
    'no exp, of a minute and a half ago': { claims: { exp: undefined, iat: seconds() - 90 } },
    'a list of audiences': { claims: { aud: ['another', provider.clientId] } },
    'a clock that is 30 seconds ahead': { claims: { iat: seconds() + 30 } },
    'more events': { claims: { events: { [logoutEvent]: {}, 'http://example.com/other': {} } } },
  };
  for (const [what, forgery] of Object.entries(right)) {
    const grace = await signIn(t, gateway.url, 'grace');
    const claims = { ...forgery.claims, sid: await sidOf(grace, gateway.url), sub: 'grace' };
    t.equal((await send(await forge({ ...forgery, claims }))).status, 200, what);
    t.equal((await grace.client.get(`${gateway.url}/`)).status, 401, what);
  }
});

test('D7 idTokenAlgorithms says what logout tokens are signed with', async (t) => {
  const { provider, gateway, ada, forge, send } = await arrange(t, { idTokenAlgorithms: ['RS256', 'ES256'] });
  const [, es256] = provider.keys;
  if (!es256) throw new Error('the provider has one key only');
  const token = await forge({ header: { alg: 'ES256', kid: es256.kid }, key: es256 });
  t.equal((await send(token)).status, 200);
  t.equal((await ada.client.get(`${gateway.url}/`)).status, 401);

  const pickier = await arrange(t, { idTokenAlgorithms: ['RS256'] });
  const [, other] = pickier.provider.keys;
  const refusedToken = await pickier.forge({
    header: { alg: 'ES256', kid: other?.kid },
    ...(other && { key: other }),
  });
  equalRefusal(t, await pickier.send(refusedToken));
  await pickier.gateway.log.line(
    ({ reason }) => typeof reason === 'string' && /logout token is signed with ES256/.test(reason),
  );
});

test('D7 a logout token counts once, whichever worker gets it', async (t) => {
  const provider = await startLogoutProvider(t);
  const upstream = await arrangeUpstream(t);
  const gateway = await spawnGateway({ provider, upstream, config: { workers: 2 } });
  t.teardown(() => gateway.stop());
  const token = await makeLogoutToken(provider, { claims: { sub: 'ada' } });
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => sendLogout(gateway.url, { logout_token: token })),
  );
  t.same(answers.map(({ status }) => status).sort(), [200, 400, 400, 400, 400, 400, 400, 400]);
  const later = await signIn(t, gateway.url, 'ada');
  for (let at = 0; at < 4; at++) {
    equalRefusal(t, await sendLogout(gateway.url, { logout_token: token }));
  }
  t.same(await statusesOf(gateway.url, later.copiedCookie(), 4), [200, 200, 200, 200]);
});

test('a sign-out that cannot be written down is asked for again', async (t) => {
  const provider = await startLogoutProvider(t);
  const upstream = await arrangeUpstream(t);
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  const gateway = await startTestGateway({ provider, upstream, config: { session: { store: redis.url } } });
  t.teardown(() => gateway.close());
  const ada = await signIn(t, gateway.url, 'ada');
  const cookie = ada.copiedCookie();
  const form = { logout_token: await makeLogoutToken(provider, { claims: { sub: 'ada' } }) };
  await redis.kill();
  const answer = await sendLogout(gateway.url, form);
  t.equal(answer.status, 503);
  t.ok(answer.headers['retry-after']);
  await redis.restart();
  await gateway.log.line(({ msg }) => msg === 'Redis is reachable');
  await t.resolves(
    (async () => {
      for (;;) {
        const { status } = await sendLogout(gateway.url, form);
        if (status === 200) return;
        if (status !== 503) throw new Error(`got ${status}`);
      }
    })(),
    'the same token is taken then',
  );
  await refused(gateway.url, cookie);
});

test('while the provider’s keys cannot be had, a token of a new key is told to come again', async (t) => {
  const { provider, ada, gateway, forge, send } = await arrange(t);
  const known = await forge({ claims: { jti: randomUUID() } });
  const token = await forge({ claims: { jti: randomUUID() }, header: { kid: 'the-next-one' } });
  for (const [status, body] of [
    [500, '{}'],
    [200, 'down for maintenance'],
    [200, '{"keys":7}'],
  ] as const) {
    provider.tamper((hit) => (hit.path === '/jwks' ? hit.send({ status, body }) : hit.pass()));
    t.equal((await send(token)).status, 503, `${status} ${body}`);
  }
  provider.tamper((hit) => void (hit.path === '/jwks' ? hit.response.destroy() : hit.pass()));
  t.equal((await send(token)).status, 503, 'a broken connection');
  t.equal((await ada.client.get(`${gateway.url}/`)).status, 200);
  t.equal((await send(known)).status, 200, 'one of a key that is known needs no look');
  t.equal((await ada.client.get(`${gateway.url}/`)).status, 401);
  provider.tamper(undefined);
});

test('tokens of keys that nobody knows cause a handful of fetches, however many come', async (t) => {
  const { provider, forge, send } = await arrange(t);
  const before = provider.hits.get('/jwks') ?? 0;
  const statuses = new Set<number>();
  for (let index = 0; index < 100; index++) {
    statuses.add((await send(await forge({ header: { kid: `unknown-${index}` } }))).status);
  }
  t.strictSame([...statuses], [400]);
  t.ok((provider.hits.get('/jwks') ?? 0) - before <= 5);
});
