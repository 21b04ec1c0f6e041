import fc from 'fast-check';
import type { Session } from '../../../src/session/session.ts';

/** Any text, lone surrogates and control characters too. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 12 })
    .map((units) => String.fromCharCode(...units)),
  fc.constantFrom('', '\0', '\u0001', '\ud800', 'sub', '__proto__', 'a.b', 'constructor', '\ufeff{'),
);

/** Names that are special to somebody. */
const member = fc.oneof(
  fc.constantFrom('sub', 'sid', 'iat', 'exp', 'email', 'groups', 'realm_access', '__proto__', 'a.b', '0', ''),
  anyText,
);

const number = fc.oneof(
  fc.double({ noNaN: true }),
  fc.integer(),
  fc.constantFrom(-0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2 ** 53, 5e-324, 1795811226),
);

/** What JSON.parse can give, members called `__proto__` and numbers beyond all among them. */
const anyValue: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(fc.constant(null), fc.boolean(), number, anyText),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.array(fc.tuple(member, tie('value')), { maxLength: 4 }).map(Object.fromEntries),
  ),
})).value;

/** JSON as no serializer writes it: blanks, members that come twice, numbers in odd spellings. */
const oddJson = fc
  .array(
    fc.tuple(
      member,
      fc.oneof(
        anyValue.map(jsonOf),
        fc.constantFrom('1e400', '-0', '1.0', '-1E+999', '"\\ud800"', '"\\u0041"'),
      ),
    ),
    {
      maxLength: 6,
    },
  )
  .chain((members) =>
    fc.constantFrom('', ' ', '\r\n\t').map((blank) => {
      const texts = members.map(([name, json]) => `${blank}${JSON.stringify(name)}${blank}:${blank}${json}`);
      return `{${texts.join(`${blank},`)}${blank}}`;
    }),
  );

function jsonOf(value: unknown): string {
  return JSON.stringify(value) ?? 'null';
}

const encoded = (text: string) => Buffer.from(text, 'utf8').toString('base64url');
const bytes = (maxLength: number) =>
  fc.uint8Array({ maxLength }).map((array) => Buffer.from(array).toString('base64url'));

/** A part of a token: base64url, or nearly. */
const part = fc.oneof(
  oddJson.map(encoded),
  bytes(80),
  bytes(20).map((text) => `${text}=`),
  bytes(20).map((text) => `${text}B`),
  bytes(20).map((text) => text.replaceAll('-', '+').replaceAll('_', '/')),
  fc.constantFrom('', '{', 'e30', 'e31', 'e3', 'ewB9', 'eyJ9\n', ' e30', 'deadbeef', 'DEADBEEF'),
  anyText,
);

/** As many dots as are told apart, and one more or less; and what is encrypted (RFC 7516 §3.1). */
const dotted = fc
  .integer({ min: 13, max: 19 })
  .chain((dots) => fc.array(part, { minLength: dots + 1, maxLength: dots + 1 }))
  .map((parts) => parts.join('.'));
const encrypted = fc
  .tuple(oddJson.map(encoded), bytes(60), bytes(12), bytes(300), bytes(16))
  .map((parts) => parts.join('.'));
/** A signed one with something wrong about a part, or around it. */
const bent = fc
  .tuple(oddJson, oddJson, bytes(60), fc.constantFrom('\ufeff', '\0', ' ', '\n', '=', 'A', '\u0141', '.'))
  .chain(([header, claims, signature, odd]) => {
    const [h, c] = [encoded(header), encoded(claims)];
    return fc.constantFrom(
      `${odd}${h}.${c}.${signature}`,
      `${h}.${c}.${signature}${odd}`,
      `${h}${odd}.${c}.${signature}`,
      `${h}.${c}${odd}.${signature}`,
      `${encoded(odd + header)}.${c}.${signature}`,
      `${encoded(header + odd)}.${c}.${signature}`,
      `${h}.${encoded(odd + claims)}.${signature}`,
      `${h}.${encoded(claims + odd)}.${signature}`,
      `${h}.${c}.`,
      `${h}.${c}`,
    );
  });

export const anyToken = fc.oneof(
  dotted,
  encrypted,
  bent,
  fc.tuple(oddJson.map(encoded), oddJson.map(encoded), bytes(300)).map((parts) => parts.join('.')),
  fc.array(part, { maxLength: 7 }).map((parts) => parts.join('.')),
  fc.tuple(part, part, part).map((parts) => parts.join('.')),
  part,
  fc.constantFrom('.', '..', '.'.repeat(20), 'x'.repeat(9000)),
);

const time = fc.oneof(
  fc.integer({ min: 1_700_000_000, max: 2_000_000_000 }),
  fc.integer({ min: 1_700_000_000_000, max: 2_000_000_000_000 }).map((ms) => ms / 1000),
  fc.double({ noNaN: true }),
  fc.constantFrom(0, -0, 1, -5, 2 ** 53, Number.POSITIVE_INFINITY),
);
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

/** Claims of their own, and some that a token carries. */
function claimsWith(tokens: readonly (string | undefined)[]): fc.Arbitrary<Record<string, unknown>> {
  const carried = tokens.flatMap((token) => {
    try {
      const claims: unknown = JSON.parse(
        Buffer.from(token?.split('.')[1] ?? '', 'base64url').toString('utf8'),
      );
      return claims !== null && typeof claims === 'object' ? Object.entries(claims) : [];
    } catch {
      return [];
    }
  });
  const own = fc.array(fc.tuple(member, anyValue), { maxLength: 5 });
  return fc
    .tuple(own, fc.shuffledSubarray(carried))
    .map(([first, then]) => Object.fromEntries([...first, ...then]) as Record<string, unknown>);
}

const plain = { noNullPrototype: true };

/** Any session that JSON can tell of, and more. */
export const anySession: fc.Arbitrary<Session> = fc
  .record({ idToken: optional(anyToken), accessToken: anyToken, refreshToken: optional(anyToken) }, plain)
  .chain(({ idToken, accessToken, refreshToken }) =>
    fc.record(
      {
        id: fc.oneof(bytes(16), anyText),
        provider: anyText,
        subject: anyText,
        providerSessionId: optional(anyText),
        claims: claimsWith([idToken, accessToken, refreshToken]),
        fetchedClaims: fc.array(member, { maxLength: 3 }),
        claimsRefreshAt: optional(time),
        accessToken: fc.constant(accessToken),
        accessTokenExpiresAt: optional(time),
        refreshAt: optional(time),
        refreshToken: fc.constant(refreshToken),
        dpopKey: optional(fc.oneof(bytes(32), anyText)),
        idToken: fc.constant(idToken),
        createdAt: time,
        seenAt: time,
        expiresAt: time,
      },
      plain,
    ),
  );
