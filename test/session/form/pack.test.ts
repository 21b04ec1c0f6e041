import { createHash, randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { type Test, test } from 'tap';
import { dictionary } from '../../../src/session/form/dictionary.ts';
import { packSession, unpackSession } from '../../../src/session/form/pack.ts';
import type { Session } from '../../../src/session/session.ts';
import { bareSession } from '../../support/session.ts';
import { anySession, anyToken } from './arbitrary-sessions.ts';
import { dictionaryDigest, packedBefore } from './packed-before.ts';

const again = (session: Session): Session | undefined => {
  const made = packSession(session);
  return made && unpackSession(made.packed)?.session;
};

/** Names in their order, which no deep comparison looks at. */
const namesOf = (value: unknown): unknown =>
  value !== null && typeof value === 'object'
    ? Object.entries(value).map(([name, member]) => [name, namesOf(member)])
    : 0;

const isWhole = (session: Session) => {
  const back = again(session);
  return (
    isDeepStrictEqual(back, session) && isDeepStrictEqual(namesOf(back?.claims), namesOf(session.claims))
  );
};

test('what comes out is what went in, whatever the tokens and claims', async (t) => {
  fc.assert(fc.property(anySession, isWhole), { numRuns: 1000 });
  t.pass('1,000 sessions');
});

test('what was packed when the form was made opens, and its dictionary is the same', async (t) => {
  for (const [packed, session] of packedBefore)
    t.ok(isDeepStrictEqual(unpackSession(Buffer.from(packed, 'base64'))?.session, session));
  t.equal(createHash('sha256').update(dictionary).digest('base64url'), dictionaryDigest);
});

test('every token comes out byte for byte, at each of its places', async (t) => {
  fc.assert(
    fc.property(anyToken, (token) => {
      const sessions = [
        bareSession({ accessToken: token }),
        bareSession({ refreshToken: token }),
        bareSession({ idToken: token }),
      ];
      return sessions.every(isWhole);
    }),
    { numRuns: 1000 },
  );
  t.pass('1,000 tokens');
});

const part = (value: string) => Buffer.from(value, 'utf8').toString('base64url');
const tokenOf = (claims: string) => `${part('{"alg":"RS256"}')}.${part(claims)}.${'A'.repeat(342)}`;
const claimsOf = (json: string): Record<string, unknown> => JSON.parse(json);

test('a claim that a token carries comes out as the token has it', async (t) => {
  const rows: Record<string, string> = {
    'a number that is too large': '{"sub":"ada","n":1e400}',
    'a number below all': '{"sub":"ada","n":-1e400}',
    'minus zero': '{"sub":"ada","n":-0}',
    'members that come twice': '{"n":1,"sub":"ada","n":2}',
    'a member called __proto__': '{"__proto__":{"admin":true},"sub":"ada"}',
    blanks: ' { "sub" :\n"ada" , "n" : [ 1 , { "b" : 1 , "a" : 2 } ] } ',
    'a lone surrogate': '{"sub":"\\ud800","n":"\\udfff"}',
    'names with dots, and the same path below': '{"a.b":1,"a":{"b":2}}',
    'names that are numbers': '{"2":1,"1":2}',
  };
  for (const [name, json] of Object.entries(rows)) {
    const claims = claimsOf(json);
    t.ok(isWhole(bareSession({ idToken: tokenOf(json), claims })), `${name}, in the ID token`);
    t.ok(isWhole(bareSession({ accessToken: tokenOf(json), claims })), `${name}, in the access token`);
    t.ok(isWhole(bareSession({ claims })), `${name}, in none`);
  }
});

test('a claim that differs from the token’s is kept as it is', async (t) => {
  const idToken = tokenOf('{"sub":"ada","zero":-0,"list":[1,2],"members":{"a":1,"b":2},"a":{"b":"below"}}');
  for (const claims of [
    { sub: 'adA' },
    { zero: 0 },
    { list: [2, 1] },
    { list: { 0: 1, 1: 2 } },
    { members: { b: 2, a: 1 } },
    { 'a.b': 'elsewhere' },
    { 'a.c': null },
    { toString: 'own', constructor: 1 },
  ])
    t.ok(isWhole(bareSession({ idToken, claims })), JSON.stringify(claims));
  t.ok(isWhole(bareSession({ idToken, subject: 'somebody else', providerSessionId: '' })));
});

test('claims nested deeper than anybody reads come back', async (t) => {
  const json = `{"deep":${'['.repeat(500)}1${']'.repeat(500)}}`;
  for (const idToken of [tokenOf(json), undefined])
    t.equal(JSON.stringify(again(bareSession({ idToken, claims: claimsOf(json) }))?.claims), json);
});

test('numbers that JSON.stringify alters come back from any depth', async (t) => {
  for (const depth of [1, 49, 50, 51, 52, 60, 500, 998]) {
    const json = `{"deep":${'['.repeat(depth)}-0,1e400,{"n":-1e400}${']'.repeat(depth)}}`;
    let value: unknown = again(bareSession({ claims: claimsOf(json) }))?.claims.deep;
    for (let level = 1; level < depth; level++) value = (value as unknown[])[0];
    t.ok(isDeepStrictEqual(value, [-0, Infinity, { n: -Infinity }]), `${depth} levels`);
  }
});

test('claims nested deeper than can be written are refused, and nothing breaks', async (t) => {
  const json = `{"deep":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
  t.equal(packSession(bareSession({ claims: claimsOf(json) })), undefined);
  t.equal(packSession(bareSession({ idToken: tokenOf(json), claims: claimsOf(json) })), undefined);
});

test('a session with more words than open again is not packed', async (t) => {
  const claims = (length: number) => ({ note: 'ab'.repeat(length / 2) });
  t.ok(isWhole(bareSession({ claims: claims(200 * 1024) })));
  t.equal(packSession(bareSession({ claims: claims(300 * 1024) })), undefined);
});

const full = bareSession({
  id: randomBytes(16).toString('base64url'),
  providerSessionId: 'sid',
  claims: { sub: 'ada', groups: ['staff'] },
  fetchedClaims: ['groups'],
  accessToken: tokenOf('{"sub":"ada","iat":1795811226}'),
  refreshToken: `a.b.${randomBytes(9).toString('hex')}`,
  dpopKey: randomBytes(32).toString('base64url'),
  createdAt: 1795811226.123,
});
const packedFull = packSession(full)?.packed ?? Buffer.alloc(0);

/** Takes the packed form apart: the compressed words have their length before them, in one or two bytes. */
function partsOf(packed: Buffer) {
  const [low = 0, high = 0] = packed;
  const [length, start] = low < 0x80 ? [low, 1] : [(low & 0x7f) + high * 0x80, 2];
  return { deflated: packed.subarray(start, start + length), noise: packed.subarray(start + length) };
}

function joined(deflated: Buffer, noise: Buffer): Buffer {
  const length: number[] = [];
  let rest = deflated.length;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) length.push((rest % 0x80) | 0x80);
  return Buffer.concat([Buffer.from([...length, rest]), deflated, noise]);
}

/** It is no session, or one; it never throws. */
const neverThrows = (t: Test, packed: Buffer) => {
  try {
    return unpackSession(packed)?.session;
  } catch (error) {
    t.fail(`${packed.toString('hex')}: ${String(error)}`);
    return undefined;
  }
};

test('what is cut, or has something behind it, is no session', async (t) => {
  t.strictSame(unpackSession(packedFull)?.session, full);
  for (let length = 0; length < packedFull.length; length++)
    if (neverThrows(t, packedFull.subarray(0, length))) t.fail(`${length} bytes`);
  t.equal(unpackSession(Buffer.concat([packedFull, Buffer.of(0)])), undefined, 'a byte behind');
  const { deflated, noise } = partsOf(packedFull);
  t.strictSame(unpackSession(joined(deflated, noise))?.session, full);
  t.equal(unpackSession(joined(Buffer.concat([deflated, Buffer.from('more')]), noise)), undefined, 'between');
});

test('any bytes in place of a session never throw', async (t) => {
  for (let bit = 0; bit < packedFull.length * 8; bit++) {
    const altered = Buffer.from(packedFull);
    altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    neverThrows(t, altered);
  }
  const bytes = fc.uint8Array({ maxLength: 400 }).map((array) => Buffer.from(array));
  fc.assert(
    fc.property(bytes, bytes, (words, noise) => {
      neverThrows(t, words);
      neverThrows(t, joined(deflateRawSync(words, { dictionary }), noise));
    }),
    { numRuns: 5000 },
  );
  t.pass(`${packedFull.length * 8} bits, 5,000 made up`);
});

test('a decompression bomb is no session, and takes no more memory than a session may', async (t) => {
  const { noise } = partsOf(packedFull);
  for (const bytes of [300 * 1024, 8 * 1024 * 1024]) {
    const bomb = joined(deflateRawSync(Buffer.alloc(bytes, 'x'), { dictionary }), noise);
    const before = process.memoryUsage().arrayBuffers;
    t.equal(unpackSession(bomb), undefined, `${bytes} bytes in ${bomb.length}`);
    t.ok(process.memoryUsage().arrayBuffers - before < 2 * 1024 * 1024);
  }
});

test('lengths and numbers beyond what is there take no memory', async (t) => {
  const words = deflateRawSync(Buffer.from('x'), { dictionary });
  const most = Buffer.from('ffffffffffffff0f', 'hex');
  for (const noise of ['', '01', '0105', '01ffffff7f', '02', 'ffffffffffffffffffff'])
    t.equal(
      neverThrows(t, joined(words, Buffer.concat([Buffer.from(noise, 'hex'), most]))),
      undefined,
      noise,
    );
  t.equal(neverThrows(t, Buffer.concat([most, words])), undefined);
});
