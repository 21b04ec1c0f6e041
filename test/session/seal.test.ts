import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { test } from 'tap';
import { createKeyRing } from '../../src/session/key-ring.ts';
import { open, seal } from '../../src/session/seal.ts';

const ring = createKeyRing([randomBytes(32)]);

test('what was sealed opens, whatever it says', async (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 5000 }), (text) => {
      const wellFormed = text.toWellFormed();
      return open(seal(wellFormed, ring, 'session', 'c'), ring, 'session', 'c')?.text === wellFormed;
    }),
    { numRuns: 500 },
  );
  t.pass('500 texts');
});

test('a text of any length opens, also beyond what is unpacked again', async (t) => {
  for (const length of [127, 128, 256 * 1024, 256 * 1024 + 1, 1024 * 1024])
    for (const text of ['a'.repeat(length), randomBytes(length / 2).toString('hex')])
      t.ok(open(seal(text, ring, 'session', 'c'), ring, 'session', 'c')?.text === text, `${length} letters`);
});

test('a seal with any bit flipped, or any length cut off, never opens', async (t) => {
  for (const text of ['{"short":1}', JSON.stringify({ long: 'abc'.repeat(200) })]) {
    const sealed = seal(text, ring, 'session', 'c');
    const bytes = Buffer.from(sealed, 'base64url');
    let opened = 0;
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const altered = Buffer.from(bytes);
      altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      if (open(altered.toString('base64url'), ring, 'session', 'c')) opened++;
    }
    for (let length = 0; length < bytes.length; length++) {
      if (open(bytes.subarray(0, length).toString('base64url'), ring, 'session', 'c')) opened++;
    }
    t.equal(opened, 0, `${bytes.length * 8} bits, ${bytes.length} lengths`);
  }
});

test('a seal for one purpose or cookie name never opens for another', async (t) => {
  const sealed = seal('text', ring, 'login', 'a');
  t.equal(open(sealed, ring, 'login', 'a')?.text, 'text');
  t.equal(open(sealed, ring, 'session', 'a'), undefined);
  t.equal(open(sealed, ring, 'rounds', 'a'), undefined);
  t.equal(open(sealed, ring, 'login', 'b'), undefined);
});

test('no two seals are alike, so the nonce is fresh', async (t) => {
  const seals = new Set(Array.from({ length: 2000 }, () => seal('same', ring, 'session', 'c').slice(7, 23)));
  t.equal(seals.size, 2000);
});

test('the first key seals, all keys open, and an old key is told', async (t) => {
  const [a, b] = [randomBytes(32), randomBytes(32)];
  const before = createKeyRing([a]);
  const during = createKeyRing([b, a]);
  const after = createKeyRing([b]);
  const old = seal('text', before, 'session', 'c');
  t.strictSame(open(old, during, 'session', 'c'), { text: 'text', outdatedKey: true });
  t.equal(open(old, after, 'session', 'c'), undefined);
  const fresh = seal('text', during, 'session', 'c');
  t.strictSame(open(fresh, after, 'session', 'c'), { text: 'text', outdatedKey: false });
});

test('a second spelling of a seal is not that seal', async (t) => {
  const sealed = seal('text', ring, 'session', 'c');
  for (const spelling of [`${sealed}=`, `${sealed} `, `${sealed}!`, sealed.replace('A', 'A%')]) {
    if (spelling !== sealed) t.equal(open(spelling, ring, 'session', 'c'), undefined);
  }
});

test('20,000 random values never give anything but "no session"', async (t) => {
  let opened = 0;
  fc.assert(
    fc.property(fc.oneof(fc.base64String({ maxLength: 300 }), fc.string({ maxLength: 200 })), (value) => {
      if (open(value.replaceAll('+', '-').replaceAll('/', '_'), ring, 'session', 'c')) opened++;
    }),
    { numRuns: 20_000 },
  );
  t.equal(opened, 0);
});
