import { randomBytes } from 'node:crypto';
import { test } from 'tap';
import { assembled } from '../attack/forged-token.ts';
import { arrangeFlood, flood, many, patient } from './flood.ts';
import { goodClaims } from './scene.ts';

test('10,000 requests with JWTs of one issuer cost one fetch of its keys', patient, async (t) => {
  const scene = await arrangeFlood(t);
  const tokens = await many(200, () => scene.token());
  const statuses = await flood(scene, 10_000, (index) => tokens[index % tokens.length] ?? '');
  t.strictSame(statuses, { 200: 10_000 });
  t.equal(scene.provider.hits.get('/jwks'), 1);
});

test('1,000 tokens with keys of unknown names cause a handful of fetches at the most', patient, async (t) => {
  const scene = await arrangeFlood(t);
  const claims = goodClaims(scene.provider);
  const unknown = Array.from({ length: 1000 }, () =>
    assembled({ alg: 'RS256', typ: 'at+jwt', kid: randomBytes(8).toString('hex') }, claims, 'c2ln'),
  );
  const good = await scene.token();
  const statuses = await flood(scene, 2000, (index) =>
    index % 2 === 0 ? good : (unknown[(index - 1) / 2] ?? ''),
  );
  t.strictSame(statuses, { 200: 1000, 401: 1000 });
  const fetches = scene.provider.hits.get('/jwks') ?? 0;
  t.ok(fetches <= 6, `${fetches} fetches`);
});
