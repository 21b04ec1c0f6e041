import fc from 'fast-check';
import type { Subject } from '../../src/access/subject.ts';
import { personOf } from '../../src/identity/person.ts';

/**
 * Small worlds, so that random rules and random people meet: rules as they stand in a file, claims as a provider
 * sends them.
 */
const one = <T>(...values: T[]) => fc.constantFrom(...values);
const some = <T>(...values: T[]) =>
  fc.oneof(fc.subarray(values, { minLength: 1 }), fc.constantFrom(...values));

/** What may stand in a file, by the name of the condition. */
export const written = {
  groups: some('staff', 'admins', 'Staff', 'a,b'),
  emails: some('ada@example.com', 'Ada@Example.COM', 'bob@sub.example.com'),
  emailDomains: some('example.com', 'Sub.Example.com', 'com'),
  users: some('ada', 'Ada', 'bob', '7'),
  claims: fc.dictionary(one('level', 'realm.roles', 'active'), some<unknown>(1, '1', true, 'a', 'b'), {
    minKeys: 1,
  }),
  networks: some('10.0.0.0/8', '10.1.2.3', '0.0.0.0/0', '2001:db8::/33', '::1'),
  bearer: one(true, false),
  scope: some('files:read', 'files:read files:write', 'mail'),
};
export type Name = keyof typeof written;
export const names = Object.keys(written) as Name[];

export type Written = Partial<Record<Name, unknown>>;

const alternative: fc.Arbitrary<Written> = fc
  .tuple(fc.record(written), fc.subarray(names, { minLength: 1, maxLength: 3 }))
  .map(([all, chosen]) => Object.fromEntries(chosen.map((name) => [name, all[name]])));

export const allow = fc.oneof(
  { weight: 1, arbitrary: one('public', 'signed-in') },
  { weight: 9, arbitrary: fc.array(alternative, { minLength: 1, maxLength: 3 }) },
);

export const rules = {
  claims: {
    user: 'uid',
    username: 'preferred_username',
    email: 'mail',
    emailVerified: 'mail_verified',
    name: 'name',
    groups: 'memberOf',
  },
  countUnverifiedEmail: false,
  requireVerifiedEmail: false,
};

export const claims: fc.Arbitrary<Record<string, unknown>> = fc.record(
  {
    uid: one<unknown>('ada', 'bob', 7, true),
    mail: one<unknown>(
      'ada@example.com',
      'ADA@example.com',
      'bob@Sub.example.com',
      'x@y@example.com',
      '@example.com',
      'ada@example.com ',
      'com',
      7,
    ),
    mail_verified: one<unknown>(true, false, 'false', 0, null),
    memberOf: one<unknown>(['staff'], ['admins', 'Staff'], 'staff', 'a,b', ['a', 'b'], [1], {}),
    level: one<unknown>(1, '1', [1, 'a'], [['a']], null, true),
    'realm.roles': one<unknown>(['a', 'b'], 'a', 'a,b', []),
    active: one<unknown>(true, 'true', 1),
  },
  { requiredKeys: [] },
);

/** Somebody with these claims, or a client with an access token that has them. */
export function personWith(given: Record<string, unknown>, scopes: string[] | undefined) {
  const person = { ...personOf(rules, 'ada', given), provider: 'default' };
  return scopes === undefined ? person : { ...person, bearer: true, scopes };
}

export const scopes = fc.option(fc.subarray(['files:read', 'files:write', 'mail']), { nil: undefined });

export const addresses = one(
  undefined,
  '10.1.2.3',
  '10.255.0.1',
  '192.0.2.1',
  '::1',
  '2001:db8::1',
  '2001:db8:8000::1',
  '::ffff:10.1.2.3',
  'unknown',
);

export const subject: fc.Arbitrary<Subject> = fc.record({
  person: fc.option(
    fc.tuple(claims, scopes).map(([given, tokenScopes]) => personWith(given, tokenScopes)),
    { nil: undefined, freq: 4 },
  ),
  clientAddress: addresses,
});
