import fc from 'fast-check';
import { test } from 'tap';
import { conditions } from '../../src/access/conditions/index.ts';
import { compileAccess } from '../../src/access/decide.ts';
import { type AllowRule, compileRule, needsOfRule, ruleKey } from '../../src/access/rule.ts';
import type { Person, Subject } from '../../src/access/subject.ts';
import { allowRule } from '../../src/config/schema/access.ts';
import { pickClaims } from '../../src/identity/claims/claims.ts';
import {
  addresses,
  allow,
  claims,
  type Name,
  names,
  personWith,
  rules,
  scopes,
  subject,
  type Written,
  written,
} from './world.ts';

const parse = (given: unknown): AllowRule => allowRule().parse(given);

/** What each condition means, written down again in the plainest way: of the file's own text, at each request. */
const meaning: Record<
  Name,
  (value: unknown, person: Person | undefined, address: string | undefined) => boolean
> = {
  groups: (value, person) => listOf(value).some((each) => person?.groups.includes(String(each))),
  users: (value, person) => listOf(value).some((each) => each === person?.user),
  emails: (value, person) => listOf(value).some((each) => same(each, goodEmail(person))),
  emailDomains: (value, person) => listOf(value).some((each) => same(each, goodEmail(person)?.split('@')[1])),
  claims: (value, person) =>
    person !== undefined &&
    Object.entries(value as Record<string, unknown>).every(([path, wanted]) =>
      listOf(wanted).some((each) => [person.claims[path]].flat().includes(each)),
    ),
  networks: (value, _, address) => listOf(value).some((each) => isWithin(String(each), address)),
  bearer: (value, person) => person !== undefined && person.bearer === value,
  scope: (value, person) =>
    listOf(value).some((each) =>
      String(each)
        .split(' ')
        .every((word) => person?.scopes.includes(word)),
    ),
};

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : [value]);

const same = (one: unknown, other: string | undefined) =>
  other !== undefined && String(one).toLowerCase() === other.toLowerCase();

function goodEmail(person: Person | undefined): string | undefined {
  const parts = person?.email?.split('@') ?? [];
  const isGood = parts.length === 2 && parts.every((part) => part !== '' && !/\s/.test(part));
  return isGood && person?.emailVerified ? person.email : undefined;
}

/** Both as rows of bits. */
function isWithin(network: string, address: string | undefined): boolean {
  const [start = '', length] = network.split('/');
  const [wanted, given] = [bitsOf(start), bitsOf(address ?? '')];
  return (
    wanted !== undefined &&
    given?.length === wanted.length &&
    given.startsWith(wanted.slice(0, Number(length ?? wanted.length)))
  );
}

function bitsOf(address: string): string | undefined {
  // An IPv4 address in the clothes of IPv6 is the IPv4 address (RFC 4291 §2.5.5.2).
  const four = /^(?:::ffff:)?(\d+\.\d+\.\d+\.\d+)$/.exec(address)?.[1];
  if (four !== undefined) {
    return four
      .split('.')
      .map((byte) => Number(byte).toString(2).padStart(8, '0'))
      .join('');
  }
  if (!/^[0-9a-f:]+$/.test(address) || !address.includes(':')) return undefined;
  const [left = [], right = []] = address
    .split('::')
    .map((half) => half.split(':').filter((each) => each !== ''));
  const words = [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right];
  return words.map((word) => Number.parseInt(word, 16).toString(2).padStart(16, '0')).join('');
}

/** What a rule says, read from the file at each request. */
function plainVerdict(rule: unknown, { person, clientAddress }: Subject): string {
  if (rule === 'public') return 'allow the route is public';
  if (rule === 'signed-in') return person ? 'allow signed in' : 'sign-in';
  const alternatives = rule as Written[];
  const failing = (given: Written) =>
    names.filter((name) => given[name] !== undefined && !meaning[name](given[name], person, clientAddress));
  const found = alternatives.findIndex((given) => failing(given).length === 0);
  if (found >= 0) return `allow allow[${found}] holds`;
  if (!person && alternatives.some((given) => Object.keys(given).some((name) => name !== 'networks')))
    return 'sign-in';
  const places = alternatives.map((given, at) => `allow[${at}].${failing(given)[0]}`).join(', ');
  const lacking = person?.bearer && alternatives.find((given) => failing(given).join() === 'scope');
  return lacking
    ? `insufficient_scope ${listOf(lacking.scope)[0]} none holds: ${places}`
    : `not_allowed none holds: ${places}`;
}

function verdictOf(rule: AllowRule, asking: Subject): string {
  const verdict = compileRule(rule)(asking);
  if (verdict.kind === 'sign-in') return 'sign-in';
  if (verdict.kind === 'allow') return `allow ${verdict.reason}`;
  const scope = verdict.code === 'insufficient_scope' ? `${verdict.scope} ` : '';
  return `${verdict.code} ${scope}${verdict.reason}`;
}

test('the tests know every condition, in the order of the table', async (t) => {
  t.same(
    conditions.map(({ name }) => name),
    names,
  );
});

test('a compiled rule says what the file says, read plainly, to whoever asks', async (t) => {
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(allow, subject, (rule, asking) => {
      const expected = plainVerdict(rule, asking);
      const kind = expected.split(' ')[0] ?? '';
      seen.set(kind, (seen.get(kind) ?? 0) + 1);
      if (verdictOf(parse(rule), asking) === expected) return;
      throw new Error(`${verdictOf(parse(rule), asking)}, and not ${expected}`);
    }),
    { numRuns: 5000 },
  );
  for (const kind of ['allow', 'sign-in', 'not_allowed', 'insufficient_scope'])
    t.ok((seen.get(kind) ?? 0) > 20, `${kind}: ${seen.get(kind)} times`);
});

for (const name of names) {
  test(`${name}: the claims that it needs are all that it reads`, async (t) => {
    let held = 0;
    fc.assert(
      fc.property(written[name], claims, scopes, addresses, (value, all, tokenScopes, clientAddress) => {
        const rule = parse([{ [name]: value }]);
        const { paths, roles } = needsOfRule(rule);
        const kept = pickClaims(all, [...paths, ...roles.map((role) => rules.claims[role])]);
        const everything = pickClaims(all, Object.keys(all));
        const holds = (given: Record<string, unknown>) =>
          compileRule(rule)({ person: personWith(given, tokenScopes), clientAddress }).kind;
        if (holds(everything) === 'allow') held++;
        return holds(kept) === holds(everything);
      }),
      { numRuns: 1000 },
    );
    // Some thirty times as a rule: it is to be seen that it holds at all.
    t.ok(held > 3, `it held ${held} times`);
  });

  test(`${name}: it holds for nobody who is not signed in, unless it asks for no person`, async (t) => {
    const asks = conditions.find((each) => each.name === name)?.asks;
    let held = 0;
    fc.assert(
      fc.property(written[name], addresses, (value, clientAddress) => {
        const verdict = compileRule(parse([{ [name]: value }]))({ person: undefined, clientAddress });
        if (verdict.kind === 'allow') held++;
        return verdict.kind !== (asks === 'person' ? 'deny' : 'sign-in');
      }),
    );
    t.equal(held > 0, asks === 'request');
  });
}

const keyOf = (rule: unknown) => JSON.stringify(ruleKey(parse(rule)));

/** Two values of one condition. */
const twins = fc
  .constantFrom(...names)
  .chain((name) =>
    fc.tuple(written[name], written[name]).map((pair) => pair.map((value) => [{ [name]: value }])),
  );

test('rules of one key hold for the same requests', async (t) => {
  let alike = 0;
  fc.assert(
    fc.property(twins, fc.array(subject, { minLength: 5 }), ([one, other], askings) => {
      if (keyOf(one) !== keyOf(other)) return true;
      alike++;
      return askings.every((asking) => verdictOf(parse(one), asking) === verdictOf(parse(other), asking));
    }),
    { numRuns: 5000 },
  );
  t.ok(alike > 200, `${alike} pairs were alike`);
});

test('in what order values stand, and how often, makes no other rule; what they are does', async (t) => {
  const pairs: [same: boolean, one: Written, other: Written][] = [
    [true, { groups: ['a', 'b'], users: 'x' }, { users: ['x', 'x'], groups: ['b', 'a', 'b'] }],
    [true, { emails: ['A@x.example'] }, { emails: 'a@X.example' }],
    [true, { emailDomains: 'Example.com' }, { emailDomains: ['example.com'] }],
    [true, { claims: { a: [1, 2], b: 'x' } }, { claims: { b: ['x'], a: [2, 1] } }],
    [true, { networks: ['10.0.0.0/8', '::1'] }, { networks: ['::1/128', '10.0.0.0/8'] }],
    [false, { groups: 'a' }, { groups: 'A' }],
    [false, { groups: 'a' }, { users: 'a' }],
    [false, { groups: ['a', 'b'] }, { groups: ['a,b'] }],
    [false, { groups: ['a', 'b'] }, { groups: ['a'] }],
    [false, { claims: { a: 1 } }, { claims: { a: '1' } }],
    [false, { claims: { a: ['b', 'c'] } }, { claims: { a: 'b', b: 'c' } }],
    [false, { networks: '10.0.0.0/8' }, { networks: '10.0.0.0/9' }],
    [false, { bearer: true }, { bearer: false }],
    [false, { scope: ['a', 'b'] }, { scope: ['b', 'a'] }],
    [false, { scope: 'a b' }, { scope: ['a', 'b'] }],
  ];
  for (const [isSame, one, other] of pairs)
    t.equal(keyOf([one]) === keyOf([other]), isSame, `${JSON.stringify(one)} and ${JSON.stringify(other)}`);
  t.not(keyOf([{ groups: 'a', users: 'b' }]), keyOf([{ groups: 'a' }, { users: 'b' }]));
});

test('whom a route lets pass as nobody, nobody is asked to sign in there, wherever the request comes from', async (t) => {
  const seen = { yes: 0, no: 0 };
  const answers = fc.constantFrom('auto', 'login', '401', 'pass');
  fc.assert(
    fc.property(
      allow,
      answers,
      addresses,
      fc.boolean(),
      (rule, unauthenticated, clientAddress, navigation) => {
        const access = compileAccess({
          allow: parse(rule),
          unauthenticated,
          preflight: 'check',
          csrf: 'off',
        });
        const request = { person: undefined, clientAddress, navigation, preflight: false, forgeable: false };
        const { kind } = access.decide(request);
        const isOpen = access.isPublic || access.letsNobodyPass;
        seen[isOpen ? 'yes' : 'no']++;
        if (isOpen) return kind === 'allow';
        // What is not open lets nobody pass but by the network that they are in.
        return kind !== 'allow' || JSON.stringify(rule).includes('networks');
      },
    ),
    { numRuns: 2000 },
  );
  t.ok(seen.yes > 100 && seen.no > 100, JSON.stringify(seen));
});

test('a rule that the schema would refuse lets nobody pass: it is not compiled', async (t) => {
  for (const rule of [[{}], [{ groups: undefined }], [{ hours: ['9-17'] }], [{ groups: ['a'], toString: 1 }]])
    t.throws(() => compileRule(rule as AllowRule), /condition/);
});
