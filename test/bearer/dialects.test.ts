import { randomBytes } from 'node:crypto';
import { type Test, test } from 'tap';
import { parseConfig } from '../../src/config/load.ts';
import { ConfigError } from '../../src/config/problems.ts';
import { sendJson } from '../attack/forged-token.ts';
import { arrangeGateway, arrangeUpstream } from '../support/arrange.ts';
import { freePort } from '../support/free-port.ts';
import { gatewayYaml } from '../support/gateway-config.ts';
import {
  api,
  arrangeBearer,
  challengeOf,
  header,
  introspectingEntry,
  introspectionPath,
  signedToken,
  startIssuer,
} from './scene.ts';

const seconds = () => Math.floor(Date.now() / 1000);
const opaque = () => randomBytes(24).toString('base64url');

/** A gateway that looks tokens up at an endpoint whose answers are scripted: what its server's documentation shows. */
async function arrangeAnswers(t: Test, entry: object = {}, route: object = {}, config: object = {}) {
  const provider = await startIssuer();
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  const { gateway, client } = await arrangeGateway(t, {
    config: {
      ...config,
      provider: undefined,
      bearer: [{ ...introspectingEntry(provider), ...entry }],
      routes: [{ upstream: upstream.url, ...route }],
    },
  });
  return {
    provider,
    async statusFor(answer: Record<string, unknown>) {
      provider.tamper((hit) =>
        hit.path === introspectionPath ? sendJson(hit, { active: true, ...answer }) : hit.pass(),
      );
      const bearer = { authorization: `Bearer ${opaque()}` };
      return (await client.get(`${gateway.url}/`, bearer)).status;
    },
  };
}

test('what Hydra and Dex answer of access tokens counts, and what they answer of others does not', async (t) => {
  const { statusFor } = await arrangeAnswers(t, { audience: api });
  const good = {
    sub: 'ada',
    client_id: 'cli',
    exp: seconds() + 300,
    aud: [api],
    iss: 'https://id.example.com',
  };
  t.equal(await statusFor({ ...good, token_type: 'Bearer', token_use: 'access_token' }), 200, 'Hydra');
  t.equal(await statusFor({ ...good, token_type: 'bearer', token_use: 'access_token', ext: {} }), 200, 'Dex');
  t.equal(await statusFor({ ...good, token_use: 'access' }), 200);
  for (const use of ['refresh_token', 'id_token', 'id', 'refresh', 'access token', '', 7, null])
    t.equal(await statusFor({ ...good, token_use: use }), 401, String(use));
  for (const aud of [[], undefined, null])
    t.equal(await statusFor({ ...good, aud }), 401, 'for nobody, where an audience is wanted');
});

test('where no audience is configured, an empty list names nobody, as a missing one does', async (t) => {
  const { statusFor } = await arrangeAnswers(t);
  for (const aud of [[], undefined, null])
    t.equal(await statusFor({ sub: 'ada', aud }), 200, JSON.stringify(aud));
  for (const aud of ['', {}, [''], [7], 7, true, ['https://other.example.com']])
    t.equal(await statusFor({ sub: 'ada', aud }), 401, JSON.stringify(aud));
});

test('clientIds: tokens without an audience count of these clients, and of no others', async (t) => {
  for (const audience of [undefined, api]) {
    const { statusFor } = await arrangeAnswers(t, { audience, clientIds: ['cli', 'nightly'] });
    for (const aud of [[], undefined]) {
      t.equal(await statusFor({ sub: 'ada', aud, client_id: 'cli' }), 200);
      t.equal(await statusFor({ sub: 'ada', aud, client_id: 'nightly' }), 200);
      for (const client_id of ['other', 'CLI', '', undefined, ['cli'], null])
        t.equal(await statusFor({ sub: 'ada', aud, client_id }), 401, JSON.stringify(client_id));
    }
    const elsewhere = { sub: 'ada', client_id: 'cli', aud: 'https://other.example.com' };
    t.equal(await statusFor(elsewhere), 401, 'a token that names its audience is for that one');
  }
});

test('clientIds: what names no audience is no token for a resource (RFC 8707)', async (t) => {
  const origin = `http://127.0.0.1:${await freePort()}`;
  const resource = { identifier: origin, authorizationServers: ['https://id.example.com'] };
  const place = { publicUrl: origin, listen: new URL(origin).host };
  const { statusFor } = await arrangeAnswers(t, { clientIds: 'cli' }, { resource }, place);
  t.equal(await statusFor({ sub: 'ada', client_id: 'cli' }), 401);
  t.equal(await statusFor({ sub: 'ada', client_id: 'cli', aud: resource.identifier }), 200);
});

test('a slash at the end of the configured issuer is forgiven, and not one in a token', async (t) => {
  const provider = await startIssuer();
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  const { gateway, client } = await arrangeGateway(t, {
    config: {
      provider: undefined,
      bearer: [{ issuer: `${provider.issuer}/`, audience: api }],
      routes: [{ upstream: upstream.url }],
    },
  });
  const statusFor = async (iss: string) => {
    const authorization = `Bearer ${await signedToken(provider, { claims: { iss } })}`;
    return (await client.get(`${gateway.url}/`, { authorization })).status;
  };
  t.equal(await statusFor(provider.issuer), 200);
  // The metadata say how the issuer names itself.
  for (const iss of [`${provider.issuer}/`, `${provider.issuer}//`, `${provider.issuer}/x`])
    t.equal(await statusFor(iss), 401, iss);

  const { statusFor: lookUp } = await arrangeAnswers(t, { issuer: 'https://id.example.com' });
  t.equal(await lookUp({ sub: 'ada', iss: 'https://id.example.com/' }), 200, 'introspection');
  for (const iss of ['https://id.example.com//', 'https://id.example.com.evil.example', 7])
    t.equal(await lookUp({ sub: 'ada', iss }), 401, String(iss));
});

test('of two providers that differ by a slash, a token is of the one that has its name', async (t) => {
  const provider = await startIssuer();
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  const { issuer, clientId, clientSecret } = provider;
  const byHand = { authorizationEndpoint: `${issuer}/auth`, tokenEndpoint: `${issuer}/token` };
  const client = { clientId, clientSecret, jwksUri: `${issuer}/jwks`, ...byHand };
  const statusesFor = async (named: string) => {
    const scene = await arrangeGateway(t, {
      config: {
        provider: undefined,
        providers: { bare: { issuer, ...client }, slashed: { issuer: `${issuer}/`, ...client } },
        bearer: [{ issuer: named, audience: api, jwksUri: `${issuer}/jwks` }],
        routes: ['bare', 'slashed'].map((name) => ({
          path: `/${name}`,
          upstream: upstream.url,
          provider: name,
        })),
      },
    });
    const token = await signedToken(provider, { claims: { iss: named } });
    const authorization = `Bearer ${token}`;
    const ask = async (name: string) =>
      (await scene.client.get(`${scene.gateway.url}/${name}`, { authorization })).status;
    return [await ask('bare'), await ask('slashed')];
  };
  t.strictSame(await statusesFor(issuer), [200, 401]);
  t.strictSame(await statusesFor(`${issuer}/`), [401, 200]);
});

const idTokenType = { header: { typ: 'JWT' } };

test('E3: an ID token counts by insecureIdToken alone, for its client alone', async (t) => {
  const idToken = { nonce: 'n', at_hash: 'h', aud: 'cli' };
  const strict = await arrangeBearer(t, {});
  const forApi = { nonce: 'n', at_hash: 'h' };
  t.equal((await strict.ask('/', await strict.token({ ...idTokenType, claims: forApi }))).status, 401);
  t.equal((await strict.ask('/', await strict.token({ claims: forApi }))).status, 401, 'whatever its typ');

  const provider = await startIssuer();
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  const { gateway, client } = await arrangeGateway(t, {
    config: {
      provider: undefined,
      bearer: [{ issuer: provider.issuer, audience: ['cli', 'kube'], insecureIdToken: true }],
      routes: [{ upstream: upstream.url }],
    },
  });
  const ask = async (change: Parameters<typeof signedToken>[1]) =>
    client.get(`${gateway.url}/`, { authorization: `Bearer ${await signedToken(provider, change)}` });
  const good = await ask({ ...idTokenType, claims: idToken });
  t.equal(good.status, 200);
  t.equal(header(good, 'x-forwarded-user'), 'ada');
  t.equal((await ask({ header: { typ: undefined }, claims: idToken })).status, 200, 'ID tokens need no typ');
  t.equal(
    (await ask({ ...idTokenType, claims: { aud: 'kube', azp: 'other' } })).status,
    200,
    'one audience: azp is who asked',
  );
  t.equal((await ask({ ...idTokenType, claims: { aud: ['kube', 'x'], azp: 'kube' } })).status, 200);
  t.equal((await ask({ claims: { aud: 'cli' } })).status, 200, 'access tokens count as before');
  const attacks: Record<string, Parameters<typeof signedToken>[1]> = {
    'for another client': { ...idTokenType, claims: { ...idToken, aud: 'other' } },
    'for two, made for another': { ...idTokenType, claims: { ...idToken, aud: ['cli', 'x'], azp: 'x' } },
    'for two, made for nobody': { ...idTokenType, claims: { ...idToken, aud: ['cli', 'x'] } },
    'without aud': { ...idTokenType, claims: { ...idToken, aud: undefined } },
    'past its end': { ...idTokenType, claims: { ...idToken, exp: seconds() - 60 } },
    'without an end': { ...idTokenType, claims: { ...idToken, exp: undefined } },
    'of another issuer': { ...idTokenType, claims: { ...idToken, iss: 'https://evil.example' } },
    'a logout token': { ...idTokenType, claims: { ...idToken, nonce: undefined, events: {} } },
    'a logout token by its typ': { header: { typ: 'logout+jwt' }, claims: idToken },
    'an authorization response': { header: { typ: 'oauth-authz-resp+jwt' }, claims: idToken },
    'a refresh token of Keycloak': { ...idTokenType, claims: { ...idToken, typ: 'Refresh' } },
    'an ID token that says it is an access token': { claims: idToken },
    'with a key in its header': { header: { typ: 'JWT', jku: 'https://evil.example' }, claims: idToken },
  };
  for (const [what, change] of Object.entries(attacks)) t.equal((await ask(change)).status, 401, what);
});

test('insecureIdToken needs an audience, has no effect on opaque tokens, and is said at the start', (t) => {
  const read = (entry: object) => {
    const resource = { identifier: 'http://127.0.0.1:1', authorizationServers: ['https://id.example.com'] };
    const routes = [{ upstream: 'http://127.0.0.1:9', resource }];
    const yaml = gatewayYaml({ config: { provider: undefined, bearer: [entry], routes } }, 1);
    return parseConfig(yaml, { file: 'sallyport.yaml', env: {} });
  };
  const problemsOf = (entry: object): string => {
    try {
      read(entry);
      return '';
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return error.problems.map(({ message }) => message).join('; ');
    }
  };
  const issuer = 'https://id.example.com';
  t.match(problemsOf({ issuer, insecureIdToken: true }), /the clients whose ID tokens count/);
  const lookUp = { introspectionEndpoint: `${issuer}/introspect`, clientId: 'a', clientSecret: 'b' };
  t.match(problemsOf({ ...lookUp, insecureIdToken: true }), /no effect/);
  t.match(problemsOf({ issuer, audience: 'x', clientIds: 'cli' }), /no effect/);
  const { warnings } = read({ issuer, audience: 'cli', insecureIdToken: true });
  t.match(warnings.join('\n'), /insecureIdToken of bearer\[0\] is on: whoever gets to see an ID token/);
  t.end();
});

test('a token of a clock that is ahead says by how much', async (t) => {
  const scene = await arrangeBearer(t);
  const answer = await scene.ask('/', await scene.token({ claims: { iat: seconds() + 600 } }));
  t.equal(answer.status, 401);
  t.match(challengeOf(answer).error_description, /^The token was issued (59\d|600) seconds in the future$/);
});

test('RFC 7800 §3.1: a binding of a kind that is not known stands beside one that is, and does nothing alone', async (t) => {
  const scene = await arrangeBearer(t);
  const jkt = 'x'.repeat(43);
  for (const cnf of [{ kid: 'a' }, { osc: {} }, {}]) {
    const answer = await scene.ask('/', await scene.token({ claims: { cnf } }));
    t.equal(answer.status, 401, JSON.stringify(cnf));
    t.match(challengeOf(answer).error_description, /bound in a way that is not known/);
  }
  const answer = await scene.ask('/', await scene.token({ claims: { cnf: { jkt, kid: 'a', 'x-new': 1 } } }));
  t.equal(answer.status, 401, 'and takes nothing off the one that is');
  t.match(challengeOf(answer).error_description, /comes without a proof/);
});
