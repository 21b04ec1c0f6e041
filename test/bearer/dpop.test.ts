import { createHash, randomUUID } from 'node:crypto';
import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose';
import { test } from 'tap';
import { type SigningKey, signClaims } from '../attack/forged-token.ts';
import { createClient, type HttpAnswer } from '../support/client.ts';
import { spawnGateway } from '../support/spawned-gateway.ts';
import { api, arrangeBearer, type BearerScene, challengeOf, header, issuedToken } from './scene.ts';

/** A key of a client, and what it makes proofs with. */
interface ProofKey {
  key: SigningKey;
  jwk: JWK;
  jkt: string;
  alg: string;
}

async function makeKey(alg = 'ES256'): Promise<ProofKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = await exportJWK(publicKey);
  return { key: privateKey, jwk, jkt: await calculateJwkThumbprint(jwk), alg };
}

const ath = (token: string) => createHash('sha256').update(token).digest('base64url');
const seconds = () => Math.floor(Date.now() / 1000);

/** A good proof, with what is to be different; undefined leaves a claim out. */
function proofOf(
  { key, jwk, alg }: ProofKey,
  claims: Record<string, unknown>,
  headerChange: Record<string, unknown> = {},
): Promise<string> {
  const good = { htm: 'GET', iat: seconds(), jti: randomUUID() };
  const protectedHeader = { typ: 'dpop+jwt', jwk, ...headerChange };
  return signClaims({ ...good, ...claims }, { key, alg, header: protectedHeader });
}

interface Bound {
  scene: BearerScene;
  mine: ProofKey;
  token: string;
  htu: string;
  /** Sends the token with a proof. */
  prove(
    claims?: Record<string, unknown>,
    options?: { header?: Record<string, unknown>; key?: ProofKey; path?: string; method?: string },
  ): Promise<HttpAnswer>;
}

async function arrangeBound(
  t: Parameters<typeof arrangeBearer>[0],
  beside: Record<string, unknown> = {},
): Promise<Bound> {
  const scene = await arrangeBearer(t);
  const mine = await makeKey();
  const token = await scene.token({ claims: { cnf: { jkt: mine.jkt, ...beside } } });
  const htu = `${scene.gateway.url}/`;
  const prove: Bound['prove'] = async (
    claims,
    { header: change, key = mine, path = '/', method = 'GET' } = {},
  ) => {
    const dpop = await proofOf(key, { htu, ath: ath(token), ...claims }, change);
    return scene.ask(path, token, { scheme: 'DPoP', method, headers: { dpop } });
  };
  return { scene, mine, token, htu, prove };
}

test('RFC 7800 §3.1: a member of cnf that is not known beside the key changes nothing of what is proven', async (t) => {
  const { scene, prove, token } = await arrangeBound(t, { 'x5t#S512': 'x', kid: 'a' });
  t.equal((await prove()).status, 200);
  t.equal((await scene.ask('/', token)).status, 401, 'as a Bearer token');
  t.equal((await scene.ask('/', token, { scheme: 'DPoP' })).status, 401, 'without a proof');
  t.equal((await prove({}, { key: await makeKey() })).status, 401, 'with the proof of another key');
});

test('E5: a token that is bound to a key passes with a valid proof of that key, and the upstream gets it', async (t) => {
  const { scene, prove, token, htu } = await arrangeBound(t);
  const answer = await prove();
  t.equal(answer.status, 200);
  t.equal(header(answer, 'authorization'), `Bearer ${token}`);
  t.equal((await prove({}, { path: '/?a=b' })).status, 200, 'the query does not count');
  t.equal((await prove({ htu: `${htu}?x#y` })).status, 200, 'nor does it in the proof');
  t.equal((await prove({ htu: htu.replace('http:', 'HTTP:') })).status, 200);
  t.equal((await prove({ htm: 'POST' }, { method: 'POST' })).status, 200);
  t.ok(scene.gateway.log.lines.some(({ subject }) => subject === 'ada'));
});

test('E5: a token that the provider itself bound to a key passes with a proof, and only so', async (t) => {
  const scene = await arrangeBearer(t);
  const mine = await makeKey();
  const dpop = await proofOf(mine, { htu: `${scene.provider.issuer}/token`, htm: 'POST' });
  const token = await issuedToken(scene, scene.provider, { resource: api }, { dpop });
  const proof = await proofOf(mine, { htu: `${scene.gateway.url}/`, ath: ath(token) });
  t.equal((await scene.ask('/', token, { scheme: 'DPoP', headers: { dpop: proof } })).status, 200);
  t.equal((await scene.ask('/', token)).status, 401);
});

test('E5: the schemes cannot be swapped: neither a bound token as Bearer nor a plain one as DPoP', async (t) => {
  const { scene, mine, token, htu } = await arrangeBound(t);
  const asBearer = await scene.ask('/', token);
  t.equal(asBearer.status, 401);
  t.match(challengeOf(asBearer), { scheme: 'Bearer', error: 'invalid_token' });
  const proof = await proofOf(mine, { htu, ath: ath(token) });
  t.equal((await scene.ask('/', token, { headers: { dpop: proof } })).status, 401, 'with a proof neither');
  const plain = await scene.token();
  const forPlain = await proofOf(mine, { htu, ath: ath(plain) });
  const asDpop = await scene.ask('/', plain, { scheme: 'DPoP', headers: { dpop: forPlain } });
  t.equal(asDpop.status, 401);
  t.match(challengeOf(asDpop), { scheme: 'DPoP', error: 'invalid_token' });
  t.match(challengeOf(asDpop).algs, /ES256/);
});

test('E5: each item of a proof is checked', async (t) => {
  const { scene, mine, token, htu, prove } = await arrangeBound(t);
  const other = await makeKey();
  const bad: Record<string, Record<string, unknown>> = {
    'htm of another method': { htm: 'POST' },
    'htm in small letters': { htm: 'get' },
    'htm missing': { htm: undefined },
    'htu of another path': { htu: `${htu}other` },
    'htu of another host': { htu: htu.replace('127.0.0.1', 'localhost') },
    'htu of another scheme': { htu: htu.replace('http:', 'https:') },
    'htu without host': { htu: '/' },
    'htu missing': { htu: undefined },
    'iat long ago': { iat: seconds() - 300 },
    'iat ahead': { iat: seconds() + 300 },
    'iat missing': { iat: undefined },
    'jti missing': { jti: undefined },
    'jti empty': { jti: '' },
    'jti no text': { jti: 7 },
    'jti without end': { jti: 'x'.repeat(300) },
    'ath of another token': { ath: ath('another') },
    'ath missing': { ath: undefined },
    'exp past': { exp: seconds() - 10 },
  };
  for (const [what, claims] of Object.entries(bad)) {
    const answer = await prove(claims);
    t.equal(answer.status, 401, what);
    t.match(challengeOf(answer), { scheme: 'DPoP', error: 'invalid_dpop_proof' }, what);
  }
  const privateJwk = await exportJWK(mine.key as CryptoKey);
  const headers: Record<string, Record<string, unknown>> = {
    'typ of a JWT': { typ: 'JWT' },
    'typ of an access token': { typ: 'at+jwt' },
    'no typ': { typ: undefined },
    'no jwk': { jwk: undefined },
    'jwk with the private key': { jwk: privateJwk },
    'jwk of another key than signed': { jwk: other.jwk },
    'jwk symmetric': { jwk: { kty: 'oct', k: 'c2VjcmV0' } },
  };
  for (const [what, change] of Object.entries(headers))
    t.equal((await prove({}, { header: change })).status, 401, what);
  t.equal((await prove({}, { key: other })).status, 401, 'a proof of another key');
  const secret = new TextEncoder().encode('s'.repeat(32));
  const hmac = { key: secret, jwk: { kty: 'oct', k: 'c'.repeat(43) }, jkt: '', alg: 'HS256' };
  t.equal((await prove({}, { key: hmac })).status, 401, 'a symmetric algorithm');
  const unsigned = `${Buffer.from(JSON.stringify({ alg: 'none', typ: 'dpop+jwt', jwk: mine.jwk })).toString('base64url')}.e30.`;
  const proof = await proofOf(mine, { htu, ath: ath(token) });
  for (const dpop of [unsigned, '', 'x', 'a.b.c', 'x'.repeat(9000), `${proof}, ${proof}`, undefined])
    t.equal(
      (await scene.ask('/', token, { scheme: 'DPoP', headers: dpop === undefined ? {} : { dpop } })).status,
      401,
      `proof ${dpop?.slice(0, 20)}`,
    );
  const twice = await scene.client.request(htu, {
    headers: ['Authorization', `DPoP ${token}`, 'DPoP', proof, 'DPoP', proof],
  });
  t.equal(twice.status, 401, 'two proofs');
  t.strictSame(scene.upstream.requests, []);
  t.equal((await prove()).status, 200, 'and a good one still passes');
});

test('E5: a proof counts once, be it for many requests at the same time', async (t) => {
  const { scene, mine, token, htu } = await arrangeBound(t);
  const dpop = await proofOf(mine, { htu, ath: ath(token) });
  const answers = await Promise.all(
    Array.from({ length: 10 }, () => scene.ask('/', token, { scheme: 'DPoP', headers: { dpop } })),
  );
  t.strictSame(
    answers.map(({ status }) => status).sort((a, b) => a - b),
    [200, ...Array.from({ length: 9 }, () => 401)],
  );
  const thief = createClient();
  t.teardown(() => thief.close());
  const replay = await thief.get(htu, { authorization: `DPoP ${token}`, dpop });
  t.equal(replay.status, 401);
});

test('E5: a proof counts once among all workers', async (t) => {
  const { provider, upstream, token } = await arrangeBearer(t);
  const mine = await makeKey();
  const gateway = await spawnGateway({
    upstream,
    config: { workers: 2, provider: undefined, bearer: [{ issuer: provider.issuer, audience: api }] },
  });
  t.teardown(() => gateway.stop());
  const bound = await token({ claims: { cnf: { jkt: mine.jkt } } });
  for (let round = 0; round < 5; round++) {
    const dpop = await proofOf(mine, { htu: `${gateway.url}/`, ath: ath(bound) });
    const statuses = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const client = createClient();
        const { status } = await client.get(`${gateway.url}/`, { authorization: `DPoP ${bound}`, dpop });
        client.close();
        return status;
      }),
    );
    t.equal(statuses.filter((status) => status === 200).length, 1);
    t.equal(statuses.filter((status) => status === 401).length, 7);
  }
});

test('E5: on a host that only a route names, the proof is for that host; elsewhere the port is that of publicUrl', async (t) => {
  const first = await arrangeBearer(t);
  const scene = await arrangeBearer(t, {
    routes: [
      { path: '/', upstream: first.upstream.url },
      { host: 'api.example.com', path: '/', upstream: first.upstream.url },
    ],
  });
  const mine = await makeKey();
  const token = await scene.token({ claims: { cnf: { jkt: mine.jkt } } });
  const prove = async (host: string, htu: string) => {
    const dpop = await proofOf(mine, { htu, ath: ath(token) });
    return (await scene.ask('/', token, { scheme: 'DPoP', headers: { host, dpop } })).status;
  };
  const { url } = scene.gateway;
  t.equal(await prove('api.example.com', 'http://api.example.com/'), 200);
  t.equal(await prove('api.example.com', `${url}/`), 401, 'of another host');
  t.equal(await prove('127.0.0.1:1', `${url}/`), 200, 'a proxy may have dropped the port');
  t.equal(await prove('127.0.0.1:1', 'http://127.0.0.1:1/'), 401, 'another port is another server');
});

test('E5: a binding that is not known is refused, whatever else is right', async (t) => {
  const scene = await arrangeBearer(t);
  const digest = 'x'.repeat(43);
  const bindings = [
    {},
    { jwk: {} },
    { kid: 'a' },
    { jkt: 7 },
    { jkt: 'short' },
    { jkt: digest, kid: 'a' },
    'x',
    null,
    [],
  ];
  for (const cnf of bindings) {
    for (const scheme of ['Bearer', 'DPoP'])
      t.equal(
        (await scene.ask('/', await scene.token({ claims: { cnf } }), { scheme })).status,
        401,
        JSON.stringify(cnf),
      );
  }
});
