import { hkdfSync } from 'node:crypto';
import fc from 'fast-check';
import { test } from 'tap';
import { deriveBytes } from '../../src/hkdf.ts';

const bytes = fc.uint8Array({ maxLength: 300 });

test('keys are those of HKDF-SHA-256, whatever they are derived from and for', async (t) => {
  fc.assert(
    fc.property(bytes, fc.string({ unit: 'binary', maxLength: 100 }), (secret, info) =>
      deriveBytes(secret, info).equals(Buffer.from(hkdfSync('sha256', secret, '', info, 32))),
    ),
    { numRuns: 500 },
  );
  t.pass('500 secrets');
});

test('the vector of RFC 5869 A.3 comes out, as far as it is a key of 32 bytes', async (t) => {
  const secret = Buffer.alloc(22, 0x0b);
  t.equal(
    deriveBytes(secret, '').toString('hex'),
    '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d',
  );
});
