import { test } from 'tap';
import { type AccessRequest, type AccessRule, compileAccess } from '../../src/access/decide.ts';
import { isNavigation, wantsPage } from '../../src/access/navigation.ts';
import type { Person } from '../../src/access/subject.ts';

const ada: Person = {
  provider: 'default',
  name: 'Ada',
  user: 'ada',
  email: 'Ada@Example.com',
  emailVerified: true,
  groups: ['staff', 'admins'],
  claims: { level: 3, roles: ['a', 'b'], active: true },
  bearer: false,
  scopes: [],
};
const nobody: AccessRequest = {
  person: undefined,
  clientAddress: '203.0.113.1',
  navigation: false,
  preflight: false,
  forgeable: false,
};

const plain = { preflight: 'check', csrf: 'off' } as const;

const outcome = (
  allow: AccessRule['allow'],
  unauthenticated: AccessRule['unauthenticated'],
  signedIn: boolean,
  navigation: boolean,
) =>
  compileAccess({ ...plain, allow, unauthenticated }).decide({
    ...nobody,
    person: signedIn ? ada : undefined,
    navigation,
  }).kind;

test('every combination of rule and request has the decision that the contract names', async (t) => {
  const table: [AccessRule['allow'], AccessRule['unauthenticated'], boolean, boolean, string][] = [
    ['public', 'auto', false, false, 'allow'],
    ['public', '401', false, true, 'allow'],
    ['signed-in', 'auto', true, false, 'allow'],
    ['signed-in', '401', true, true, 'allow'],
    ['signed-in', 'auto', false, true, 'login'],
    ['signed-in', 'auto', false, false, 'deny'],
    ['signed-in', 'login', false, false, 'login'],
    ['signed-in', 'login', false, true, 'login'],
    ['signed-in', '401', false, true, 'deny'],
    ['signed-in', '401', false, false, 'deny'],
    ['signed-in', 'pass', false, true, 'allow'],
    ['signed-in', 'pass', false, false, 'allow'],
  ];
  for (const [allow, unauthenticated, signedIn, navigation, expected] of table) {
    t.equal(
      outcome(allow, unauthenticated, signedIn, navigation),
      expected,
      `${allow} ${unauthenticated} ${signedIn} ${navigation}`,
    );
  }
});

test('a browser that goes to a page is told from everything else', async (t) => {
  const html = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
  t.ok(isNavigation('GET', html));
  t.ok(isNavigation('HEAD', html));
  t.ok(isNavigation('GET', { ...html, 'sec-fetch-mode': 'navigate' }));
  t.notOk(isNavigation('GET', { accept: '*/*' }), 'curl');
  t.notOk(isNavigation('GET', {}));
  t.notOk(isNavigation('GET', { accept: 'application/json' }));
  t.notOk(isNavigation('GET', { ...html, 'sec-fetch-mode': 'cors' }), 'fetch() of a page');
  t.notOk(isNavigation('GET', { ...html, 'x-requested-with': 'XMLHttpRequest' }));
  t.notOk(isNavigation('GET', { ...html, 'sec-purpose': 'prefetch;prerender' }));
  t.notOk(isNavigation('POST', html), 'a form would lose its content in a login');
  t.ok(wantsPage(html), 'yet its sender is shown a page');
});

test('Fetch Metadata says what is a navigation, whatever a web view of Android adds', async (t) => {
  const html = { accept: 'text/html,application/xhtml+xml' };
  const navigation = { ...html, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
  for (const app of ['com.example.inapp', 'org.example.mail_client', 'XMLHttpRequest']) {
    t.ok(isNavigation('GET', { ...navigation, 'x-requested-with': app }), app);
    t.notOk(isNavigation('GET', { ...html, 'sec-fetch-mode': 'cors', 'x-requested-with': app }), app);
  }
  // Older web views, and those on plain http, send no Fetch Metadata.
  t.ok(isNavigation('GET', { ...html, 'x-requested-with': 'com.example.inapp' }));
  t.notOk(isNavigation('GET', { accept: '*/*', 'x-requested-with': 'com.example.inapp' }), 'its scripts');
  for (const script of ['XMLHttpRequest', 'fetch', '1', '', 'com.', '.com', 'a b.c', 'com..example'])
    t.notOk(isNavigation('GET', { ...html, 'x-requested-with': script }), script);
});

type Alternatives = Extract<AccessRule['allow'], unknown[]>;

/** Whether a person passes, or the code of the denial. */
function passes(allow: Alternatives, request: Partial<AccessRequest>): string {
  const decision = compileAccess({ ...plain, allow, unauthenticated: 'auto' }).decide({
    ...nobody,
    ...request,
  });
  return decision.kind === 'deny' ? decision.code : decision.kind;
}

test('of an alternative all conditions must hold, of a condition one value, and of the list one alternative', async (t) => {
  const person = ada;
  t.equal(passes([{ groups: ['admins'] }], { person }), 'allow');
  t.equal(passes([{ groups: ['nobody', 'admins'] }], { person }), 'allow');
  t.equal(passes([{ groups: ['nobody'] }], { person }), 'not_allowed');
  t.equal(passes([{ groups: ['admins'], users: ['grace'] }], { person }), 'not_allowed');
  t.equal(passes([{ groups: ['admins'], users: ['ada'] }], { person }), 'allow');
  t.equal(passes([{ users: ['grace'] }, { groups: ['staff'] }], { person }), 'allow');
});

test('comparison is exact, and emails are compared without case and only when verified', async (t) => {
  const person = ada;
  t.equal(passes([{ groups: ['Admins'] }], { person }), 'not_allowed');
  t.equal(passes([{ groups: ['admin'] }], { person }), 'not_allowed');
  t.equal(passes([{ emails: ['ada@example.com'] }], { person }), 'allow');
  t.equal(passes([{ emailDomains: ['EXAMPLE.com'] }], { person }), 'allow');
  for (const domain of ['ample.com', 'com', '@example.com', '.example.com', '*']) {
    t.equal(passes([{ emailDomains: [domain] }], { person }), 'not_allowed', domain);
  }
  const sub = { ...ada, email: 'ada@sub.example.com' };
  t.equal(passes([{ emailDomains: ['example.com'] }], { person: sub }), 'not_allowed');
  const unverified = { ...ada, emailVerified: false };
  t.equal(passes([{ emails: ['ada@example.com'] }], { person: unverified }), 'not_allowed');
  t.equal(passes([{ emailDomains: ['example.com'] }], { person: unverified }), 'not_allowed');
  for (const email of ['@example.com', 'x@y@example.com', 'ada@example.com\n', 'a b@example.com']) {
    t.equal(
      passes([{ emailDomains: ['example.com'] }], { person: { ...ada, email } }),
      'not_allowed',
      encodeURI(email),
    );
  }
});

test('claims are compared by value and type, lists by their members', async (t) => {
  const person = ada;
  t.equal(passes([{ claims: { level: [3] } }], { person }), 'allow');
  t.equal(passes([{ claims: { level: ['3'] } }], { person }), 'not_allowed');
  t.equal(passes([{ claims: { roles: ['x', 'b'] } }], { person }), 'allow');
  t.equal(passes([{ claims: { roles: ['a,b'] } }], { person }), 'not_allowed');
  t.equal(passes([{ claims: { active: [true], level: [4] } }], { person }), 'not_allowed');
  t.equal(passes([{ claims: { missing: ['x'] } }], { person }), 'not_allowed');
});

test('what is absent is denied', async (t) => {
  const bare: Person = {
    provider: undefined,
    user: 'x',
    email: undefined,
    name: undefined,
    emailVerified: true,
    groups: [],
    claims: {},
    bearer: false,
    scopes: [],
  };
  for (const rule of [
    { groups: ['a'] },
    { emails: ['a@b'] },
    { emailDomains: ['b'] },
    { users: ['a'] },
    { claims: { a: ['b'] } },
  ]) {
    t.equal(passes([rule], { person: bare }), 'not_allowed');
  }
});

test('a network can be enough, or come on top; signing in is asked only where it can help', async (t) => {
  const inside = '10.1.2.3';
  const networks = [{ address: '10.0.0.0', prefix: 8, family: 'ipv4' as const }];
  t.equal(passes([{ networks }], { clientAddress: inside }), 'allow', 'without a session');
  t.equal(passes([{ networks }], {}), 'not_allowed', 'where signing in would not help');
  t.equal(passes([{ networks, groups: ['admins'] }], { clientAddress: inside }), 'not_signed_in');
  t.equal(passes([{ networks, groups: ['admins'] }], { clientAddress: inside, navigation: true }), 'login');
  t.equal(passes([{ networks, groups: ['admins'] }], { person: ada }), 'not_allowed');
  t.equal(passes([{ networks, groups: ['admins'] }], { person: ada, clientAddress: inside }), 'allow');
});
