import { randomBytes } from 'node:crypto';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { test } from 'tap';
import { createKeySet, KeysUnavailable } from '../../src/identity/provider/key-set.ts';
import { createProviderKeys } from '../../src/identity/provider/keys.ts';
import {
  foreignKey,
  providerKey,
  publicHalf,
  type SigningKey,
  sendJson,
  signClaims,
} from '../attack/forged-token.ts';
import { createWoundClock } from '../support/clock.ts';
import type { TestProvider } from '../support/provider.ts';
import { arrangeFlood, flood, many, patient } from './flood.ts';
import { goodClaims } from './scene.ts';

async function newKey(): Promise<{ key: SigningKey; kid: string; publicJwk: JWK }> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const kid = randomBytes(8).toString('hex');
  const jwk = { ...(await exportJWK(privateKey)), kid, alg: 'RS256', use: 'sig' };
  return { key: privateKey, kid, publicJwk: publicHalf(jwk) };
}

/** Lets the provider publish other keys than it has. */
function publish(provider: TestProvider, keys: JWK[]): void {
  provider.tamper((hit) => (hit.path === '/jwks' ? sendJson(hit, { keys }) : hit.pass()));
}

test('keys that rotate under load: no good token is refused, and no bad one accepted', patient, async (t) => {
  const scene = await arrangeFlood(t);
  const [first, second] = [await newKey(), await newKey()];
  const foreign = await foreignKey();
  publish(scene.provider, [first.publicJwk]);
  const old = await many(20, () => scene.token({ key: first }));
  const fresh = await many(20, () => scene.token({ key: second }));
  const forged = [
    ...(await many(10, () => scene.token({ key: { ...foreign, kid: first.kid } }))),
    ...(await many(10, () => scene.token({ key: { ...foreign, kid: second.kid } }))),
  ];
  const before = await flood(scene, 300, (index) => old[index % old.length] ?? '');
  t.strictSame(before, { 200: 300 });
  publish(scene.provider, [second.publicJwk]);
  // The very first of them come at the same time, each with a key that is not known yet.
  const after = await flood(scene, 400, (index) => fresh[index % fresh.length] ?? '');
  t.strictSame(after, { 200: 400 });
  t.ok((scene.provider.hits.get('/jwks') ?? 0) <= 2, 'one fetch more');
  const bad = await flood(scene, 300, (index) => forged[index % forged.length] ?? '');
  t.strictSame(bad, { 401: 300 });
  const withdrawn = await flood(scene, 100, (index) => old[index % old.length] ?? '');
  t.strictSame(withdrawn, { 401: 100 }, 'also not those that were verified with the key that is gone');
  const mixed = await flood(scene, 400, (index) =>
    String(index % 2 === 0 ? fresh[index % fresh.length] : forged[index % forged.length]),
  );
  t.strictSame(mixed, { 200: 200, 401: 200 });
});

test('while an issuer is out, known tokens and keys stay good, and nothing unknown gets in', async (t) => {
  const scene = await arrangeFlood(t);
  t.equal((await scene.ask('/', await scene.token())).status, 200);
  const { provider } = scene;
  await provider.stop();
  t.equal((await scene.ask('/', await scene.token())).status, 200, 'a new token of a known key');
  const foreign = await foreignKey();
  const unknown = await scene.ask('/', await scene.token({ key: foreign }));
  t.equal(unknown.status, 503, 'it may be of a new key: that cannot be told now');
  t.ok(Number(unknown.headers['retry-after']) >= 1);
  t.equal(
    (await scene.ask('/', await scene.token({ key: { ...foreign, kid: (await providerKey(provider)).kid } })))
      .status,
    503,
  );
});

test('an issuer that was never reached: 503, and tokens pass as soon as it is there', async (t) => {
  const scene = await arrangeFlood(t);
  const token = await scene.token();
  await scene.provider.stop();
  const answer = await scene.ask('/', token);
  t.equal(answer.status, 503);
  t.equal(answer.headers['x-sallyport-error'], 'provider_unavailable');
  await scene.provider.restart();
  const deadline = Date.now() + 10_000;
  let status = 503;
  while (status === 503 && Date.now() < deadline) ({ status } = await scene.ask('/', token));
  t.equal(status, 200);
});

test('keys that could not be fetched anew are good for a day of outage, and not for ever', async (t) => {
  const provider = { issuer: 'https://id.example.com' };
  const key = await newKey();
  const clock = createWoundClock();
  let isOut = false;
  const fetch = async () => {
    if (isOut) throw new TypeError('fetch failed');
    return Response.json({ keys: [key.publicJwk] });
  };
  const keys = createProviderKeys({
    metadata: () => ({ issuer: provider.issuer, jwks_uri: `${provider.issuer}/jwks` }),
    keySet: createKeySet(fetch, 1000, clock),
  });
  const token = await signClaims({ ...goodClaims(provider), exp: Date.now() }, key);
  await keys.verify(token, {});
  isOut = true;
  clock.wind(12 * 3_600_000);
  await keys.verify(token, {});
  clock.wind(13 * 3_600_000);
  await t.rejects(keys.verify(token, {}), KeysUnavailable);
  isOut = false;
  await keys.verify(token, {});
});

test('keys that do not come are given up when their time is over', async (t) => {
  const clock = createWoundClock();
  let signal: AbortSignal | undefined;
  const fetch = (_url: string, options: { signal?: AbortSignal }) => {
    signal = options.signal;
    return new Promise<Response>((_resolve, reject) => {
      signal?.addEventListener('abort', () => reject(signal?.reason));
    });
  };
  const set = createKeySet(fetch as Parameters<typeof createKeySet>[0], 60_000, clock);
  const asked = set.current('https://id.example.com/jwks');
  clock.wind(59_000);
  t.equal(signal?.aborted, false);
  clock.wind(1000);
  await t.rejects(asked, KeysUnavailable);
  t.equal(signal?.reason.name, 'TimeoutError');
});

test('keys of one address are not those of another, whoever fetches them at the same time', async (t) => {
  const [inside, outside] = [await newKey(), await newKey()];
  const clock = createWoundClock();
  const fetched: string[] = [];
  const fetch = async (url: string) => {
    fetched.push(url);
    return Response.json({ keys: [url.includes('inside') ? inside.publicJwk : outside.publicJwk] });
  };
  // One issuer, whose metadata two entries of a configuration read at different addresses.
  const keySet = createKeySet(fetch, 1000, clock);
  const keysAt = (jwks_uri: string) =>
    createProviderKeys({ metadata: () => ({ issuer: 'https://id.example.com', jwks_uri }), keySet });
  const [here, there] = [keysAt('https://inside.example.com/jwks'), keysAt('https://id.example.com/jwks')];
  const claims = goodClaims({ issuer: 'https://id.example.com' });
  const token = await signClaims(claims, { key: outside.key });
  const [one, two] = await Promise.allSettled([there.verify(token, {}), here.verify(token, {})]);
  t.equal(one.status, 'fulfilled');
  t.equal(two.status, 'rejected', 'at the same time');
  clock.wind(20_000);
  for (let index = 0; index < 3; index++) {
    await there.verify(token, {});
    await t.rejects(here.verify(token, {}), 'one after the other');
  }
  t.equal(fetched.filter((url) => url.includes('//id.')).length, 1, 'and neither drives out the other');
});
