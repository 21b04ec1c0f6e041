import { test } from 'tap';
import { pickClaims, readClaim } from '../../src/identity/claims/claims.ts';

const claims = {
  sub: 'ada',
  realm_access: { roles: ['a', 'b'] },
  'https://example.com/roles': ['c'],
  a: { 'b.c': 1, b: { d: 2 } },
  nothing: null,
};

test('claims are found by dotted path, and by names that have dots in them', async (t) => {
  t.equal(readClaim(claims, 'sub'), 'ada');
  t.strictSame(readClaim(claims, 'realm_access.roles'), ['a', 'b']);
  t.strictSame(readClaim(claims, 'https://example.com/roles'), ['c']);
  t.equal(readClaim(claims, 'a.b.c'), 1);
  t.equal(readClaim(claims, 'a.b.d'), 2);
  t.equal(readClaim(claims, 'a.b.e'), undefined);
});

test('what every object has is no claim', async (t) => {
  for (const path of [
    'constructor',
    '__proto__',
    'toString',
    'sub.length',
    'realm_access.roles.length',
    '__proto__.x',
  ]) {
    t.equal(readClaim(claims, path), path.endsWith('roles.length') ? 2 : undefined, path);
  }
});

test('only the claims that are asked for are kept', async (t) => {
  t.strictSame(pickClaims(claims, ['sub', 'realm_access.roles', 'missing', 'nothing']), {
    sub: 'ada',
    'realm_access.roles': ['a', 'b'],
  });
});
