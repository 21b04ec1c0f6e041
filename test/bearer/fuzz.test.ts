import fc from 'fast-check';
import { test } from 'tap';
import { assembled } from '../attack/forged-token.ts';
import { arrangeBearer, goodClaims } from './scene.ts';

const runs = { numRuns: 150 };
const settled = [200, 400, 401, 403, 431];

test('no Authorization and no DPoP header ends in an error of the gateway', async (t) => {
  const scene = await arrangeBearer(t);
  const visible = fc.string({
    unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
  });
  const part = fc.oneof(
    visible,
    fc.json().map((text) => Buffer.from(text).toString('base64url')),
  );
  const token = fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => parts.join('.'));
  const scheme = fc.constantFrom('Bearer', 'bearer ', 'DPoP', 'Bearer,', 'Basic', '');
  await fc.assert(
    fc.asyncProperty(scheme, token, fc.option(token, { nil: undefined }), async (name, value, dpop) => {
      const answer = await scene.client.get(`${scene.gateway.url}/`, {
        authorization: `${name} ${value}`.trim(),
        ...(dpop !== undefined && { dpop }),
      });
      return answer.status === 401;
    }),
    runs,
  );
  t.strictSame(scene.upstream.requests, []);
});

test('no header and no claims of an unsigned token end in an error of the gateway', async (t) => {
  const scene = await arrangeBearer(t);
  const map = fc.dictionary(
    fc.constantFrom(
      'alg',
      'typ',
      'kid',
      'crit',
      'b64',
      'jwk',
      'jku',
      'zip',
      'iss',
      'aud',
      'exp',
      '__proto__',
    ),
    fc.oneof(fc.jsonValue(), fc.constantFrom('RS256', 'at+jwt', scene.provider.issuer)),
  );
  await fc.assert(
    fc.asyncProperty(map, map, async (head, claims) => {
      const token = assembled(
        { alg: 'RS256', typ: 'at+jwt', ...head },
        { iss: scene.provider.issuer, ...claims },
      );
      return (await scene.ask('/', token)).status === 401;
    }),
    runs,
  );
  t.strictSame(scene.upstream.requests, []);
});

test('claims of any shape that the issuer did sign end in a decision', async (t) => {
  const scene = await arrangeBearer(t, {
    headers: {
      'X-Tenant': '{claims.tenant.name}',
      'X-Json': '{claims.tenant|json}',
      'X-Groups': '{groups|base64}',
    },
  });
  const names = [
    'groups',
    'email',
    'name',
    'scope',
    'scp',
    'aud',
    'cnf',
    'tenant',
    'email_verified',
    'exp',
    'typ',
    'jti',
  ];
  const claims = fc.dictionary(fc.constantFrom(...names), fc.jsonValue());
  const path = fc.constantFrom('/', '/admins', '/write', '/open', '/people', '/pass');
  await fc.assert(
    fc.asyncProperty(claims, path, async (change, where) => {
      const token = await scene.token({ claims: { ...goodClaims(scene.provider), ...change } });
      return settled.includes((await scene.ask(where, token)).status);
    }),
    runs,
  );
  t.notOk(scene.gateway.log.lines.some(({ code }) => code === 'internal'));
});
